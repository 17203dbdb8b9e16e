import { readFileSync } from 'node:fs';
import { text as textOf } from 'node:stream/consumers';
import { messageOf } from '../errors.js';
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
    throw new UsageError(`${value.slice(1)} cannot be read: ${messageOf(error)}`);
  }
}

/** A JSON object out of an option's value. */
export async function readObject(option: string, value: string, io: Io): Promise<JsonObject> {
  const wrong = (detail: string) => new UsageError(`${option}: ${detail}`);
  const read = readJson(await readText(value, io), wrong);
  if (typeof read !== 'object' || read === null || Array.isArray(read))
    throw wrong('must be a JSON object, as {"sku": "TSH-RED-M"}');
  return read;
}

/** JSON text to its value; numbers that would silently become others are refused. */
export function readJson(text: string, wrong: (detail: string) => Error): Json {
  let value: Json;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, '')) as Json;
  } catch (error) {
    throw wrong(`is not JSON: ${messageOf(error)}`);
  }
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g))
    if (!token.startsWith('"') && !survives(token))
      throw wrong(`${token} is a number that JSON cannot carry exactly: write it as a text`);
  return value;
}

/** Whether a number is still the same after it was read: 15 digits always, up to 17 sometimes. */
function survives(token: string): boolean {
  const number = Number(token);
  if (!Number.isFinite(number)) return false;
  const digits = significant(token);
  return (
    digits.length <= 15 || significant(number.toPrecision(Math.min(100, digits.length))) === digits
  );
}

const significant = (number: string): string =>
  number
    .replace(/[eE].*$/, '')
    .replaceAll(/[-.]/g, '')
    .replace(/^0+/, '')
    .replace(/0+$/, '');
