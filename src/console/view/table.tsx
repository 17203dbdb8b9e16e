import type { ComponentChildren } from 'preact';

export interface Column<T> {
  readonly heading: string;
  readonly cell: (row: T) => ComponentChildren;
  /** Counts stand right. */
  readonly number?: boolean;
  /** Short words stay in one piece. */
  readonly short?: boolean;
}

/** Rows under headings; on a phone each row is a card with the headings beside the values. */
export function Table<T>({
  rows,
  columns,
  keyOf,
  label,
}: {
  rows: readonly T[];
  columns: readonly Column<T>[];
  /** What tells one row from another, also after a refresh. */
  keyOf: (row: T) => string | number;
  /** What the table lists, for those who cannot see it. */
  label: string;
}) {
  return (
    <section class="scroll" tabindex={0} aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map((one) => (
              <th key={one.heading} scope="col" class={one.number ? 'number' : undefined}>
                {one.heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} data-key={keyOf(row)}>
              {columns.map((one) => (
                <td
                  key={one.heading}
                  data-heading={one.heading}
                  class={one.number ? 'number' : one.short ? 'short' : undefined}
                >
                  {one.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
