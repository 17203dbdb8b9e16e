import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { checkRedis } from '../../src/redis/preflight.js';
import { aclFile, aclUser } from '../support/acl.js';
import { product } from '../support/api.js';
import { Person } from '../support/desk.js';
import { startOffice } from '../support/letters.js';
import { startTestRedis } from '../support/redis.js';
import { endShapes, startStandalone } from '../support/redis-shapes.js';
import { until } from '../support/until.js';

afterAll(endShapes);
const admin = await startTestRedis();
const url = await aclUser(admin.url);
const redis = { ...admin, url };

/** What the user was refused, as Redis logs it. */
async function refused(): Promise<string[]> {
  const look = new Redis(admin.url);
  const log = (await look.call('ACL', 'LOG')) as string[][];
  await look.call('ACL', 'LOG', 'RESET');
  look.disconnect();
  return log.map((entry) => {
    const field = (name: string) => entry[entry.indexOf(name) + 1];
    return `${field('reason')} ${field('object')} (${field('context')})`;
  });
}

describe('the Redis user of config/redis/users.acl', () => {
  test('is loaded by Redis from the file as it is', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'andon-acl-')), 'users.acl');
    // The test itself has to get in.
    await writeFile(path, aclFile.replace('default off', 'default on >shapes ~* &* +@all'));
    const server = await startStandalone({ conf: [`aclfile ${path}`] });
    const as = new URL(server.url);
    as.username = 'andon';
    as.password = 'change-this-password';
    const one = new Redis(as.href);
    expect(await one.set('{andon:s0}:andon:id', '1')).toBe('OK');
    await expect(one.set('other', '1')).rejects.toThrow('NOPERM');
    one.disconnect();
  });

  test('passes the start-up check', async () => {
    const one = new Redis(url);
    expect(await checkRedis(one, { allowVolatile: false })).toEqual({ problems: [], warnings: [] });
    one.disconnect();
  });

  test('may do all that API, fleet, alerts, desk and board do', async () => {
    const office = await startOffice(redis);
    const { api, shop, smtp } = office;
    const [failed = 0] = await api.add('12', 'a', 'a2', 'b', 'c', 'd');
    await api.untilState(failed, 'failed');
    await smtp.untilMails(1);

    const desk = await Person.of(api, { name: 'thandi', role: 'admin' });
    const pages = [
      ...['/', '/queues', '/queues/channel.12', '/search?q=a', '/clusters', '/incidents'],
      ...['/alerts', '/audit', '/users', '/known-errors', '/runs', '/account', `/items/${failed}`],
      ...[`/items/${failed}/edit`, `/items/${failed}/skip`, '/entities/sku/a', '/docs', '/board'],
      ...[
        '/board/api/queues?page=1&jobsPerPage=10',
        '/board/api/redis/stats',
        '/metrics',
        '/readyz',
      ],
      `/board/api/queues?activeQueue=channel.12&status=failed&page=1&jobsPerPage=10`,
    ];
    for (const path of pages) {
      const { status } = await desk.get(
        path,
        path.startsWith('/board/api') ? { accept: '*/*' } : {},
      );
      expect(`${path} ${status}`).not.toMatch(/ 5\d\d$/);
    }

    await api.ok('GET', '/v1/items?state=failed&error=price');
    await api.ok('PATCH', `/v1/items/${failed}`, { data: { sku: 'a', title: 'A' } });
    await api.ok('POST', `/v1/items/${failed}/skip`, { dryRun: true, scope: 'entity' });
    await api.ok('POST', `/v1/items/${failed}/skip`, { reason: 'x', scope: 'entity-until-add' });
    const second = failed + 1;
    await api.untilState(second, 'failed');
    await api.ok('POST', `/v1/items/${second}/resolve`, { reference: 'INV-1' });
    await api.untilState(second + 1, 'failed');
    await api.ok('POST', '/v1/queues/channel.12/pause', { reason: 'x' });
    await api.ok('POST', '/v1/queues/channel.12/clear', { reason: 'x' });
    shop.answer = () => ({
      status: 200,
      body: {
        log: ['a line'],
        parts: [{ kind: 'variant', key: 'red', state: 'done' }],
        followUps: [{ instruction: 'update_product', channel: '12', data: { sku: 'f' } }],
      },
    });
    await api.ok('POST', `/v1/items/${second + 1}/retry`);
    await api.ok('POST', '/v1/queues/channel.12/resume');
    await api.untilState(second + 1, 'completed');
    shop.answer = () => ({ status: 503 });
    const held = await api.ok('POST', '/v1/items', product('12', 'held'));
    await until('it to be on hold', async () => {
      const { state } = await api.ok('GET', '/v1/queues/channel.12');
      return state === 'held';
    });
    shop.answer = () => ({ status: 200 });
    await api.untilState(held.queueId, 'completed');
    await api.put('channel', '13', shop.url, { rateLimit: { max: 1, per: 'second' } });
    const [, last] = await api.add('13', 'x', 'y');
    await api.untilState(last, 'completed');
    const { key, id } = await api.ok('POST', '/v1/keys', { scopes: ['read'] });
    expect((await api.call('GET', '/v1/summary', { key })).status).toBe(200);
    await api.ok('DELETE', `/v1/keys/${id}`);
    await api.ok('PUT', '/v1/webhooks/crm', {
      description: 'CRM',
      url: 'https://crm.example/hook',
    });
    await api.ok('DELETE', '/v1/webhooks/crm');
    const forwarded = await api.call('POST', '/login', {
      key: null,
      raw: 'name=x&password=y',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: api.url },
    });
    expect(forwarded.status).toBeLessThan(500);
    await api.stop();
    expect(await refused()).toEqual([]);
  });

  test('may not do what only an administrator or a thief would', async () => {
    const one = new Redis(url);
    for (const command of [
      ['FLUSHALL'],
      ['FLUSHDB'],
      ['KEYS', '*'],
      ['SCAN', '0'],
      ['CONFIG', 'GET', '*'],
      ['CONFIG', 'SET', 'dir', '/tmp'],
      ['ACL', 'LIST'],
      ['DEBUG', 'SLEEP', '0'],
      ['SHUTDOWN'],
      ['REPLICAOF', 'evil.example', '6379'],
      ['MODULE', 'LIST'],
      ['MIGRATE', 'evil.example', '6379', '{tx:registry}:users', '0', '10'],
      ['DUMP', '{tx:registry}:users'],
      ['SAVE'],
      ['MONITOR'],
      ['SUBSCRIBE', 'x'],
      ['CLIENT', 'LIST'],
      ['CLIENT', 'KILL', 'ID', '1'],
      ['GET', 'of-another-program'],
      ['SET', 'of-another-program', '1'],
      ['EVAL', "return redis.call('FLUSHALL')", '0'],
      ['EVAL', "return redis.call('GET', 'of-another-program')", '0'],
    ]) {
      const [name = '', ...args] = command;
      await expect(one.call(name, ...args)).rejects.toThrow(
        /NOPERM|can't run this command|can't access at least one|permission|DEBUG command not allowed/i,
      );
    }
    one.disconnect();
  });

  test('is the only one there: whoever gives no password gets in nowhere', () => {
    expect(aclFile).toMatch(/^user default off$/m);
    expect(aclFile).not.toMatch(/nopass|allkeys|allcommands|\+@all/);
  });
});
