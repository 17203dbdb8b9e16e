import type { Json, JsonObject } from '../json.js';
import { UsageError } from './exit.js';

/** One `--set`: `key=value` keeps the kind of value that is there, `key:=json` says which. */
export interface Assignment {
  readonly path: readonly string[];
  readonly text: string;
  readonly isJson: boolean;
}

/** Reads `variants.0.price=49.5`; a dot within a name is written `\.`. */
export function readAssignment(given: string): Assignment {
  const [, path, colon, text] = /^([^=]+?)(:?)=(.*)$/s.exec(given) ?? [];
  if (!path || text === undefined)
    throw new UsageError(`--set ${given}: must be name=value, as title="Ocean Blue Shirt"`);
  const names = path.split(/(?<!\\)\./).map((name) => name.replaceAll('\\.', '.'));
  if (names.some((name) => name === '' || name === '__proto__'))
    throw new UsageError(
      `--set ${given}: "${path}" is not a name or a path such as variants.0.price`,
    );
  return { path: names, text, isJson: colon === ':' };
}

/** The data with all assignments made; the data given is left as it is. */
export function assign(data: JsonObject, assignments: readonly Assignment[]): JsonObject {
  const changed = structuredClone(data);
  for (const assignment of assignments) assignOne(changed, assignment);
  return changed;
}

/** A sentence for each place that was not there before: mostly a slip, as `price` for `variants.0.price`. */
export function newFields(data: JsonObject, assignments: readonly Assignment[]): string[] {
  return assignments.flatMap(({ path }) => {
    if (isThere(data, path)) return [];
    const like = placesOf(data, path.at(-1) ?? '').slice(0, 3);
    const hint = like.length > 0 ? ` Did you mean ${like.join(' or ')}?` : '';
    return [`${written(path)} is a new field: the data had none there.${hint}`];
  });
}

const isThere = (data: Json | undefined, [name, ...rest]: readonly string[]): boolean => {
  if (name === undefined) return true;
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, name)) return false;
  return isThere((data as { [name: string]: Json })[name], rest);
};

/** Where else there is a field of this name. */
function placesOf(data: Json, name: string, at: readonly string[] = []): string[] {
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([key, below]) => [
    ...(key === name && !Array.isArray(data) ? [written([...at, key])] : []),
    ...placesOf(below, name, [...at, key]),
  ]);
}

const written = (path: readonly string[]): string =>
  path.map((name) => name.replaceAll('.', '\\.')).join('.');

function assignOne(data: JsonObject, assignment: Assignment): void {
  const { path } = assignment;
  let at: JsonObject | Json[] = data;
  for (const [depth, name] of path.slice(0, -1).entries()) {
    // What is missing on the way is made: a list where the path goes on with 0.
    const below: Json = valueAt(at, name, path) ?? (path[depth + 1] === '0' ? [] : {});
    if (typeof below !== 'object')
      throw new UsageError(
        `--set ${path.join('.')}: ${path.slice(0, depth + 1).join('.')} is ${kindOf(below)}, with nothing within`,
      );
    put(at, name, below);
    at = below;
  }
  const last = path.at(-1) ?? '';
  put(at, last, newValue(assignment, valueAt(at, last, path)));
}

function valueAt(at: JsonObject | Json[], name: string, path: readonly string[]): Json | undefined {
  if (!Array.isArray(at)) return Object.hasOwn(at, name) ? at[name] : undefined;
  const index = Number(name);
  // One past the end adds to the list; further on would leave holes.
  if (!/^\d+$/.test(name) || index > at.length)
    throw new UsageError(
      `--set ${path.join('.')}: the list has places 0 to ${at.length}, not ${name}`,
    );
  return at[index];
}

function put(at: JsonObject | Json[], name: string, value: Json): void {
  if (Array.isArray(at)) at[Number(name)] = value;
  else at[name] = value;
}

function newValue({ path, text, isJson }: Assignment, present: Json | undefined): Json {
  if (!isJson && typeof present === 'string') return text;
  try {
    const value = JSON.parse(text) as Json;
    // A long code of digits, such as a barcode, is no number.
    if (isJson || typeof value !== 'number' || Math.abs(value) <= Number.MAX_SAFE_INTEGER)
      return value;
  } catch {
    if (isJson) throw new UsageError(`--set ${path.join('.')}:=${text}: is not JSON`);
  }
  return text;
}

const kindOf = (value: Json): string =>
  typeof value === 'string' ? 'a text' : `a ${typeof value}`;
