import { stat } from 'node:fs/promises';
import { beforeAll, describe, expect, it, test } from '@jest/globals';
import { LockOut } from '../../src/accounts/lock-out.js';
import { hashPassword, isPassword } from '../../src/accounts/password.js';
import { Sessions } from '../../src/accounts/sessions.js';
import { loadConfig } from '../../src/config/load.js';
import { TooManyTries } from '../../src/errors.js';
import { Keys } from '../../src/redis/keys.js';
import { firstAdmin } from '../../src/start/first-admin.js';
import { Api } from '../support/api.js';
import { accountsOf, PASSWORD, Person, postForm } from '../support/desk.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const directory = await temporaryDirectory();
let api: Api;
let admin: Person;

beforeAll(async () => {
  api = await Api.start(redis);
  admin = await Person.of(api, { name: 'admin', role: 'admin' });
});

const logIn = (name: string, password: string, headers: Record<string, string> = {}) =>
  postForm(api, '/login', { name, password }, headers);
const cookieOf = (answer: Awaited<ReturnType<typeof logIn>>) =>
  String(answer.headers['set-cookie'] ?? '');
const secretIn = (cookies: string) => /andon-session=([^;]+)/.exec(cookies)?.[1] ?? '';

test('a password is stored as scrypt with N = 2^17 and a salt of its own', async () => {
  const [one, other] = await Promise.all([hashPassword(PASSWORD), hashPassword(PASSWORD)]);
  expect(one).toMatch(/^scrypt\$131072\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
  expect(one).not.toBe(other);
  expect(await isPassword(PASSWORD, one)).toBe(true);
  expect(await isPassword(`${PASSWORD} `, one)).toBe(false);
  expect(await isPassword('', null)).toBe(false);
});

describe('a session', () => {
  it('gets a new secret at login, whatever the browser brought along', async () => {
    const planted = 'planted-by-somebody-else-000000000000000000';
    const answer = await logIn('ADMIN', PASSWORD, { cookie: `andon-session=${planted}` });
    expect(answer.status).toBe(303);
    const cookies = cookieOf(answer);
    expect(cookies).toMatch(/HttpOnly/);
    expect(cookies).toMatch(/SameSite=Lax/);
    expect(secretIn(cookies)).toHaveLength(43);
    expect(secretIn(cookies)).not.toBe(planted);
    const before = await admin.get('/account', { cookie: `andon-session=${planted}` });
    expect(before.status).toBe(303);
  });

  it('ends when its browser logs in again', async () => {
    const first = secretIn(cookieOf(await logIn('admin', PASSWORD)));
    const second = secretIn(
      cookieOf(await logIn('admin', PASSWORD, { cookie: `andon-session=${first}` })),
    );
    const status = async (secret: string) =>
      (await admin.get('/', { cookie: `andon-session=${secret}` })).status;
    expect([await status(first), await status(second)]).toEqual([303, 200]);
  });

  it('is kept in Redis as a hash only, and no password is', async () => {
    const dump = Object.entries(await api.dump());
    for (const [name, base64] of dump) {
      const text = name + Buffer.from(base64, 'base64').toString('latin1');
      expect(text).not.toContain(admin.secret);
      expect(text).not.toContain(PASSWORD);
    }
    expect(dump.some(([name]) => name.includes(':session:'))).toBe(true);
  });

  it('ends by log-out, on the server too', async () => {
    const guest = await Person.of(api, { name: 'guest' });
    expect((await guest.get('/')).status).toBe(200);
    const out = await guest.post('/logout');
    expect(cookieOf(out)).toMatch(/andon-session=;/);
    expect((await guest.get('/')).status).toBe(303);
  });

  it.each([
    ['another role', { role: 'operator', all: 'yes' }],
    ['other clients', { role: 'viewer', clients: 'acme' }],
  ])('ends when an admin gives its user %s', async (what, fields) => {
    const name = `user-${what.replace(' ', '-')}`;
    const user = await Person.of(api, { name });
    expect((await admin.post(`/users/${name}`, fields)).status).toBe(303);
    expect((await user.get('/')).status).toBe(303);
  });

  it('ends when its user is disabled, who then cannot log in', async () => {
    const user = await Person.of(api, { name: 'leaver' });
    await admin.post('/users/leaver/disable');
    expect((await user.get('/')).status).toBe(303);
    expect((await logIn('leaver', PASSWORD)).status).toBe(401);
    await admin.post('/users/leaver/enable');
    expect((await logIn('leaver', PASSWORD)).status).toBe(303);
  });

  it('goes on under a new secret, and every other one ends, when its user changes the password', async () => {
    const here = await Person.of(api, { name: 'changer' });
    const elsewhere = await Person.of(api, { name: 'changer' });
    const fields = { old: PASSWORD, password: 'a better password', again: 'a better password' };
    const wrong = await here.post('/account/password', { ...fields, old: 'not that one' });
    expect(cookieOf(wrong)).not.toMatch(/andon-session/);
    const answer = await here.post('/account/password', fields);
    const secret = secretIn(cookieOf(answer));
    expect(secret).not.toBe(here.secret);
    expect((await here.get('/')).status).toBe(303);
    expect((await elsewhere.get('/')).status).toBe(303);
    expect((await here.get('/', { cookie: `andon-session=${secret}` })).status).toBe(200);
    expect((await logIn('changer', PASSWORD)).status).toBe(401);
    expect((await logIn('changer', 'a better password')).status).toBe(303);
  });

  it('ends when nobody uses it, and at the latest after its whole time', async () => {
    const times = { idleMs: 60_000, absoluteMs: 100_000 };
    const sessions = new Sessions(api.redis, api.keys, times);
    /** As if it had been opened and last used so many milliseconds ago; answers what is left of it. */
    const leftAfterUse = async (openedAgo: number, usedAgo: number): Promise<number> => {
      const secret = await sessions.open('clock', '', '');
      const { id, ...session } = (await sessions.find(secret, false))!;
      const key = api.keys.registry.session + id;
      const [createdAt, seenAt] = [Date.now() - openedAgo, Date.now() - usedAgo];
      const text = JSON.stringify({ ...session, createdAt, seenAt });
      await api.redis.set(key, text, 'PX', times.idleMs - usedAgo);
      expect(await sessions.find(secret, true)).not.toBeNull();
      return api.redis.pttl(key);
    };
    const within = (ms: number) => [ms - 10_000, ms] as const;
    for (const [left, [least, most]] of [
      [await leftAfterUse(30_000, 30_000), within(60_000)],
      [await leftAfterUse(80_000, 30_000), within(20_000)],
    ] as const) {
      expect(left).toBeGreaterThan(least);
      expect(left).toBeLessThanOrEqual(most);
    }
    const short = new Sessions(api.redis, api.keys, { idleMs: 50, absoluteMs: 100_000 });
    const idle = await short.open('idler', '', '');
    await until('the idle session to end', async () => !(await short.find(idle, false)));
  });

  it('is not kept alive by a page that only refreshes itself', async () => {
    const user = await Person.of(api, { name: 'idle-page' });
    const [before] = await user.accounts.sessions.list(user.name);
    const key = api.keys.registry.session + before!.id;
    // As if its last use were ten minutes ago.
    const old = { ...before!, seenAt: Date.now() - 600_000, id: undefined };
    await api.redis.set(key, JSON.stringify(old), 'PX', 60_000);
    expect((await user.get('/', { 'x-andon-live': 'idle' })).status).toBe(200);
    expect(await api.redis.pttl(key)).toBeLessThanOrEqual(60_000);
    expect((await user.get('/', { 'x-andon-live': 'active' })).status).toBe(200);
    expect(await api.redis.pttl(key)).toBeGreaterThan(1_000_000);
  });

  it('behind TLS has a cookie that only this host over TLS can set', async () => {
    const tls = await Api.start(redis, { environment: { ANDON_TRUST_PROXY: '1' } });
    await Person.of(tls, { name: 'admin', role: 'admin' });
    const fields = { name: 'admin', password: PASSWORD };
    const answer = await postForm(tls, '/login', fields, { 'x-forwarded-proto': 'https' });
    expect(cookieOf(answer)).toMatch(
      /__Host-andon=[^;]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax/,
    );
  });
});

describe('guessing', () => {
  it('is let through five times, then once a wait that doubles', async () => {
    await Person.of(api, { name: 'target' });
    for (let n = 0; n < 5; n += 1) {
      expect((await logIn('target', `wrong ${n}`)).status).toBe(401);
    }
    expect((await logIn('target', 'wrong again')).status).toBe(401);
    const locked = await logIn('target', PASSWORD);
    expect(locked.status).toBe(429);
    expect(locked.text).toMatch(/Too many failed logins: try again in \d+ seconds/);
    expect((await logIn('admin', PASSWORD)).status).toBe(303);
  });

  it('a hundred times at once is not let through a hundred times', async () => {
    const lockOut = new LockOut(api.redis, new Keys(redis.freshPrefix(), 1));
    const tries = await Promise.allSettled(
      Array.from({ length: 100 }, () => lockOut.admit('victim', '198.51.100.7')),
    );
    expect(tries.filter((one) => one.status === 'fulfilled').length).toBe(6);
    expect(tries.find((one) => one.status === 'rejected')?.reason).toBeInstanceOf(TooManyTries);
  });

  it('from one address at many accounts is slowed down, and does not lock their owners out', async () => {
    const lockOut = new LockOut(api.redis, new Keys(redis.freshPrefix(), 1));
    const admit = (account: string, address: string) =>
      lockOut.admit(account, address).then(
        () => true,
        () => false,
      );
    const through: boolean[] = [];
    for (let n = 0; n < 60; n += 1) through.push(await admit(`user-${n}`, '198.51.100.7'));
    expect(through.filter(Boolean).length).toBe(51);
    expect(await admit('user-1', '203.0.113.9')).toBe(true);
  });

  it('tells nobody whether a user exists', async () => {
    const known = await logIn('viewerless', 'whatever that is');
    const unknown = await logIn('idle-page', 'whatever that is');
    expect(known.text.replace('viewerless', '')).toBe(unknown.text.replace('idle-page', ''));
  });
});

describe('users', () => {
  it('always keep an admin who sees everything', async () => {
    const answer = await admin.post('/users/admin', { role: 'viewer', all: 'yes' });
    expect(answer.status).toBe(303);
    expect((await admin.accounts.users.get('admin'))?.role).toBe('admin');
  });

  it('are audited with who changed them, before and after, and never with a password', async () => {
    await Person.of(api, { name: 'audited', fullName: 'Before' });
    await admin.post('/users/audited', { fullName: 'After', role: 'viewer', all: 'yes' });
    await admin.post('/users/audited/password');
    const lines = (await api.ok('GET', '/v1/audit?limit=20')).items;
    expect(lines.find((line) => line['action'] === 'change' && line['before'])).toMatchObject({
      actor: 'user admin',
      user: 'audited',
      before: { fullName: 'Before' },
      after: { fullName: 'After' },
    });
    expect(JSON.stringify(lines)).not.toMatch(/[0-9a-f]{6}-[0-9a-f]{6}-[0-9a-f]{6}/);
  });

  it('who are two changes at once both get both', async () => {
    const { users } = accountsOf(api);
    await Person.of(api, { name: 'busy' });
    await Promise.all([
      users.change('busy', { fullName: 'Busy' }),
      users.change('busy', { role: 'operator' }),
    ]);
    expect(await users.get('busy')).toMatchObject({ fullName: 'Busy', role: 'operator' });
  });
});

describe('users over the API', () => {
  it('are added, listed, changed and disabled by an admin key, which sees no hash', async () => {
    const made = await api.ok('POST', '/v1/users', { name: 'Api-User', role: 'viewer' });
    expect((await logIn('api-user', String(made['password']))).status).toBe(303);
    expect(
      (await api.call('POST', '/v1/users', { body: { name: 'api-user', role: 'admin' } })).status,
    ).toBe(409);
    const change = { role: 'operator', clients: ['acme'] };
    expect(await api.ok('PATCH', '/v1/users/api-user', change)).toMatchObject(change);
    const again = await api.ok('POST', '/v1/users/api-user/password');
    expect((await logIn('api-user', String(made['password']))).status).toBe(401);
    expect((await logIn('api-user', String(again['password']))).status).toBe(303);
    expect(await api.ok('DELETE', '/v1/users/api-user/sessions')).toEqual({ ended: 1 });
    const list = await api.call('GET', '/v1/users');
    expect(list.text).not.toMatch(/scrypt|passwordHash/);
    const limited = await api.ok('POST', '/v1/keys', { scopes: ['admin'], client: 'acme' });
    expect((await api.call('GET', '/v1/users', { key: limited.key })).status).toBe(403);
  });
});

describe('the login leads', () => {
  it.each([
    ['/users', '/users'],
    ['/audit?actor=jane', '/audit?actor=jane'],
    ['//evil.example/x', '/'],
    ['/\\evil.example', '/'],
    ['https://evil.example/', '/'],
    ['javascript:alert(1)', '/'],
    ['/.//evil.example', '/'],
  ])('to %s as %s', async (next, to) => {
    const answer = await postForm(api, '/login', { name: 'admin', password: PASSWORD, next });
    expect(answer.headers.location).toBe(to);
  });
});

describe('the first admin', () => {
  const fresh = async () => {
    const line = await Api.start(redis);
    return accountsOf(line);
  };

  it('beside a private Redis is made once, told once, and kept in a file only its owner reads', async () => {
    const accounts = await fresh();
    const config = loadConfig({
      ANDON_CONFIG: 'test/support/empty.yaml',
      ANDON_DATA_DIR: directory,
    });
    const first = await firstAdmin(accounts, config);
    expect(first?.password).toMatch(/^[0-9a-f-]{34}$/);
    expect((await stat(first!.file!)).mode & 0o777).toBe(0o600);
    const origin = { address: '', agent: '' };
    expect(await accounts.logIn('admin', first!.password!, origin)).not.toBeNull();
    expect(await firstAdmin(accounts, config)).toMatchObject({ password: null, file: first!.file });
    // Another Redis, the same directory: the same password.
    const other = await fresh();
    expect(await firstAdmin(other, config)).toMatchObject({ password: null });
    expect(await other.logIn('admin', first!.password!, origin)).not.toBeNull();
  });

  it('is ANDON_ADMIN_PASSWORD where that is given; beside a Redis of others nobody is made up', async () => {
    const accounts = await fresh();
    const settings = { ANDON_CONFIG: 'test/support/empty.yaml', REDIS_URL: redis.url };
    expect(await firstAdmin(accounts, loadConfig(settings))).toBeNull();
    expect(await accounts.users.count()).toBe(0);
    const given = loadConfig({ ...settings, ANDON_ADMIN_PASSWORD: PASSWORD });
    expect(await firstAdmin(accounts, given)).toEqual({
      name: 'admin',
      file: null,
      password: null,
    });
    expect(await accounts.users.get('admin')).toMatchObject({ role: 'admin', clients: null });
  });
});
