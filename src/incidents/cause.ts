import { createHash } from 'node:crypto';
import type { Endpoint } from '../queues/registry.js';

/** Causes that lie with the far side as a whole, whatever was asked of it. */
const farSideCauses: ReadonlySet<string> = new Set(['connection', 'throttled', 'credentials']);

/** What incidents are told apart by. */
export interface CauseOf {
  readonly cause: string;
  readonly message: string;
  readonly instruction: string;
  readonly farSide: string;
  /** What the message may name of this one item: its key, its title. */
  readonly own: readonly string[];
}

/**
 * Failures with the same fingerprint are one incident: the same error of the same instruction at the
 * same far side; or, where the far side itself is the matter, all that it holds up.
 */
export function fingerprintOf({ cause, message, instruction, farSide, own }: CauseOf): string {
  const parts = farSideCauses.has(cause)
    ? [farSide, cause === 'throttled' ? 'connection' : cause]
    : [farSide, cause, instruction, normalised(message, own)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}

export const concernsFarSide = (cause: string): boolean => farSideCauses.has(cause);

/** An error without what differs from item to item: keys, numbers, ids, what stands in quotes. */
export function normalised(message: string, own: readonly string[] = []): string {
  let text = message.slice(0, 2_000);
  for (const part of own) if (part.length > 2) text = text.replaceAll(part, '…');
  return text
    .replace(/https?:\/\/[^\s"'<>]+/gi, (url) => hostOf(url) ?? '…')
    .replace(/"[^"]*"|'[^'\s]*'|`[^`]*`|“[^”]*”/g, '…')
    .replace(/\b[0-9a-f]{8}-[0-9a-f-]{20,40}\b/gi, '…')
    .replace(/\b(?=[\w-]*\d)[\w-]{2,}\b|\d+/g, '…')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase()
    .slice(0, 200);
}

/** Type of the connector and the host or module behind it: what many queues have in common. */
export function farSideOf(endpoint: Pick<Endpoint, 'connector'> | null, name: string): string {
  if (!endpoint) return name;
  const known = farSides.get(endpoint.connector);
  if (known !== undefined) return known;
  const farSide = nameFarSide(endpoint.connector, name);
  farSides.set(endpoint.connector, farSide);
  return farSide;
}

/** Taken apart once: the registry hands out the same settings as long as nobody changes them. */
const farSides = new WeakMap<Endpoint['connector'], string>();

function nameFarSide({ type, url, path }: Endpoint['connector'], name: string): string {
  if (typeof url === 'string') return `${type} ${hostOf(url) ?? url}`;
  if (typeof path === 'string') return `${type} ${path}`;
  return `${type} ${name}`;
}

const hostOf = (url: string): string | null => (URL.canParse(url) ? new URL(url).host : null);
