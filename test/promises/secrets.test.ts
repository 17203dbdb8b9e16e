import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { buildCli } from '../../src/cli/program.js';
import { loadConfig } from '../../src/config/load.js';
import { rotate } from '../../src/programs/rotate.js';
import { addServing } from '../../src/programs/serve.js';
import { makeKey, readKey, SealedForGood, Vault } from '../../src/secrets/vault.js';
import { openVault, wrongKeys } from '../../src/start/secret-keys.js';
import { Api, product, SECRET_KEY } from '../support/api.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { TestSmtp } from '../support/smtp.js';

const redis = await startTestRedis();
const directory = await temporaryDirectory();
const config = join(directory, 'andon.yaml');
await writeFile(
  config,
  'mail: { from: "Andon <andon@shop.example>" }\nretry: { add_product: { attempts: 1 } }\nfleet: { tendMs: 20 }\nhold: { outages: false }\n',
);
const secretsDir = join(directory, 'secrets');
await mkdir(secretsDir);

const vaultOf = (...keys: string[]) => new Vault(keys.map((key) => readKey(key)!));
const stored = (api: Api, name: string) => api.redis.hget(api.keys.registry.secrets, name);

/** Everything under the prefix, as it lies in Redis: names, fields, values. */
async function everything(api: Api): Promise<string> {
  const parts: unknown[] = [];
  for (const key of await api.redis.keys(`{${api.prefix}:*`)) {
    const type = await api.redis.type(key);
    const read: Record<string, () => Promise<unknown>> = {
      string: () => api.redis.get(key),
      hash: () => api.redis.hgetall(key),
      list: () => api.redis.lrange(key, 0, -1),
      zset: () => api.redis.zrange(key, '0', '-1'),
      set: () => api.redis.smembers(key),
      stream: () => api.redis.xrange(key, '-', '+'),
    };
    parts.push(key, await read[type]!());
  }
  return JSON.stringify(parts);
}

describe('no secret is found where it does not belong', () => {
  test('in Redis, in the log, or in any answer, though far sides repeat them all', async () => {
    const canaries = {
      signing: `whsec_${Buffer.from('canary-signing-canary-signing-32').toString('base64')}`,
      token: 'canary-bearer-token-0001',
      password: 'canary-basic-password-0002',
      variable: 'canary-variable-0003',
      file: 'canary-file-0004',
      smtp: 'canary-smtp-password-0005',
    };
    await writeFile(join(secretsDir, 'shop-token'), `${canaries.file}\n`);
    const basic = Buffer.from(`shop:${canaries.password}`).toString('base64');
    const lines: string[] = [];
    const line = (facts: object, message: string) =>
      void lines.push(JSON.stringify([facts, message]));
    const smtp = await TestSmtp.start({ login: 'ann:another' });
    const api = await Api.start(redis, {
      roles: ['api', 'worker'],
      config,
      log: { debug: line, info: line, warn: line, error: line },
      environment: {
        CONNECTOR_SHOP_KEY: canaries.variable,
        ANDON_SECRETS_DIR: secretsDir,
        ANDON_SMTP_URL: smtp.url.replace('//', `//ann:${canaries.smtp}@`),
      },
    });
    const shop = await FarSide.start();
    const answers: string[] = [];
    shop.answer = ({ headers, body }) => ({
      status: String(body.data['sku']).startsWith('good') ? 200 : 422,
      body: {
        detail: `I got ${JSON.stringify(headers)} and ${canaries.signing}`,
        result: { seen: headers, basic: Buffer.from(basic, 'base64').toString() },
        log: [JSON.stringify(headers)],
      },
    });
    const put = await api.call('PUT', '/v1/channels/12', {
      body: {
        description: 'Cape Shopify',
        connector: {
          type: 'http',
          url: shop.url,
          secret: canaries.signing,
          headers: {
            authorization: `Bearer ${canaries.token}`,
            'x-old-auth': `Basic ${basic}`,
            'x-shop-key': 'env:CONNECTOR_SHOP_KEY',
            'x-file': 'file:shop-token',
          },
        },
      },
    });
    answers.push(put.text);
    const ids = await api.add('12', 'good', 'bad');
    const mail = await api.ok('POST', '/v1/items', {
      instruction: 'send_email',
      data: { to: 'ann@shop.example', subject: 'Hello', text: 'Hello' },
    });
    await api.untilState(ids[0], 'completed');
    await api.untilState(ids[1], 'failed');
    const failed = await api.untilState(mail.queueId, 'failed');
    expect(failed['error']).toMatchObject({ cause: 'credentials' });
    // What was named arrived, so this test looks for the right words.
    expect(shop.deliveries[0]?.headers).toMatchObject({
      'x-shop-key': canaries.variable,
      'x-file': canaries.file,
    });
    for (const path of [
      '/v1/items',
      '/v1/channels',
      '/v1/channels/12',
      '/v1/queues',
      '/v1/audit',
      '/v1/services',
      '/openapi.json',
    ])
      answers.push((await api.call('GET', path)).text);
    for (const id of [...ids, mail.queueId])
      answers.push((await api.call('GET', `/v1/items/${id}`)).text);
    const places = { redis: await everything(api), log: lines.join('\n'), api: answers.join('\n') };
    expect(places.redis).toContain('[secret]');
    expect(places.log).toContain('[secret]');
    const looked = [
      ...Object.values(canaries),
      basic,
      canaries.signing.slice('whsec_'.length),
      SECRET_KEY,
    ];
    for (const secret of looked)
      for (const [place, text] of Object.entries(places))
        expect([place, secret, text.includes(secret)]).toEqual([place, secret, false]);
    await api.stop();
  });

  test('a secret that is made is shown once and stored sealed', async () => {
    const api = await Api.start(redis);
    const { secret } = await api.put('channel', '12');
    expect(secret).toMatch(/^whsec_/);
    expect(await stored(api, 'channel.12')).toMatch(/^sealed1\./);
    expect((await api.ok('GET', '/v1/channels/12')).secret).toBeUndefined();
    await api.stop();
  });
});

