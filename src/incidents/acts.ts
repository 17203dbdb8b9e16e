import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Keys, QueueName } from '../redis/keys.js';
import type { Vault } from '../secrets/vault.js';

const actSchema = z.strictObject({
  verb: z.enum(['retry', 'skip', 'claim']),
  incident: z.number(),
  queueId: z.number(),
  /** When the item failed, in milliseconds since 1970: of a later failure the mail said nothing. */
  at: z.number(),
  /** Whose mail it is; the audit names it. */
  address: z.string(),
  /** Milliseconds since 1970. */
  expires: z.number(),
});

/** What one link in one mail lets its recipient do, once. */
export type Act = Readonly<z.infer<typeof actSchema>>;

/** The last part of a link before it is a token: nobody who reads the mail in its queue can use it. */
export interface Blanks {
  /** By what stands for a token in the texts. */
  readonly tokens: Readonly<Record<string, string>>;
}

const blanksSchema = z.object({ tokens: z.record(z.string(), z.string()) });

/** Place of the signing key among the sealed secrets of the installation. */
const PLACE = 'act.links';

/**
 * Signs what may be done from a mail, and sees to it that each is done once. A token is proof by itself:
 * it stands in the mail that reaches its recipient and nowhere else, neither in the stored item of the
 * mail nor in a log.
 */
export class Acts {
  private readonly redis: Redis;
  private readonly keys: Keys;
  private readonly vault: Vault;
  private readonly lastsMs: number;
  private key: Buffer | null = null;

  /** @param lastsMs how long a link counts, in milliseconds */
  constructor(redis: Redis, keys: Keys, vault: Vault, lastsMs: number) {
    this.redis = redis;
    this.keys = keys;
    this.vault = vault;
    this.lastsMs = lastsMs;
  }

  async sign(act: Omit<Act, 'expires'>, now: number): Promise<string> {
    const body = JSON.stringify({ ...act, expires: now + this.lastsMs, n: nonce(6) });
    const text = Buffer.from(body).toString('base64url');
    return `${text}.${await this.mac(text)}`;
  }

  /** Null when it is not one of ours. Whether it is too old is for the caller to tell. */
  async read(token: string): Promise<Act | null> {
    const [text = '', mac = '', ...more] = token.split('.');
    if (more.length > 0 || token.length > 2_000) return null;
    const [given, right] = [Buffer.from(mac), Buffer.from(await this.mac(text))];
    if (given.length !== right.length || !timingSafeEqual(given, right)) return null;
    const { n: _, ...act } = JSON.parse(Buffer.from(text, 'base64url').toString());
    return actSchema.parse(act);
  }

  /** When an item that stands failed, in milliseconds since 1970; null when it does not stand. */
  async failedAt(queue: QueueName, queueId: number): Promise<number | null> {
    const failed = this.keys.ours(this.keys.shardOf(queue), 'failed');
    const score = await this.redis.zscore(failed, String(queueId));
    return score === null ? null : Number(score);
  }

  /** Whether this is its first use; from now on it is used. */
  async take(token: string, act: Act): Promise<boolean> {
    const left = Math.max(1_000, act.expires - Date.now());
    return (await this.redis.set(this.usedKey(token), Date.now(), 'PX', left, 'NX')) === 'OK';
  }

  /** Nothing came of it: it may be used again. */
  async giveBack(token: string): Promise<void> {
    await this.redis.del(this.usedKey(token));
  }

  async isUsed(token: string): Promise<boolean> {
    return (await this.redis.exists(this.usedKey(token))) === 1;
  }

  /** Seals the tokens of a mail for just these texts, going to just this address. */
  seal(blanks: Blanks, texts: readonly string[], address: string): string {
    return this.vault.seal(JSON.stringify(blanks), sealPlace(texts, address));
  }

  /** Writes the tokens into the texts. @throws SealedForGood when they were sealed for another mail */
  async fill(sealed: string, texts: readonly string[], address: string): Promise<string[]> {
    const opened = JSON.parse(await this.vault.open(sealed, sealPlace(texts, address)));
    const { tokens } = blanksSchema.parse(opened);
    return texts.map((text) =>
      Object.entries(tokens).reduce((all, [blank, token]) => all.replaceAll(blank, token), text),
    );
  }

  /** Stands for a token until the mail leaves. Nobody can have written it into a product before. */
  blank(): string {
    return `blank-${nonce(9)}`;
  }

  private async mac(text: string): Promise<string> {
    this.key ??= await this.loadKey();
    return createHmac('sha256', this.key).update(`act ${text}`).digest('base64url');
  }

  private async loadKey(): Promise<Buffer> {
    const { secrets } = this.keys.registry;
    const made = JSON.stringify({ key: nonce(32) });
    await this.redis.hsetnx(secrets, PLACE, this.vault.seal(made, PLACE));
    const stored = (await this.redis.hget(secrets, PLACE)) ?? '';
    const opened = JSON.parse(await this.vault.open(stored, PLACE));
    return Buffer.from(z.object({ key: z.string() }).parse(opened).key, 'base64url');
  }

  private usedKey(token: string): string {
    return this.keys.acted(createHash('sha256').update(token).digest('base64url'));
  }
}

const nonce = (bytes: number): string => randomBytes(bytes).toString('base64url');

const sealPlace = (texts: readonly string[], address: string): string =>
  `act ${createHash('sha256')
    .update(JSON.stringify([address, ...texts]))
    .digest('base64url')}`;
