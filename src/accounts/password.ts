import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** The work that one guess costs: with these 128 MiB and about half a second of one core. */
export interface Cost {
  /** A power of two. */
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

const standard: Cost = { n: 2 ** 17, r: 8, p: 1 };
const KEY_BYTES = 32;

/** Hashes that run at once in this process; each takes 128 MiB, so a flood of logins must wait. */
const AT_ONCE = 2;

/**
 * The hash to store: `scrypt$<n>$<r>$<p>$<salt>$<key>`. Its cost stands in it, so that hashes of
 * another cost stay valid when the standard rises.
 */
export async function hashPassword(password: string, cost: Cost = standard): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, cost);
  const { n, r, p } = cost;
  return ['scrypt', n, r, p, salt.toString('base64url'), key.toString('base64url')].join('$');
}

/** Whether it is the password. Without a stored hash the answer is no, after as much work. */
export async function isPassword(password: string, stored: string | null): Promise<boolean> {
  const [, n, r, p, salt = '', key = ''] = (stored ?? '').split('$');
  const cost = stored ? { n: Number(n), r: Number(r), p: Number(p) } : standard;
  const expected = stored ? Buffer.from(key, 'base64url') : Buffer.alloc(KEY_BYTES);
  const found = await derive(password, Buffer.from(salt, 'base64url'), cost);
  return timingSafeEqual(found, expected) && stored !== null;
}

let running = 0;
const waiting: (() => void)[] = [];

async function derive(password: string, salt: Buffer, { n, r, p }: Cost): Promise<Buffer> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    return await run(password, salt, { N: n, r, p, maxmem: 256 * n * r });
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

/** Typed the same on every keyboard: characters are compared in their composed form. */
const run = (password: string, salt: Buffer, options: ScryptOptions) =>
  new Promise<Buffer>((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, KEY_BYTES, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
