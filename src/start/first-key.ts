import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ApiKeys } from '../api/api-keys.js';
import type { Config } from '../config/load.js';
import { BadConfig, messageOf } from '../errors.js';

/** The first admin key: made just now, or where it can be read. */
export interface AdminKey {
  readonly file: string | null;
  /** Only when it was made just now. */
  readonly made: string | null;
}

const grant = {
  scopes: ['admin'] as const,
  description: 'first admin key',
  client: null,
  channels: null,
  sources: null,
};

/**
 * Sees to it that somebody can get in: `ANDON_BOOTSTRAP_KEY` when given, else a key that is made at
 * the first start and kept in a file beside the data, where the command line finds it.
 */
export async function firstKey(keys: ApiKeys, config: Config): Promise<AdminKey> {
  if (config.bootstrapKey) {
    if (!(await keys.verify(config.bootstrapKey))) await keys.create(grant, config.bootstrapKey);
    return { file: null, made: null };
  }
  const file = join(config.dataDir, 'admin-key');
  const kept = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (kept && (await keys.verify(kept))) return { file, made: null };
  if ((await keys.count()) > 0) return { file: null, made: null };
  // A new Redis beside a key of an older one: the key is kept and counts here too, or whoever has it
  // would be locked out there. A new one lies in its file before it counts: else nobody would have it.
  const key = kept || newKey();
  if (!kept) await keep(file, key);
  await keys.create(grant, key);
  return { file, made: kept ? null : key };
}

const newKey = (): string =>
  `${randomBytes(6).toString('hex')}.${randomBytes(32).toString('base64url')}`;

async function keep(file: string, key: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${key}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new BadConfig([
      `The first admin key cannot be kept in ${file} (${messageOf(error)}): give one in ANDON_BOOTSTRAP_KEY, or set ANDON_DATA_DIR to a directory that can be written.`,
    ]);
  }
}
