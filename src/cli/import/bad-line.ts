/** A file cannot be imported because of what stands in one of its lines. */
export class BadLine extends Error {
  override readonly name = 'BadLine';
  readonly line: number;
  readonly column: string | undefined;
  constructor(
    line: number,
    column: string | undefined,
    detail: string,
    kind: 'column' | 'field' = 'column',
  ) {
    super(`line ${line}${column ? `, ${kind} "${column}"` : ''}: ${detail}`);
    this.line = line;
    this.column = column;
  }
}
