import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Standard Webhooks (standardwebhooks.com), so that receivers can check deliveries with a library
 * of their language. A secret is `whsec_` and 24 to 64 random bytes in base64.
 */
const PREFIX = 'whsec_';

/** How far the clocks of sender and receiver may be apart. Seconds. */
const TOLERANCE_S = 300;

export const makeSecret = (): string => PREFIX + randomBytes(32).toString('base64');

export function isSecret(text: string): boolean {
  if (!text.startsWith(PREFIX)) return false;
  const bytes = keyOf(text);
  // Node decodes what it can and drops the rest; only what comes back unchanged was base64.
  return bytes.length >= 24 && bytes.length <= 64 && PREFIX + bytes.toString('base64') === text;
}

/** Value of `webhook-signature` for a body as it is sent; `timestamp` in seconds. */
export function sign(secret: string, id: string, timestamp: number, body: string): string {
  const hmac = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`);
  return `v1,${hmac.digest('base64')}`;
}

/** What a receiver does: several signatures may stand in the header, while secrets change. */
export function verify(
  secret: string,
  headers: { readonly id: string; readonly timestamp: string; readonly signature: string },
  body: string,
  now: number = Date.now() / 1000,
): boolean {
  const timestamp = Number(headers.timestamp);
  if (!(Math.abs(now - timestamp) <= TOLERANCE_S)) return false;
  const wanted = Buffer.from(sign(secret, headers.id, timestamp, body));
  return headers.signature.split(' ').some((given) => {
    const bytes = Buffer.from(given);
    return bytes.length === wanted.length && timingSafeEqual(bytes, wanted);
  });
}

const keyOf = (secret: string): Buffer => Buffer.from(secret.slice(PREFIX.length), 'base64');
