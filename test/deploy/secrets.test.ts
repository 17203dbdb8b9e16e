import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { makeDeploySecrets } from '../../src/programs/deploy-secrets.js';
import { wrongKeys } from '../../src/start/secret-keys.js';
import { temporaryDirectory } from '../support/redis.js';

const root = await temporaryDirectory();
const to = { redis: 'redis:6379', smtp: 'smtp://mailpit:1025' };

test('andon secrets init makes what Andon takes, and keeps what is there', () => {
  const directory = join(root, 'secrets');
  const { made } = makeDeploySecrets(directory, to);
  expect(readdirSync(directory).sort()).toEqual([...made].sort());
  // The directory for its owner alone; single files are mounted for users of other numbers.
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  for (const name of made) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o444);
  const read = (name: string) => readFileSync(join(directory, name), 'utf8').trim();
  const config = loadConfig({
    REDIS_URL_FILE: join(directory, 'redis_url'),
    ANDON_SECRET_KEY_FILE: join(directory, 'secret_key'),
    ANDON_SMTP_URL_FILE: join(directory, 'smtp_url'),
    ANDON_BOOTSTRAP_KEY_FILE: join(directory, 'bootstrap_key'),
    ANDON_ADMIN_PASSWORD_FILE: join(directory, 'admin_password'),
    ANDON_MAIL_FROM: 'Andon <andon@shop.example>',
    ANDON_CONFIG: 'test/support/empty.yaml',
  });
  expect(wrongKeys(config)).toEqual([]);
  expect(config.mail).toMatchObject({ host: 'mailpit', port: 1025 });
  const password = new URL(config.redisUrl ?? '').password;
  const users = read('redis_users');
  expect(users).toMatch(/^user default off$/m);
  expect(users).toMatch(/^user andon on #[0-9a-f]{64} .*-@all/m);
  expect(users).not.toContain(password);

  const before = made.map(read);
  expect(makeDeploySecrets(directory, to)).toEqual({ made: [], kept: made });
  expect(made.map(read)).toEqual(before);
  rmSync(join(directory, 'redis_users'));
  expect(() => makeDeploySecrets(directory, to)).toThrow(/belong together/);
});
