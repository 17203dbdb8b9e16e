import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';

/** `redis.json`: the private Redis of a data directory, so that a second process finds the first one's. */
const recordSchema = z.object({
  port: z.int(),
  password: z.string().min(1),
  /** Process id of the Redis, and when it was born: ids are used again. 0 until it runs. */
  pid: z.int(),
  born: z.string(),
  /** Process id of the Andon that answers for it: keeps it running, and stops it. */
  owner: z.int(),
  ownerBorn: z.string(),
});
export type RedisRecord = Readonly<z.infer<typeof recordSchema>>;

/** Null when there is none, or none that can be understood. */
export async function readRecord(path: string): Promise<RedisRecord | null> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

/** Writes the record unless the file exists already, which makes it the lock between two starters. */
export async function claimRecord(path: string, record: RedisRecord): Promise<boolean> {
  try {
    await writeFile(path, text(record), { mode: 0o600, flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Writes the record over the one that is there; nobody ever reads half of it. */
export async function replaceRecord(path: string, record: RedisRecord): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, text(record), { mode: 0o600, flag: 'wx' });
  await rename(draft, path);
}

const text = (record: RedisRecord) => `${JSON.stringify(record)}\n`;