describe('sealed secrets', () => {
  test('open with their key only, at their place only, and as they were only', async () => {
    const [one, two] = [makeKey(), makeKey()];
    const sealed = vaultOf(one).seal('{"a":1}', 'channel.12');
    expect(await vaultOf(one).open(sealed, 'channel.12')).toBe('{"a":1}');
    expect(await vaultOf(two, one).open(sealed, 'channel.12')).toBe('{"a":1}');
    await expect(vaultOf(two).open(sealed, 'channel.12')).rejects.toThrow(
      /which is not in ANDON_SECRET_KEY/,
    );
    await expect(vaultOf(one).open(sealed, 'channel.13')).rejects.toThrow(SealedForGood);
    const parts = sealed.split('.');
    for (const n of [2, 3, 4]) {
      const changed = [...parts];
      const part = changed[n] ?? '';
      changed[n] = (part[0] === 'A' ? 'B' : 'A') + part.slice(1);
      await expect(vaultOf(one).open(changed.join('.'), 'channel.12')).rejects.toThrow(
        SealedForGood,
      );
    }
    // A shorter tag is easier to guess.
    const short = [
      ...parts.slice(0, 4),
      Buffer.from(parts[4] ?? '', 'base64url')
        .subarray(0, 4)
        .toString('base64url'),
    ];
    await expect(vaultOf(one).open(short.join('.'), 'channel.12')).rejects.toThrow(SealedForGood);
    expect(vaultOf(one).seal('{"a":1}', 'channel.12')).not.toBe(sealed);
  });

  test('plain ones of an earlier version are read, and sealed at the next start', async () => {
    const prefix = redis.freshPrefix();
    const shop = await FarSide.start();
    const first = await Api.start(redis, { prefix });
    const { secret } = await first.put('channel', '12', shop.url);
    const name = first.keys.registry.secrets;
    await first.redis.hset(name, 'channel.12', JSON.stringify({ secret, headers: {} }));
    await first.stop();
    const second = await Api.start(redis, { prefix, roles: ['api', 'worker'] });
    expect(await stored(second, 'channel.12')).toMatch(/^sealed1\./);
    await second.add('12', 'a');
    await shop.untilDelivered('a');
    await second.stop();
  });

  test('a rotation seals all with the new key, and the old one is needed no more', async () => {
    const prefix = redis.freshPrefix();
    const [old, fresh] = [makeKey(), makeKey()];
    const shop = await FarSide.start();
    const first = await Api.start(redis, { prefix, environment: { ANDON_SECRET_KEY: old } });
    await first.put('channel', '12', shop.url);
    await first.put('channel', '13', shop.url);
    await first.stop();
    const environment = (key: string) => ({
      REDIS_URL: redis.url,
      ANDON_PREFIX: prefix,
      ANDON_CONFIG: config,
      ANDON_SECRET_KEY: key,
    });
    await expect(rotate(loadConfig(environment(fresh)))).rejects.toThrow(/not in ANDON_SECRET_KEY/);
    expect(await rotate(loadConfig(environment(`${fresh},${old}`)))).toEqual({
      all: 2,
      sealed: 2,
      made: false,
    });
    expect(await rotate(loadConfig(environment(`${fresh},${old}`)))).toMatchObject({ sealed: 0 });
    await expect(
      Api.start(redis, { prefix, environment: { ANDON_SECRET_KEY: old } }),
    ).rejects.toThrow(/not in ANDON_SECRET_KEY/);
    const second = await Api.start(redis, {
      prefix,
      roles: ['api', 'worker'],
      environment: { ANDON_SECRET_KEY: fresh },
    });
    await second.add('12', 'a');
    await shop.untilDelivered('a');
    const { items } = await second.ok('GET', '/v1/audit');
    expect(items).toContainEqual(
      expect.objectContaining({
        actor: 'andon secrets rotate',
        action: 'rotate',
        secrets: 2,
        sealed: 2,
      }),
    );
    await second.stop();
  });
});

