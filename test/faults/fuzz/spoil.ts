import { gzipSync } from 'node:zlib';
import type { Chances } from '../campaign/chances.js';
import { anything, type Value, word } from './example.js';

/** Bytes of a body. `refused`: no reading of it is right, so it must be answered 4xx. */
export interface Spoilt {
  readonly how: string;
  readonly bytes: Buffer;
  readonly refused: boolean;
}

type Holder = Value[] | { [key: string]: Value };
const isHolder = (value: Value): value is Holder => typeof value === 'object' && value !== null;

/** Every object and array of a value, the outermost first. */
function holders(value: Value): Holder[] {
  if (!isHolder(value)) return [];
  return [value, ...Object.values(value).flatMap(holders)];
}

/** Values that programs stumble over. */
const odd = (by: Chances): Value =>
  by.one<() => Value>([
    () => null,
    () => '',
    () => ' ',
    () => [],
    () => ({}),
    () => -1,
    () => 0,
    () => 1e21,
    () => 0.1,
    () => true,
    () => 'x'.repeat(by.between(200, 5_000)),
    () => 'NaN',
    () => '__proto__',
    () => ({ constructor: { prototype: { admin: true } }, toString: 1, hasOwnProperty: null }),
    () => ({ length: 1e9 }),
    () => '0x10',
    () => '１２',
    () => 'c1 ',
    () => 'C1',
    () => ['c1'],
    () => '\u2028\u2029\u0085\u001f',
    () => '-'.repeat(300),
    () => '9'.repeat(300),
    () => Array.from({ length: 300 }, () => 0),
    () => anything(by),
  ])();

/** Changes something in place: still JSON, perhaps still good. */
function bend(value: Value, by: Chances): void {
  const holder = by.one(holders(value).length > 0 ? holders(value) : [{}]);
  if (Array.isArray(holder)) {
    const at = by.between(0, Math.max(0, holder.length - 1));
    const what = by.between(0, 2);
    if (what === 0) holder.length = at;
    if (what === 1) holder.push(odd(by));
    if (what === 2) holder[at] = odd(by);
    return;
  }
  const keys = Object.keys(holder);
  if (keys.length === 0 || by.chance(0.2)) holder[word(by)] = odd(by);
  else if (by.chance(0.25)) delete holder[by.one(keys)];
  else holder[by.one(keys)] = odd(by);
}

const deep = (by: Chances) => {
  const depth = by.one([33, 40, 1_000, 50_000]);
  return '['.repeat(depth) + ']'.repeat(depth);
};
const HOLE = '"\u00a7hole\u00a7"';

/** A raw piece of JSON text in the place of some value. */
function withRaw(value: Value, by: Chances, raw: string): string {
  const all = holders(value).filter((one) => Object.keys(one).length > 0);
  const holder = by.one(all) as Record<string, Value>;
  holder[by.one(Object.keys(holder))] = JSON.parse(HOLE) as string;
  return JSON.stringify(value).replace(HOLE, () => raw);
}

/** One ending or opening quote inside is enough to make another text of it. */
const broken: Record<string, (value: Value, by: Chances) => string | Buffer> = {
  'doubled key': (value) =>
    JSON.stringify(value).replace(/"(\w+)":/, (found) => `${found}"first",${found}`),
  'doubled key, escaped': (value) =>
    JSON.stringify(value).replace(
      /"(\w)(\w*)":/,
      (found, first: string, rest: string) =>
        `"\\u00${first.charCodeAt(0).toString(16)}${rest}":1,${found}`,
    ),
  __proto__: (value) => JSON.stringify(value).replace('{', '{"__proto__":{"admin":true},'),
  'nested too deep': (value, by) => withRaw(value, by, deep(by)),
  'number that loses digits': (value, by) =>
    withRaw(
      value,
      by,
      by.one(['9007199254740993', '1e999', '-1E400', '0.1234567890123456789', '1e-400']),
    ),
  'no number': (value, by) =>
    withRaw(value, by, by.one(['NaN', 'Infinity', '01', '+1', '1.', '.5', '0x10', '1_000', '-'])),
  'half a character': (value, by) =>
    withRaw(value, by, by.one(['"\\ud83d"', '"\\udc00x"', '"\\ud800\\u0041"', '"\\uD83D\\n"'])),
  NUL: (value, by) => withRaw(value, by, by.one(['"a\\u0000b"', '"a\u0000b"', '"\\u0000"'])),
  'bad string': (value, by) =>
    withRaw(value, by, by.one(['"\\x41"', '"a\nb"', "'a'", '"\\u12"', '"', '"\\'])),
  'not UTF-8': (value, by) =>
    Buffer.from(
      withRaw(value, by, by.one(['"\xff"', '"\xc3"', '"\xed\xa0\x80"', '"\xc0\x80"'])),
      'latin1',
    ),
  'cut off': (value, by) => {
    const text = JSON.stringify(value);
    return text.slice(0, by.between(0, text.length - 1));
  },
  'more behind': (value, by) =>
    JSON.stringify(value) + by.one(['{}', ',', ']', '\u0000', 'x', '//', '\ufeff']),
  'more before': (value, by) => by.one(['\ufeff', ")]}',\n", '/**/', ',']) + JSON.stringify(value),
  'another encoding': (value) => Buffer.from(JSON.stringify(value), 'utf16le'),
  compressed: (value) => gzipSync(JSON.stringify(value)),
  'trailing comma': (value) => JSON.stringify(value).replace(/\}$/, ',}'),
};
const ways = Object.keys(broken);

/** A body like this one, but broken or bent. */
export function spoil(good: Value, by: Chances): Spoilt {
  const value = structuredClone(good);
  const fits = isHolder(value) && !Array.isArray(value) && Object.keys(value).length > 0;
  if (fits && by.chance(0.5)) {
    const how = by.one(ways);
    const made = broken[how]?.(value, by) ?? '';
    return { how, bytes: Buffer.from(made as string), refused: true };
  }
  if (by.chance(0.15)) {
    const bytes = Buffer.from(JSON.stringify(value));
    for (let n = by.between(1, 3); n > 0 && bytes.length > 0; n -= 1)
      bytes[by.between(0, bytes.length - 1)] = by.between(0, 255);
    return { how: 'bytes changed', bytes, refused: false };
  }
  if (by.chance(0.1)) {
    const bytes = Buffer.from(JSON.stringify(odd(by)));
    return { how: 'something else', bytes, refused: false };
  }
  for (let n = by.between(1, 3); n > 0; n -= 1) bend(value, by);
  return { how: 'bent', bytes: Buffer.from(JSON.stringify(value)), refused: false };
}
