import type { JsonObject } from '../../json.js';
import { readJson } from '../input.js';
import { BadLine } from './bad-line.js';

/** One JSON object a line; blank lines are passed over. @throws BadLine */
export async function* jsonLines(
  text: AsyncIterable<string>,
): AsyncGenerator<{ line: number; record: JsonObject }> {
  let line = 0;
  for await (const block of text) {
    const lines = block.split('\n');
    // A block ends with a line break, so the last piece is no line; the file's last may have none.
    if (lines.at(-1) === '') lines.pop();
    for (const each of lines) {
      line += 1;
      if (each.trim() !== '') yield { line, record: readObject(line, each) };
    }
  }
}

function readObject(line: number, text: string): JsonObject {
  const value = readJson(
    text,
    (detail) => new BadLine(line, undefined, detail.replace('line 1, ', '')),
  );
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadLine(line, undefined, 'is not a JSON object');
  return value;
}
