import type { Json, JsonObject } from '../json.js';

/** Stands where a secret is. */
export const MASK = '••••••';

/** Words within a field's name that say its value is nobody's business. */
const secretWords = new Set(
  'password passwd passphrase passcode pwd jwt otp secret secrets token tokens authorization authentication auth apikey accesskey privatekey bearer credential credentials cookie cookies session card cardnumber creditcard cvv cvc cvn iban'.split(
    ' ',
  ),
);
/** Words that say so only at the end of a name: `smtp_pass`, `cardPin`, but not `pass_count` or `pinColor`. */
const secretEnds = new Set(['pass', 'pin', 'sig']);
/** Names written in one go: `dbpassword`, `accesstoken`. */
const secretEnding = /(password|passwd|passphrase|passcode|apikey|secret|token)s?$/;
const secretPairs = /^(api|access|private|secret|signing|encryption|license|licence) keys?$/;

/** Whether a field of this name holds what only its owner should read: `apiKey`, `card_number`, `Authorization`. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter(Boolean);
  return (
    secretEnds.has(words.at(-1) ?? '') ||
    words.some(
      (word, n) =>
        secretWords.has(word) ||
        secretEnding.test(word) ||
        secretPairs.test(`${word} ${words[n + 1] ?? ''}`),
    )
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

/** Names whose value in a text is a secret, whatever comes before them in the name: `x-api-key`, `accessToken`. */
const named =
  '[\\w-]{0,40}?(?:password|passwd|passcode|passphrase|pwd|jwt|secret|token|api[ _-]?key|access[_-]?key|authorization)';
/** Parameters of an address that let in whoever has them: `?key=`, `&sig=`, `&X-Amz-Signature=`. */
const parameters =
  '(?:[\\w.-]{0,40}[_.-])?(?:sig|signature|hmac|credential|password|passwd|pwd|pass|secret|token|jwt|auth)|' +
  '(?:[\\w.-]{0,40}?(?:api|access|private|secret|consumer|subscription|app|auth|function|functions|session)[_-]?)?key';
/** What the makers of such keys begin them with, so that they are known wherever they stand. */
const makers = [
  '(?:sk|rk|pk)_(?:live|test)_\\w{6,}', // Stripe, Paystack
  'shp(?:at|ca|pa|ss)_[0-9a-fA-F]{16,}', // Shopify
  'c[ks]_[0-9a-f]{40}', // WooCommerce
  'gh[pousr]_\\w{20,}|github_pat_\\w{20,}|glpat-[\\w-]{16,}',
  'xox[abeprs]-[\\w-]{10,}', // Slack
  'AKIA[0-9A-Z]{16}|AIza[\\w-]{30,}',
  'whsec_[\\w+/=]{16,}', // Standard Webhooks, so Andon's own
  'eyJ[\\w-]{8,}\\.[\\w-]{8,}\\.[\\w-]*', // a JSON Web Token
].join('|');

const inText: readonly [RegExp, string][] = [
  [/\b(bearer|basic)\s+[\w+/=.~-]{8,}/gi, `$1 ${MASK}`],
  [/(:\/\/[^\s/:@]{1,200}:)[^\s/@]{1,200}@/g, `$1${MASK}@`],
  [new RegExp(`([?&;](?:${parameters})=)[^&#\\s"'<>)]{1,2000}`, 'gi'), `$1${MASK}`],
  [new RegExp(`\\b(?:${makers})`, 'g'), MASK],
  [
    new RegExp(`\\b(${named}["']?\\s*[=:]\\s*["']?)(?!bearer|basic)[^\\s"'&,;]{1,500}`, 'gi'),
    `$1${MASK}`,
  ],
  // Only a blank between: then the value must look like one, or "api key missing" would vanish.
  [new RegExp(`\\b(${named}\\s+["']?)(?=[\\w+/=.~-]*\\d)[\\w+/=.~-]{12,500}`, 'gi'), `$1${MASK}`],
  // Short words that mean much else: only as a field, or as what a program prints.
  [/(["'](?:pass|pin|sig|otp)["']\s*:\s*["']?)[^\s"',}]{1,500}/gi, `$1${MASK}`],
  [/\b((?:[\w-]{0,40}_)?pass=)[^\s"'&,;]{1,500}/gi, `$1${MASK}`],
  [/\b((?:pin|otp)\s*[=:]\s*["']?)\d{4,12}\b/gi, `$1${MASK}`],
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
