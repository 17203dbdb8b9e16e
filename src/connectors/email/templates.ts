import { readdirSync, readFileSync } from 'node:fs';
import type { Json, JsonObject } from '../../json.js';

/** Mail templates that ship with the program; an operator may lay own ones beside them. */
const directory = new URL('../../../config/mail/', import.meta.url);

/** No template of that name; the message says which there are. */
export class UnknownTemplate extends Error {
  constructor(name: string) {
    super(`there is no mail template "${name}"; there are: ${templateNames().join(', ')}`);
    this.name = 'UnknownTemplate';
  }
}

/** `notice` for `notice.txt` and `notice.html` in config/mail. */
export const templateNames = (): string[] =>
  readdirSync(directory)
    .filter((file) => file.endsWith('.txt'))
    .map((file) => file.slice(0, -'.txt'.length))
    .sort();

/**
 * Both parts of a template, filled in. @throws UnknownTemplate
 */
export function filled(name: string, values: JsonObject): { text: string; html?: string } {
  // A name from outside is looked up in the list, never made into a path.
  if (!templateNames().includes(name)) throw new UnknownTemplate(name);
  const text = fill(readFileSync(new URL(`${name}.txt`, directory), 'utf8'), [values], plain);
  const html = readIfThere(new URL(`${name}.html`, directory));
  return {
    text: `${text.replace(/\n{3,}/g, '\n\n').trim()}\n`,
    ...(html !== null && { html: fill(html, [values], escaped) }),
  };
}

function readIfThere(file: URL): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

type Write = (value: Json | undefined, name: string) => string;

/** Parts that are there or repeated: `{{#lines}}…{{.}}…{{/lines}}`. */
const section = /\{\{#([\w.]+)\}\}([\s\S]*?)\{\{\/\1\}\}/g;
const place = /\{\{([\w.]+)\}\}/g;

/**
 * A small part of Mustache: `{{name}}`, and sections over a list, an object or what is there at all.
 * There is no way to put in text unescaped.
 */
export function fill(template: string, scopes: readonly Json[], write: Write): string {
  let filledIn = '';
  let from = 0;
  for (const match of template.matchAll(section)) {
    filledIn += places(template.slice(from, match.index), scopes, write);
    const [whole, name = '', inner = ''] = match;
    const value = valueAt(name, scopes);
    const each = Array.isArray(value) ? value : isThere(value) ? [value as Json] : [];
    filledIn += each.map((one) => fill(inner, [one, ...scopes], write)).join('');
    from = match.index + whole.length;
  }
  return filledIn + places(template.slice(from), scopes, write);
}

const places = (text: string, scopes: readonly Json[], write: Write): string =>
  text.replace(place, (_, name: string) => write(valueAt(name, scopes), name));

function valueAt(name: string, scopes: readonly Json[]): Json | undefined {
  if (name === '.') return scopes[0];
  const scope = scopes.find((one) => isObject(one) && Object.hasOwn(one, name));
  return isObject(scope) ? scope[name] : undefined;
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isThere = (value: Json | undefined): boolean =>
  value !== undefined && value !== null && value !== false && value !== '';

/** Text of a value, without what hides or turns letters round; line ends stay. */
const plain: Write = (value) => {
  const text = typeof value === 'string' ? value : value == null ? '' : JSON.stringify(value);
  return text.replace(/[^\P{Cc}\n\t]|\p{Cf}/gu, '');
};

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** What is called url stands in a link, where only these may stand. */
const safeLink = /^(https?|mailto):/i;

const escaped: Write = (value, name) => {
  const text = plain(value, name);
  if (/url$/i.test(name) && !safeLink.test(text)) return '';
  return text.replace(/[&<>"']/g, (sign) => entities[sign] ?? '');
};
