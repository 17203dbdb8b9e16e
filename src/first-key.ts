import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ApiKeys } from './api/api-keys.js';
import type { Config } from './config/load.js';

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
  // would be locked out there.
  const { key } = await keys.create(grant, kept || undefined);
  if (!kept) await keep(file, key);
  return { file, made: kept ? null : key };
}

async function keep(file: string, key: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${key}\n`, { mode: 0o600, flag: 'wx' });
}
