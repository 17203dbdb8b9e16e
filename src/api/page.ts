import { PARALLEL } from '../redis/keys.js';

export interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

/**
 * One page of a list, in the order of its names; the cursor is the last name of the page before.
 * What comes after a name is known even when that one has been deleted meanwhile.
 */
export function pageOf<T>(
  all: readonly T[],
  nameOf: (one: T) => string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Page<T> {
  const rest = all
    .filter((one) => cursor === undefined || inOrder(cursor, nameOf(one)) < 0)
    .sort((a, b) => inOrder(nameOf(a), nameOf(b)));
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: last && rest.length > limit ? nameOf(last) : null };
}

const { compare } = new Intl.Collator('en', { numeric: true });

/** As people count: 9 before 10. No two names are equal, and the parallel queue comes last. */
function inOrder(a: string, b: string): number {
  const last = Number(a === PARALLEL) - Number(b === PARALLEL);
  return last || compare(a, b) || Number(a > b) - Number(a < b);
}
