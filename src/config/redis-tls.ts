import { createPrivateKey, X509Certificate } from 'node:crypto';
import { messageOf } from '../errors.js';

/** How a connection to Redis over TLS is proved, as PEM texts. */
export interface RedisTls {
  /** Who may have signed the server's certificate; unset: whom Node trusts. */
  readonly ca?: string;
  /** Ours, when the server asks for one. */
  readonly cert?: string;
  readonly key?: string;
}

interface Given {
  readonly url: string | undefined;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** Null where Redis is spoken to without TLS. Adds to `problems` what does not fit together. */
export function redisTls({ url, ca, cert, key }: Given, problems: string[]): RedisTls | null {
  const encrypted = url?.startsWith('rediss') ?? false;
  if (!encrypted) {
    // Else somebody would believe that it is encrypted.
    if (ca || cert || key)
      problems.push(
        'ANDON_REDIS_CA, _CERT and _KEY are for a Redis with TLS: write rediss:// for redis:// in REDIS_URL.',
      );
    return null;
  }
  if (Boolean(cert) !== Boolean(key))
    problems.push('ANDON_REDIS_CERT and ANDON_REDIS_KEY belong together: set both, or none.');
  if (ca) mustRead('ANDON_REDIS_CA', 'certificate', () => new X509Certificate(ca), problems);
  if (cert) mustRead('ANDON_REDIS_CERT', 'certificate', () => new X509Certificate(cert), problems);
  if (key) mustRead('ANDON_REDIS_KEY', 'private key', () => createPrivateKey(key), problems);
  return { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}

function mustRead(name: string, what: string, read: () => unknown, problems: string[]): void {
  try {
    read();
  } catch (error) {
    problems.push(`${name} holds no ${what} in PEM form: ${messageOf(error)}.`);
  }
}
