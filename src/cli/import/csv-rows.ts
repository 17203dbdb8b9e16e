import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { JsonObject } from '../../json.js';
import { BadLine } from './bad-line.js';
import { type Columns, readCell } from './shopify-columns.js';
import { LONGEST_LINE } from './whole-lines.js';

/** One row of a CSV file with a header; what is taken out of it is gone, so that nothing is lost unseen. */
export class Row {
  readonly line: number;
  private readonly cells: Map<string, string>;
  constructor(line: number, cells: Map<string, string>) {
    this.line = line;
    this.cells = cells;
  }

  /** The text of a column, '' when it is blank or not there. */
  peek(column: string): string {
    return this.cells.get(column) ?? '';
  }

  take(column: string): string {
    const text = this.peek(column);
    this.cells.delete(column);
    return text;
  }

  /** Takes all these columns; those that are blank leave no field behind. */
  takeAll(columns: Columns): JsonObject {
    const fields: JsonObject = {};
    for (const [column, [field, kind]] of Object.entries(columns)) {
      const text = this.take(column);
      if (text !== '') fields[field] = readCell(this.line, column, text, kind);
    }
    return fields;
  }

  /** What nobody took, under the names of the columns. */
  rest(): Record<string, string> {
    return Object.fromEntries(this.cells);
  }
}

/** Rows of a CSV file, one at a time; blank cells and blank rows are left out. */
export async function* csvRows(
  text: AsyncIterable<string>,
  needed: readonly string[],
): AsyncGenerator<Row> {
  let lastLine = 0;
  const parser = parse({
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_LINE,
    // Seen before a failure: then the parser forgets the records that were not fetched yet.
    on_record(parsed, { lines }) {
      lastLine = lines;
      return parsed;
    },
  });
  // A failure of the file ends the parser, and with it the loop below.
  pipeline(Readable.from(text), parser, () => {});
  let header: string[] | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      // The parser tells where a record ends; quoted line breaks lie between that and its start.
      const line = info.lines - record.join('').split('\n').length + 1;
      if (!header) header = readHeader(line, record, needed);
      else if (record.some((cell) => cell.trim() !== '')) yield readRow(line, header, record);
    }
  } catch (error) {
    throw error instanceof CsvError ? explain(error, lastLine) : error;
  }
  if (!header) throw new BadLine(1, undefined, 'the file is empty');
}

interface Parsed {
  record: string[];
  info: { lines: number };
}

function readHeader(line: number, record: string[], needed: readonly string[]): string[] {
  const header = record.map((name) => name.trim());
  const missing = needed.filter((name) => !header.includes(name));
  if (missing.length > 0) {
    const separator = header.length === 1 && /[;\t|]/.exec(header[0] ?? '')?.[0];
    const hint = separator
      ? ` (its columns are separated by ${JSON.stringify(separator)}, not by commas)`
      : '';
    const names = missing.map((name) => `"${name}"`).join(', ');
    throw new BadLine(line, undefined, `the header has no column ${names}${hint}`);
  }
  const double = header.find((name, at) => name !== '' && header.indexOf(name) !== at);
  if (double) throw new BadLine(line, double, 'stands in the header twice');
  return header;
}

function readRow(line: number, header: string[], record: string[]): Row {
  if (record.length !== header.length) {
    const detail = `has ${record.length} cells where the header has ${header.length} columns`;
    throw new BadLine(line, undefined, `${detail}; is a quote or a comma missing?`);
  }
  const cells = new Map<string, string>();
  for (const [at, name] of header.entries()) {
    const cell = record[at] ?? '';
    if (cell.trim() !== '') cells.set(name === '' ? `column ${at + 1}` : name, cell);
  }
  return new Row(line, cells);
}

function explain(error: CsvError, lastLine: number): BadLine {
  const endless = error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE';
  if (endless)
    return new BadLine(lastLine + 1, undefined, 'a quote that opens here is never closed');
  const line = typeof error['lines'] === 'number' ? error['lines'] : lastLine + 1;
  return new BadLine(
    line,
    undefined,
    'a quote stands within a cell: double it, and quote the cell',
  );
}
