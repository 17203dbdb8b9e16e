import { readFileSync } from 'node:fs';
import { text as textOf } from 'node:stream/consumers';
import { BadJson } from '../errors.js';
import { parseStrictJson } from '../json/strict-json.js';
import type { Json, JsonObject } from '../json.js';
import { UsageError } from './exit.js';
import type { Io } from './io.js';

/** The value of an option: the text itself, `@file`, or `-` for what comes in on stdin. */
export async function readText(value: string, io: Io): Promise<string> {
  if (value === '-') return await textOf(io.stdin);
  if (!value.startsWith('@')) return value;
  try {
    return readFileSync(value.slice(1), 'utf8');
  } catch (error) {
    throw unreadable(value.slice(1), error);
  }
}

/** A file that cannot be read, in words. */
export function unreadable(file: string, error: unknown): UsageError {
  const code = String((error as NodeJS.ErrnoException).code);
  return new UsageError(`${file} ${whyUnreadable[code] ?? `cannot be read (${code})`}`);
}

const whyUnreadable: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read by this user',
  EISDIR: 'is a folder, not a file',
};

/** A JSON object out of an option's value. */
export async function readObject(option: string, value: string, io: Io): Promise<JsonObject> {
  const wrong = (detail: string) => new UsageError(`${option}: ${detail}`);
  const read = readJson(await readText(value, io), wrong);
  if (typeof read !== 'object' || read === null || Array.isArray(read))
    throw wrong('must be a JSON object, as {"sku": "TSH-RED-M"}');
  return read;
}

/** What an item adds around its data, out of the 32 levels that the API takes. */
const LEVELS_AROUND = 3;

/** JSON text to its value; what the API would not store unchanged is refused here already. */
export function readJson(text: string, wrong: (detail: string) => Error): Json {
  try {
    return parseStrictJson(Buffer.from(text.replace(/^\uFEFF/, '')), {
      maxDepth: 32 - LEVELS_AROUND,
    });
  } catch (error) {
    if (!(error instanceof BadJson)) throw error;
    const pointer = error.errors[0]?.pointer;
    throw wrong(`${pointer ? `${pointer}: ` : ''}${error.message}`);
  }
}
