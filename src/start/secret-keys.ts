import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../config/load.js';
import { BadConfig } from '../errors.js';
import { makeKey, readKey, type SecretKey, Vault } from '../secrets/vault.js';

const fileOf = (config: Config): string => join(config.dataDir, 'secret-key');

/** Secrets of this process itself, which no line of its log may hold. */
export function ownSecrets(config: Config): string[] {
  const { bootstrapKey, adminPassword, oidc, mail, redisUrl, secretKeys, references } = config;
  const url = redisUrl !== undefined && URL.canParse(redisUrl) ? new URL(redisUrl) : null;
  const secrets = [
    bootstrapKey?.split('.')[1],
    adminPassword,
    oidc?.clientSecret,
    mail?.login?.password,
    mail?.dkim?.privateKey,
    url?.password,
    config.redisTls?.key,
    ...secretKeys,
    ...Object.values(references.variables),
  ];
  // Shorter ones would black out half a log.
  return secrets.filter((secret): secret is string => (secret?.length ?? 0) >= 8);
}

/** Sentences about keys that are missing or are none. */
export function wrongKeys(config: Config): string[] {
  const { secretKeys, redisUrl } = config;
  if (secretKeys.length === 0 && redisUrl)
    return [
      'ANDON_SECRET_KEY is not set: it seals the secrets of connectors. Make one with `openssl rand -base64 32`, give all processes the same, and keep it safe: without it those secrets are lost.',
    ];
  return secretKeys.flatMap((text, n) =>
    readKey(text)
      ? []
      : [`ANDON_SECRET_KEY: key ${n + 1} is not 32 bytes in base64 (openssl rand -base64 32).`],
  );
}

/**
 * The vault of this installation: sealed by `ANDON_SECRET_KEY`, or, beside a private Redis, by a key
 * that is made at the first start and kept in a file only its owner may read.
 * @throws BadConfig
 */
export async function openVault(config: Config): Promise<Vault> {
  const wrong = wrongKeys(config);
  if (wrong.length > 0) throw new BadConfig(wrong);
  if (config.secretKeys.length > 0) return new Vault(keysIn(config.secretKeys.join('\n')));
  const file = fileOf(config);
  if ((await read(file)).length === 0) await keep(file, makeKey());
  const reload = () => read(file);
  return new Vault(await reload(), reload);
}

/** Lays a new key before those in the file, for the next secrets. False when the keys come from the environment. */
export async function addKey(config: Config): Promise<boolean> {
  if (config.secretKeys.length > 0) return false;
  const file = fileOf(config);
  const former = await readFile(file, 'utf8').catch(() => '');
  const draft = await write(file, `${makeKey()}\n${former}`);
  await rename(draft, file);
  return true;
}

async function read(file: string): Promise<SecretKey[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new BadConfig([
      `${file} cannot be read (${error.code}): it holds the key to the secrets of connectors.`,
    ]);
  });
  const keys = keysIn(text);
  if (keys.length === 0 && text.trim() !== '')
    throw new BadConfig([
      `${file} holds no key: put it back from a backup, or remove it and set all secrets again.`,
    ]);
  return keys;
}

const keysIn = (text: string): SecretKey[] =>
  text
    .split('\n')
    .map((line) => readKey(line.trim()))
    .filter((key) => key !== null);

/** Two processes may start at once: the first one's key counts, and nobody reads half a file. */
async function keep(file: string, key: string): Promise<void> {
  const draft = await write(file, `${key}\n`);
  try {
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function write(file: string, text: string): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' });
  return draft;
}