test('the command line has a command for a rotation', () => {
  const group = buildCli(addServing).commands.find((one) => one.name() === 'secrets');
  expect(group?.commands.map((one) => one.name())).toContain('rotate');
});

describe('the key', () => {
  test('is demanded beside a Redis of one’s own, in words that say how to make one', () => {
    expect(wrongKeys(loadConfig({ REDIS_URL: redis.url, ANDON_CONFIG: config }))).toEqual([
      expect.stringContaining('openssl rand -base64 32'),
    ]);
    const short = loadConfig({ ANDON_SECRET_KEY: 'c2hvcnQ=', ANDON_CONFIG: config });
    expect(wrongKeys(short)).toEqual([expect.stringContaining('key 1 is not 32 bytes')]);
  });

  test('is made beside the private Redis, for its owner only, and kept', async () => {
    const dataDir = join(directory, 'data');
    const embedded = loadConfig({ ANDON_DATA_DIR: dataDir, ANDON_CONFIG: config });
    const [one, two] = await Promise.all([openVault(embedded), openVault(embedded)]);
    const file = join(dataDir, 'secret-key');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await two.open(one.seal('x', 'p'), 'p')).toBe('x');
    const before = await readFile(file, 'utf8');
    await openVault(embedded);
    expect(await readFile(file, 'utf8')).toBe(before);
    // A process that runs while a new key comes finds it when it meets it.
    await writeFile(file, `${makeKey()}\n${before}`);
    const after = await openVault(embedded);
    expect(await one.open(after.seal('x', 'p'), 'p')).toBe('x');
  });
});

describe('references', () => {
  test.each([
    ['env:ANDON_SECRET_KEY'],
    ['env:PATH'],
    ['env:CONNECTOR_'],
    ['file:../andon.yaml'],
    ['file:/etc/passwd'],
    ['file:'],
  ])('%s is refused, with the place it stands at', async (reference) => {
    const api = await Api.start(redis, { environment: { ANDON_SECRETS_DIR: secretsDir } });
    const body = {
      description: 'x',
      connector: {
        type: 'http',
        url: 'http://127.0.0.1:9/',
        headers: { authorization: reference },
      },
    };
    const answer = await api.call('PUT', '/v1/channels/12', { body });
    if (reference === 'file:')
      expect(answer.status).toBeLessThan(300); // a text like any other
    else {
      expect(answer.status).toBe(422);
      expect(answer.body.errors[0]?.pointer).toBe('/connector/headers/authorization');
    }
    await api.stop();
  });

  test('a key of one client cannot name what may be another client’s', async () => {
    const api = await Api.start(redis, { environment: { CONNECTOR_OTHER: 'theirs' } });
    const { key } = await api.ok('POST', '/v1/keys', { scopes: ['admin'], client: 'acme' });
    const connector = {
      type: 'http',
      url: 'http://127.0.0.1:9/',
      headers: { 'x-a': 'env:CONNECTOR_OTHER' },
    };
    const body = { description: 'x', client: 'acme', connector };
    const answer = await api.call('PUT', '/v1/channels/12', { key, body });
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toContain('limited to no client');
    await api.stop();
  });

  test('a link out of the directory, and a file of Andon’s own, stay unread; the item says so', async () => {
    const shop = await FarSide.start();
    const own = join(secretsDir, 'andon-key');
    await writeFile(own, SECRET_KEY);
    await symlink(config, join(secretsDir, 'link'));
    const api = await Api.start(redis, {
      roles: ['api', 'worker'],
      config,
      environment: {
        ANDON_SECRETS_DIR: secretsDir,
        ANDON_SECRET_KEY: '',
        ANDON_SECRET_KEY_FILE: own,
      },
    });
    for (const [id, name] of [
      ['1', 'file:link'],
      ['2', 'file:andon-key'],
      ['3', 'env:CONNECTOR_NOT_SET'],
    ] as const) {
      await api.put('channel', id, shop.url, {
        connector: { type: 'http', url: shop.url, headers: { 'x-a': name } },
      });
      const [queueId] = (
        await api.ok('POST', '/v1/items/batch', { items: [product(id, 'a')] })
      ).items.map((one) => one.queueId);
      const failed = await api.untilState(queueId, 'failed');
      expect(failed['error']).toMatchObject({
        cause: 'credentials',
        message: expect.stringContaining(name),
      });
    }
    expect(shop.deliveries).toEqual([]);
    await api.stop();
  });
});
