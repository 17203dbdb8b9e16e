import { validateHeaderName, validateHeaderValue } from 'node:http';
import { z } from 'zod';
import { examine } from '../config/faults.js';
import { type Fault, InvalidInput, messageOf } from '../errors.js';
import { isReference } from '../secrets/references.js';
import type { NetworkGuard } from './network.js';
import { isSecret, makeSecret } from './signature.js';

/** Headers that belong to us or to the connection; all of `webhook-`, `x-andon-` and `proxy-` too. */
const ownHeaders = new Set(
  (
    'accept accept-encoding connection content-encoding content-length content-type expect host ' +
    'idempotency-key keep-alive te trailer transfer-encoding upgrade user-agent'
  ).split(' '),
);
const ownPrefixes = /^(webhook|x-andon|proxy)-/;

/** Settings of connectors that speak HTTP; `guard` refuses forbidden addresses before anything is stored. */
export function httpSettingsSchema(guard: NetworkGuard) {
  return z.strictObject({
    type: z.literal('http'),
    url: urlSchema(guard),
    /** Signs the deliveries. Made here when none is given, so that the caller can show it once. */
    secret: z
      .string()
      .refine(
        (text) => isSecret(text) || isReference(text),
        'must be "whsec_" and 24 to 64 bytes in base64, or env:NAME or file:NAME',
      )
      .default(makeSecret),
    headers: z.record(z.string(), z.string().max(8_192)).superRefine(checkHeaders).default({}),
    /** For the whole exchange. Milliseconds. */
    timeoutMs: z.int().min(100).max(600_000).default(30_000),
    /** Asked by GET whether the far side is back after it was down; any answer below 500 but 429 says yes. */
    pingUrl: urlSchema(guard).optional(),
    /** Asked by POST, signed and with the item as in a delivery: was it carried out? Answers `{found, result?}`. */
    verifyUrl: urlSchema(guard).optional(),
  });
}

export type HttpSettings = Readonly<z.output<ReturnType<typeof httpSettingsSchema>>>;

/** What a URL's host is judged by. */
type Judge = Pick<NetworkGuard, 'refusal'>;

export function urlSchema(guard: Judge) {
  return z
    .string({ error: 'must be a URL such as https://shop.example/andon' })
    .max(2_048)
    .superRefine((text, context) => {
      const wrong = whatIsWrong(text, guard);
      if (wrong) context.addIssue({ code: 'custom', message: wrong });
    });
}

/** Settings that fit, or every fault at once, with pointers into the endpoint's `connector`. */
export function checked<S extends z.ZodType>(schema: S, settings: unknown): z.output<S> {
  const parsed = examine(schema, settings);
  if (parsed.success) return parsed.data;
  throw new InvalidInput(parsed.error.issues.flatMap(faultsOf));
}

function whatIsWrong(text: string, guard: Judge): string | null {
  // The URL parser reads 0x7f.1 and the like as the addresses that they are.
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol)) return 'must be an http:// or https:// URL';
  if (url.username || url.password) return 'must not hold a user or password: use headers';
  if (text.includes('#')) return 'must not have a fragment (#…)';
  return guard.refusal(url.hostname)?.message ?? null;
}

function checkHeaders(headers: Record<string, string>, context: z.RefinementCtx): void {
  for (const [name, value] of Object.entries(headers)) {
    const wrong = whatIsWrongWith(name, value);
    if (wrong) context.addIssue({ code: 'custom', path: [name], message: wrong });
  }
}

function whatIsWrongWith(name: string, value: string): string | null {
  const lower = name.toLowerCase();
  if (ownHeaders.has(lower) || ownPrefixes.test(lower)) return 'is set by Andon itself';
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return null;
  } catch (error) {
    // Node's message repeats the name only, never the value, which may be a password.
    return messageOf(error);
  }
}

function faultsOf(issue: z.core.$ZodIssue): Fault[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => fault([...issue.path, key], 'is not a setting of this type'));
  return [fault(issue.path, issue.message)];
}

const fault = (path: readonly PropertyKey[], detail: string): Fault => ({
  pointer: ['/connector', ...path.map(escaped)].join('/'),
  detail,
});

const escaped = (part: PropertyKey): string =>
  String(part).replaceAll('~', '~0').replaceAll('/', '~1');
