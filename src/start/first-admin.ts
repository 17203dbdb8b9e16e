import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Accounts, randomPassword } from '../accounts/accounts.js';
import type { Config } from '../config/load.js';
import { Conflict } from '../errors.js';

/** How a person logs in at first: told just now, or where it can be read; null file when others see to it. */
export interface FirstLogin {
  readonly name: string;
  readonly file: string | null;
  /** Only when it was made just now. */
  readonly password: string | null;
}

const NAME = 'admin';

/**
 * Sees to it that a person can log in: as "admin" with `ANDON_ADMIN_PASSWORD` when that is given, else, beside
 * a private Redis, with a password that is made at the first start and kept in a file of the data
 * directory. Only while there are no users: what admins changed since stays.
 */
export async function firstAdmin(accounts: Accounts, config: Config): Promise<FirstLogin | null> {
  const file = join(config.dataDir, 'admin-login');
  if ((await accounts.users.count()) > 0) {
    const there = !config.redisUrl && (await readPassword(file)) !== '';
    return there ? { name: NAME, file, password: null } : null;
  }
  if (config.adminPassword) {
    await make(accounts, config.adminPassword);
    return { name: NAME, file: null, password: null };
  }
  if (config.redisUrl) return null;
  // A new Redis beside the file of an older one: that password counts here too.
  const kept = await readPassword(file);
  const password = kept || randomPassword();
  if (!kept) await keep(file, password);
  await make(accounts, password);
  return { name: NAME, file, password: kept ? null : password };
}

async function make(accounts: Accounts, password: string): Promise<void> {
  const admin = { name: NAME, fullName: 'First admin', role: 'admin', clients: null } as const;
  try {
    await accounts.add('andon', { ...admin, password });
  } catch (error) {
    // Another process that starts now was quicker.
    if (!(error instanceof Conflict)) throw error;
  }
}

async function readPassword(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return /^password: (.+)$/m.exec(text)?.[1]?.trim() ?? '';
}

async function keep(file: string, password: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `user: ${NAME}\npassword: ${password}\n`, { mode: 0o600, flag: 'wx' });
}
