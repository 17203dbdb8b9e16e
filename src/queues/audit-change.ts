import type { Json } from '../json.js';
import { MASK, redacted } from './redact.js';

/** What was before and what is after, of that alone which is not the same; an empty side is left out. */
export interface AuditChange {
  readonly before?: Json;
  readonly after?: Json;
}

/** Characters of a text, and entries of a list or an object, that a line of the audit keeps. */
const TEXT = 300;
const ENTRIES = 30;
/** Bytes of one side at most, as JSON. */
const SIDE = 8_192;

/**
 * What a line of the audit keeps of a change: secrets masked, long texts and lists cut. Null stands for what
 * is not there, before a create and after a delete.
 */
export function changeOf(before: unknown, after: unknown): AuditChange {
  const [was, is] = [asJson(before), asJson(after)];
  const sides = was === null || is === null ? [bare(was), bare(is)] : parted(was, is);
  const [first, second] = sides.map((side) => (side === undefined ? undefined : kept(side)));
  return {
    ...(first === undefined ? {} : { before: first }),
    ...(second === undefined ? {} : { after: first === undefined ? second : anew(first, second) }),
  };
}

/**
 * The same for settings whose secrets are kept apart: that one was set, changed or taken away is told, and
 * nothing of what it is.
 */
export function secretsChanged(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): { before: Record<string, string>; after: Record<string, string> } {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = names.filter((n) => JSON.stringify(before[n]) !== JSON.stringify(after[n]));
  const of = (all: Readonly<Record<string, unknown>>, mark: string) =>
    Object.fromEntries(
      changed.filter((n) => (JSON.stringify(all[n]) ?? '{}') !== '{}').map((n) => [n, mark]),
    );
  return { before: of(before, MASK), after: of(after, `${MASK} (new)`) };
}

const asJson = (value: unknown): Json =>
  value === undefined ? null : (JSON.parse(JSON.stringify(value)) as Json);

/** What is not the same, on both sides; undefined where a side has nothing. */
function parted(was: Json, is: Json): [Json | undefined, Json | undefined] {
  if (JSON.stringify(was) === JSON.stringify(is)) return [undefined, undefined];
  if (!isObject(was) || !isObject(is)) return [was, is];
  const before: Record<string, Json> = {};
  const after: Record<string, Json> = {};
  for (const name of new Set([...Object.keys(was), ...Object.keys(is)])) {
    const sides: [Json | undefined, Json | undefined] =
      Object.hasOwn(was, name) && Object.hasOwn(is, name)
        ? parted(was[name] as Json, is[name] as Json)
        : [was[name], is[name]];
    if (sides[0] !== undefined) set(before, name, sides[0]);
    if (sides[1] !== undefined) set(after, name, sides[1]);
  }
  return [before, after].map((side) => (Object.keys(side).length > 0 ? side : undefined)) as [
    Json | undefined,
    Json | undefined,
  ];
}

/** A whole: what was not set says nothing. */
function bare(value: Json): Json | undefined {
  if (value === null) return undefined;
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(entries) as Json;
}

/** Two texts that differ, and look alike once they are masked or cut: the later one says that it is another. */
function anew(before: Json, after: Json): Json {
  if (typeof after === 'string') return after === before ? `${after} (new)` : after;
  if (!isObject(after) || !isObject(before)) return after;
  const marked: Record<string, Json> = {};
  for (const [name, inner] of Object.entries(after))
    set(marked, name, Object.hasOwn(before, name) ? anew(before[name] as Json, inner) : inner);
  return marked;
}

function kept(value: Json): Json {
  const cut = shortened(redacted(value));
  const size = JSON.stringify(cut).length;
  return size > SIDE ? `(${size} characters, too much for the audit)` : cut;
}

function shortened(value: Json): Json {
  if (typeof value === 'string')
    return value.length > TEXT ? `${value.slice(0, TEXT)}… (${value.length} characters)` : value;
  if (Array.isArray(value)) {
    const shown = value.slice(0, ENTRIES).map(shortened);
    return value.length > ENTRIES ? [...shown, `and ${value.length - ENTRIES} more`] : shown;
  }
  if (!isObject(value)) return value;
  const short: Record<string, Json> = {};
  const all = Object.entries(value);
  for (const [name, inner] of all.slice(0, ENTRIES)) set(short, name, shortened(inner));
  if (all.length > ENTRIES) set(short, '…', `and ${all.length - ENTRIES} more`);
  return short;
}

const isObject = (value: Json): value is { [name: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Data of others may have any name, `__proto__` too. */
const set = (object: Record<string, Json>, name: string, value: Json): void => {
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
};
