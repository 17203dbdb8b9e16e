import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../cli/exit.js';
import { makeKey } from '../secrets/vault.js';

/** What the containers read from `./secrets`, one secret a file; each name is a variable of Andon, or a file of Redis. */
export interface DeploySecrets {
  readonly made: readonly string[];
  readonly kept: readonly string[];
}

export interface DeployTo {
  /** Host and port of Redis as the containers see it. */
  readonly redis: string;
  /** Where mails leave, as a smtp:// or smtps:// URL. */
  readonly smtp: string;
}

const secret = (): string => randomBytes(32).toString('base64url');

/**
 * Makes the files that docker-compose.yml and the Kubernetes example read. A file that is there is never
 * touched: to change a secret, remove its file first.
 *
 * Each container mounts single files and runs under a user of its own, so the files can be read by all,
 * and the directory by its owner only: on the host nobody else gets as far as the files.
 * @throws UsageError
 */
export function makeDeploySecrets(directory: string, to: DeployTo): DeploySecrets {
  const password = secret();
  const files: Readonly<Record<string, string>> = {
    redis_url: `redis://andon:${password}@${to.redis}`,
    redis_users: redisUsers(password),
    secret_key: makeKey(),
    bootstrap_key: `first.${secret()}`,
    admin_password: secret(),
    smtp_url: to.smtp,
  };
  const there = (name: string) => existsSync(join(directory, name));
  if (there('redis_url') !== there('redis_users')) {
    throw new UsageError(
      `${directory}: redis_url and redis_users hold one password and belong together: put the missing one back, or remove both.`,
    );
  }
  const names = Object.keys(files);
  const made = names.filter((name) => !there(name));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  for (const name of made) {
    const file = join(directory, name);
    writeFileSync(file, `${files[name]}\n`, { flag: 'wx' });
    chmodSync(file, 0o444);
  }
  return { made, kept: names.filter((name) => !made.includes(name)) };
}

/** The users of Redis, as its `aclfile` has them: the least rights, and no password to be read from it. */
function redisUsers(password: string): string {
  const digest = createHash('sha256').update(password).digest('hex');
  const file = new URL('../../config/redis/users.acl', import.meta.url);
  return readFileSync(file, 'utf8').trim().replace(/ >\S+/, ` #${digest}`);
}
