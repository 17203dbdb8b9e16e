import type { Chances } from '../campaign/chances.js';

/** What a JSON value may be; the fuzzer builds and breaks these. */
export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };

/** As much of JSON Schema as the product's OpenAPI document uses. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: Value;
  readonly enum?: readonly Value[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Channels and sources that items go to, and such as come and go. */
export const CHANNELS = ['c1', 'c2', 'c3', 'c4', 'c5'] as const;
export const SOURCES = ['s1', 's2', 's3'] as const;
/** Items from raw sockets; the one that asked may be gone before it is answered. */
export const WIRE_CHANNEL = 'w1';
export const CHURNING = Array.from({ length: 20 }, (_, n) => `x${n}`);

const WORDS = [
  'TSH-RED-M',
  'Größe',
  '漢字',
  '🙂 two',
  'e\u0301',
  '\u202eabc',
  '<img src=x onerror=alert(1)>',
  "'; DROP TABLE items; --",
  'constructor',
  'toString',
  '{andon:s0}:x',
  '%s%n{{x}}',
  '../../etc/passwd',
  'true',
  '0',
  'ﷺ',
  '\ufeffx',
  '\uffff',
  'a\tb',
  'line\r\nbreak',
] as const;

export const word = (by: Chances): string =>
  by.chance(0.6) ? `w${by.between(0, 9_999)}` : by.one(WORDS);

/** Without control characters, which lines of text must not hold. */
const plain = (by: Chances): string => word(by).replace(/\p{Cc}/gu, ' ');

/** Any JSON, not large. */
export function anything(by: Chances, depth = 0): Value {
  const kind = by.between(0, depth > 3 ? 4 : 6);
  if (kind === 0) return null;
  if (kind === 1) return by.chance(0.5);
  if (kind === 2)
    return by.one([0, -0.5, 1, 12.34, 1e21, 5e-7, 9_007_199_254_740_991, by.between(-99, 9999)]);
  if (kind < 5) return word(by);
  const length = by.between(0, 4);
  if (kind === 5) return Array.from({ length }, () => anything(by, depth + 1));
  return Object.fromEntries(
    Array.from({ length }, () => [word(by), anything(by, depth + 1)] as const),
  );
}

/** Holds what every instruction asks of its data, and whatever else. */
const dataOf = (by: Chances): Value => ({
  ...(by.chance(0.5) ? (anything(by, 3) as object) : {}),
  sku: word(by),
  title: word(by),
  src: 'https://images.example/1.jpg',
  orderNumber: by.chance(0.5) ? by.between(1, 1e6) : word(by),
  code: 'C1',
  to: 'a@shop.example',
  subject: word(by),
  text: word(by),
  endpoint: 'https://hooks.example/1',
  event: 'order.created',
  ...(by.chance(0.4) ? { more: anything(by) } : {}),
});

/** Fields whose good values no schema tells. */
const known = (instructions: readonly string[]): Record<string, (by: Chances) => Value> => ({
  instruction: (by) => by.one(instructions),
  channel: (by) => by.one(CHANNELS),
  source: (by) => by.one(SOURCES),
  channels: (by) => [by.one(CHANNELS)],
  sources: (by) => [by.one(SOURCES)],
  client: () => 'cape',
  clients: (by) => (by.chance(0.5) ? null : ['cape']),
  data: dataOf,
  title: plain,
  reason: plain,
  description: plain,
  reference: plain,
  error: plain,
  key: (by) => `K-${by.between(1, 999)}`,
  kind: (by) => by.one(['sku', 'order', 'image']),
  entity: (by) => ({ kind: by.one(['sku', 'order']), key: plain(by) }),
  queue: (by) => by.one([...CHANNELS.map((id) => `channel.${id}`), 'parallel', 'source.s1']),
  idempotencyKey: (by) => `i${by.between(0, 500)}`,
  connector: (by) => ({ type: by.one(['http', 'http', 'demo']), url: 'http://127.0.0.1:9/' }),
  recordUrl: () => 'https://admin.example/{sku}',
  // Each hash costs half a second of a core, so most passwords are too short to be hashed.
  password: (by) => (by.chance(0.01) ? 'long enough, surely' : 'short'),
  name: (by) => `u${by.between(0, 50)}`,
});

/** Which of them an instruction needs, its schema does not say. */
const WANTED = new Set(['channel', 'source', 'data']);

/** A value that fits a schema, as far as the schema and the names of its fields tell. */
export function example(
  schema: Schema,
  by: Chances,
  instructions: readonly string[],
  name = '',
): Value {
  const make = known(instructions)[name];
  if (name === 'entity' && schema.type === 'string') return 'sku:TSH-RED-M';
  if (make) return make(by);
  const inner = (one: Schema, key = name) => example(one, by, instructions, key);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return by.one(schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return inner(by.one(choices));
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((one) => inner(one)));
  const type = typeof schema.type === 'string' ? schema.type : schema.type && by.one(schema.type);
  switch (type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {})
          .filter(
            ([key]) => schema.required?.includes(key) || by.chance(WANTED.has(key) ? 0.97 : 0.3),
          )
          .map(([key, one]) => [key, inner(one, key)]),
      );
    case 'array':
      return Array.from({ length: by.between(1, 4) }, () => inner(schema.items ?? {}, ''));
    case 'integer':
    case 'number':
      return by.between(Math.max(schema.minimum ?? 1, -1e6), Math.min(schema.maximum ?? 50, 1e6));
    case 'boolean':
      return by.chance(0.5);
    case 'null':
      return null;
    case 'string':
      return schema.format === 'date-time' ? '2026-01-02T03:04:05Z' : word(by);
    default:
      return anything(by);
  }
}
