import type { Json, JsonObject } from '../json.js';

/** Stands where a secret is. */
export const MASK = '••••••';

/** Words within a field's name that say its value is nobody's business. */
const secretWords = new Set(
  'password passwd passphrase pwd secret secrets token tokens authorization authentication auth apikey accesskey privatekey bearer credential credentials cookie cookies session card cardnumber creditcard cvv cvc cvn iban'.split(
    ' ',
  ),
);
const secretPairs = /^(api|access|private|secret|signing|encryption|license|licence) keys?$/;

/** Whether a field of this name holds what only its owner should read: `apiKey`, `card_number`, `Authorization`. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter(Boolean);
  return words.some(
    (word, n) => secretWords.has(word) || secretPairs.test(`${word} ${words[n + 1] ?? ''}`),
  );
}

/** The same value with every secret masked, by the names of the fields. Yes, no and nothing are no secrets. */
export function redacted(value: unknown): Json {
  if (Array.isArray(value)) return value.map(redacted);
  if (value === null || typeof value !== 'object') {
    return typeof value === 'string' ? redactedText(value) : ((value ?? null) as Json);
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      isSecretName(name) && hides(inner) ? MASK : redacted(inner),
    ]),
  );
}

const hides = (value: unknown) => value !== null && value !== '' && typeof value !== 'boolean';

const inText: readonly [RegExp, string][] = [
  [/\b(bearer|basic)\s+[\w+/=.~-]{8,}/gi, `$1 ${MASK}`],
  [/(:\/\/[^\s/:@]{1,200}:)[^\s/@]{1,200}@/g, `$1${MASK}@`],
  [
    /\b((?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|authorization)["']?\s*[=:]\s*["']?)(?!bearer|basic)[^\s"'&,;]{1,500}/gi,
    `$1${MASK}`,
  ],
];

/** A text (an error, a line of a log) without the secrets that are recognised in it. */
export const redactedText = (text: string): string =>
  inText.reduce((now, [pattern, mask]) => now.replace(pattern, mask), text);

/**
 * Data that was shown masked and has been edited, with the secrets put back: a mask that still stands
 * where a masked value stood means that value.
 */
export function unmasked(edited: Json, original: unknown): Json {
  if (typeof edited === 'string') {
    const was = original as Json | undefined;
    if (!edited.includes(MASK) || was === undefined) return edited;
    if (edited === MASK) return was;
    return typeof was === 'string' && redactedText(was) === edited ? was : edited;
  }
  if (Array.isArray(edited)) {
    const before = Array.isArray(original) ? original : [];
    return edited.map((inner, n) => unmasked(inner, before[n]));
  }
  if (edited === null || typeof edited !== 'object') return edited;
  const before = (original ?? {}) as JsonObject;
  return Object.fromEntries(
    Object.entries(edited).map(([name, inner]) => [
      name,
      unmasked(inner, Object.hasOwn(before, name) ? before[name] : undefined),
    ]),
  );
}

/** Whether a mask is left in the data: one that stands for nothing, which no far side could use. */
export const hasMask = (data: unknown): boolean => JSON.stringify(data).includes(MASK);
