import type { Item } from '../client/shapes.js';
import type { Json } from '../json.js';

/** Longest value that is told in full. */
const LONGEST = 60;

/** `price: -50 → 50` for every place where two documents differ, its path as `--set` takes it. */
export function changes(before: Json | undefined, after: Json | undefined, path = ''): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (!isBranch(before) || !isBranch(after) || Array.isArray(before) !== Array.isArray(after))
    return [`${path || 'data'}: ${shown(before)} → ${shown(after)}`];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => {
    const step = name.replaceAll('.', '\\.');
    return changes(valueAt(before, name), valueAt(after, name), path ? `${path}.${step}` : step);
  });
}

/** What each edit in an item's history changed; such an entry keeps the data before it. */
export function editsOf({ data, history = [] }: Item): Map<object, string[]> {
  const edits = history.filter(({ action }) => action === 'edit');
  return new Map(
    edits.map((edit, n) => {
      const next = edits[n + 1];
      return [edit, changes(edit['before'], next ? next['before'] : data)];
    }),
  );
}

type Branch = Json[] | { [name: string]: Json };

const isBranch = (value: Json | undefined): value is Branch =>
  typeof value === 'object' && value !== null;

const valueAt = (branch: Branch, name: string): Json | undefined =>
  Object.hasOwn(branch, name) ? (branch as { [name: string]: Json })[name] : undefined;

function shown(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
