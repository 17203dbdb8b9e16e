import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';

const file = new URL('../../config/redis/users.acl', import.meta.url);
export const aclFile: string = readFileSync(file, 'utf8');

/** The rights of the user `andon` in config/redis/users.acl, for keys that begin with `{t`, as those of tests do. */
export function rights(): string[] {
  const line = aclFile.split('\n').find((text) => text.startsWith('user andon '));
  if (!line) throw new Error('config/redis/users.acl has no user andon');
  return line
    .split(' ')
    .slice(2)
    .map((word) => word.replace('~{andon:*', '~{t*'));
}

/** Makes that user in a Redis; answers the URL with which it logs in. */
export async function aclUser(url: string, ...more: string[]): Promise<string> {
  const admin = new Redis(url);
  try {
    await admin.call('ACL', 'SETUSER', 'andon', ...rights(), ...more);
  } finally {
    admin.disconnect();
  }
  const as = new URL(url);
  as.username = 'andon';
  as.password = 'change-this-password';
  return as.href;
}
