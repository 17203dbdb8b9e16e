/** The name that was probably meant, when one is near enough: a letter or two away. */
export function meant(given: string, known: readonly string[]): string | null {
  const lower = given.toLowerCase();
  const far = given.length < 5 ? 1 : 2;
  const near = known
    .map((name) => ({ name, steps: distance(lower, name.toLowerCase()) }))
    .filter(({ steps }) => steps <= far)
    .sort((a, b) => a.steps - b.steps);
  return near[0]?.name ?? null;
}

/** `; did you mean "alerts"?`, or nothing. */
export function didYouMean(given: string, known: readonly string[]): string {
  const name = meant(given, known);
  return name === null ? '' : `; did you mean ${JSON.stringify(name)}?`;
}

/** Letters put in, left out, changed, or swapped with their neighbour, that lead from one to the other. */
function distance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > 2) return 3;
  let [beforeLast, last]: number[][] = [[], Array.from({ length: to.length + 1 }, (_, n) => n)];
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const same = from[i - 1] === to[j - 1];
      const swapped = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      row[j] = Math.min(
        at(last, j) + 1,
        at(row, j - 1) + 1,
        at(last, j - 1) + (same ? 0 : 1),
        swapped && i > 1 && j > 1 ? at(beforeLast, j - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, to.length);
}

const at = (row: readonly number[] | undefined, n: number): number => row?.[n] ?? 0;
