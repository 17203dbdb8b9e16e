import Table from 'cli-table3';

/** Spaces between two columns. */
const GAP = 2;
/** No column is made narrower than this. */
const NARROWEST = 6;

/**
 * Rows under their headings. Within `width` columns the widest cells are cut with "…";
 * without a width (a pipe) nothing is.
 */
export function table(headings: string[], rows: string[][], width?: number): string {
  const natural = headings.map((heading, at) =>
    Math.max(...[heading, ...rows.map((row) => row[at] ?? '')].map(widthOf)),
  );
  const widths = width === undefined ? natural : fitted(natural, width);
  const drawn = new Table({
    head: headings,
    // cli-table3 counts the padding as part of a column.
    colWidths: widths.map((each) => each + GAP),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
    chars: borderless,
  });
  drawn.push(...rows);
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Takes from the widest column until all fit; a very narrow terminal has to wrap. */
export function fitted(natural: readonly number[], width: number): number[] {
  const widths = [...natural];
  const total = () => widths.reduce((sum, each) => sum + each + GAP, 0);
  while (total() > width) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= NARROWEST) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

const wide =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
const colours = /\u001b\[\d+m/g;

/** Columns that a text takes on a terminal, near enough. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text.replaceAll(colours, '')) width += wide.test(character) ? 2 : 1;
  return width;
}

const borderless = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`, 'middle'])
    .map((part) => [part, '']),
);
