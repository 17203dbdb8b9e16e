import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** A key that secrets are sealed with: 32 bytes, and a short name by which a sealed text says whose it is. */
export interface SecretKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/** How a key is written: 32 bytes in base64, as `openssl rand -base64 32` makes them. */
export const makeKey = (): string => randomBytes(32).toString('base64');

/** Null when it is no such key. */
export function readKey(text: string): SecretKey | null {
  const bytes = Buffer.from(text, 'base64');
  // Node decodes what it can and drops the rest; only what comes back unchanged was base64.
  if (bytes.length !== 32 || bytes.toString('base64') !== text) return null;
  const id = createHash('sha256')
    .update('andon secret key')
    .update(bytes)
    .digest('hex')
    .slice(0, 8);
  return { id, bytes };
}

/** A secret cannot be opened. The message says what to do and holds nothing secret. */
export class SealedForGood extends Error {
  constructor(place: string, why: string) {
    super(`the secrets of ${place} cannot be read: ${why}`);
    this.name = 'SealedForGood';
  }
}

/** First word of a sealed text. What has it not is from before there was a vault. */
const MARK = 'sealed1';

/**
 * Seals secrets before they are stored, so that whoever gets at Redis or a backup of it has none of them.
 * AES-256-GCM with a nonce of its own for every text; the place where a text is kept is sealed in with it,
 * so that a sealed text which was moved to another endpoint does not open there.
 */
export class Vault {
  private keys: readonly SecretKey[];
  private readonly reload: (() => Promise<readonly SecretKey[]>) | undefined;

  /**
   * @param keys the first seals, the others still open
   * @param reload looks for keys that came in the meantime
   */
  constructor(keys: readonly SecretKey[], reload?: () => Promise<readonly SecretKey[]>) {
    this.keys = keys;
    this.reload = reload;
  }

  /** @param place where it is kept: "channel.12" */
  seal(text: string, place: string): string {
    const [key] = this.keys;
    if (!key)
      throw new SealedForGood(place, 'there is no key to seal them with (ANDON_SECRET_KEY)');
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce).setAAD(aad(place, key.id));
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return [MARK, key.id, ...[nonce, body, cipher.getAuthTag()].map(base64)].join('.');
  }

  /** What was sealed; a text from before there was a vault as it is. @throws SealedForGood */
  async open(stored: string, place: string): Promise<string> {
    if (!isSealed(stored)) return stored;
    const [, id = '', nonce, body, tag] = stored.split('.');
    const key = this.key(id) ?? (await this.fetched(id));
    if (!key)
      throw new SealedForGood(
        place,
        `they were sealed with key ${id}, which is not in ANDON_SECRET_KEY: set it behind the present one`,
      );
    try {
      const decipher = createDecipheriv('aes-256-gcm', key.bytes, bytes(nonce), {
        authTagLength: 16,
      });
      decipher.setAAD(aad(place, id)).setAuthTag(bytes(tag));
      return Buffer.concat([decipher.update(bytes(body)), decipher.final()]).toString('utf8');
    } catch {
      throw new SealedForGood(place, 'they were changed or moved since: set them again');
    }
  }

  /** Sealed with the key that seals now. */
  isCurrent(stored: string): boolean {
    return isSealed(stored) && stored.split('.')[1] === this.keys[0]?.id;
  }

  private key(id: string): SecretKey | undefined {
    return this.keys.find((key) => key.id === id);
  }

  private async fetched(id: string): Promise<SecretKey | undefined> {
    if (this.reload) this.keys = await this.reload();
    return this.key(id);
  }
}

export const isSealed = (stored: string): boolean => stored.startsWith(`${MARK}.`);

const aad = (place: string, id: string): Buffer => Buffer.from(`${MARK}.${id}.${place}`);
const base64 = (part: Buffer): string => part.toString('base64url');
const bytes = (part: string | undefined): Buffer => Buffer.from(part ?? '', 'base64url');
