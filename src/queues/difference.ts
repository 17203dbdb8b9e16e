import type { Json } from '../json.js';

/** One place of a value that is not as it was. `undefined`: it was, or is, not there. */
export interface Difference {
  /** `/variants/0/price`; empty for the whole. */
  readonly path: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

/** What differs between two values, place by place, in the order of the new one. */
export function differences(
  before: Json | undefined,
  after: Json | undefined,
  path = '',
): Difference[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const [was, is] = [inside(before), inside(after)];
  if (!was || !is || Array.isArray(before) !== Array.isArray(after))
    return [{ path, before, after }];
  const names = [...new Set([...is.keys(), ...was.keys()])];
  return names.flatMap((name) => differences(was.get(name), is.get(name), `${path}/${name}`));
}

function inside(value: Json | undefined): Map<string, Json> | null {
  if (value === null || value === undefined || typeof value !== 'object') return null;
  return new Map(Object.entries(value) as [string, Json][]);
}
