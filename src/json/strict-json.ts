import { BadJson } from '../errors.js';
import type { Json } from '../json.js';
import { JsonScanner } from './json-scanner.js';

export interface StrictJsonOptions {
  /** Objects and arrays inside each other; the outermost counts as one. */
  readonly maxDepth?: number;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The value of a JSON text, if it can be stored and handed on unchanged. `JSON.parse` alone takes the
 * last of two equal keys, rounds long numbers and keeps half characters, without a word.
 * @throws BadJson that says where and what
 */
export function parseStrictJson(raw: Uint8Array, { maxDepth = 32 }: StrictJsonOptions = {}): Json {
  const text = decode(raw);
  if (text.startsWith('\ufeff')) {
    throw new BadJson('', 'the body begins with a byte order mark; leave it out');
  }
  if (/^[ \t\n\r]*$/.test(text)) throw new BadJson('', 'the body is empty');
  new JsonScanner(text, maxDepth).check();
  return JSON.parse(text) as Json;
}

function decode(raw: Uint8Array): string {
  try {
    return utf8.decode(raw);
  } catch {
    throw new BadJson('', 'the body is not valid UTF-8');
  }
}
