import { isUtf8 } from 'node:buffer';
import { BadLine } from './bad-line.js';

/** No line is longer: an opening quote that is never closed must not swallow a file of gigabytes. */
export const LONGEST_LINE = 10 * 1024 * 1024;

const LF = 0x0a;

/**
 * Text of a file in blocks of whole lines, without its byte order mark, every line ended by \n
 * alone (a parser that counts \r\n as two lines would name the wrong one).
 * @throws BadLine where the bytes are not UTF-8
 */
export async function* wholeLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest: Uint8Array = new Uint8Array();
  let line = 1;
  for await (const chunk of bytes) {
    const all = Buffer.concat([rest, chunk]);
    const end = all.lastIndexOf(LF) + 1;
    rest = all.subarray(end);
    if (end > 0) {
      const text = decode(all.subarray(0, end), line);
      line += text.split('\n').length - 1;
      yield text;
    }
    if (rest.length > LONGEST_LINE)
      throw new BadLine(line, undefined, `is longer than ${LONGEST_LINE / 1024 / 1024} MiB`);
  }
  if (rest.length > 0) yield decode(rest, line);
}

function decode(bytes: Uint8Array, firstLine: number): string {
  if (!isUtf8(bytes))
    throw new BadLine(
      firstBad(bytes, firstLine),
      undefined,
      'is not UTF-8: save the file as UTF-8',
    );
  const text = Buffer.from(bytes).toString('utf8').replaceAll('\r\n', '\n');
  return firstLine === 1 ? text.replace(/^\uFEFF/, '') : text;
}

/** A line break is never part of a longer UTF-8 character, so each line can be judged alone. */
function firstBad(bytes: Uint8Array, firstLine: number): number {
  let start = 0;
  for (let line = firstLine; ; line += 1) {
    const end = bytes.indexOf(LF, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}
