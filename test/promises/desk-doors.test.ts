import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Role, roles } from '../../src/accounts/roles.js';
import { formToken } from '../../src/accounts/sessions.js';
import type { ConsoleRoute } from '../../src/console/page.js';
import { consoleRoutes } from '../../src/console/routes.js';
import type { ConsoleServices } from '../../src/console/services.js';
import { Api } from '../support/api.js';
import { accountsOf, Person, postForm } from '../support/desk.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
// Building the table calls nothing of what its handlers work with.
const table: ConsoleRoute[] = consoleRoutes({} as ConsoleServices);
const guarded = table.filter((row) => row.permission !== 'anyone');
let api: Api;
const people: Partial<Record<Role | 'admin of acme', Person>> = {};

beforeAll(async () => {
  api = await Api.start(redis);
  await api.put('channel', '12', undefined, { client: 'cape', description: 'Cape Shopify' });
  await api.put('channel', '13', undefined, { client: 'acme', description: 'Acme Shop' });
  for (const role of roles) people[role] = await Person.of(api, { name: role, role });
  people['admin of acme'] = await Person.of(api, {
    name: 'acme-admin',
    role: 'admin',
    clients: ['acme'],
  });
});

/** An address of a row that is there or not; who may not open it is not told which. */
const pathOf = ({ path }: ConsoleRoute) => path.replace(/:\w+/g, '404');

const ask = (person: Person, row: ConsoleRoute) =>
  row.method === 'get' ? person.get(pathOf(row)) : person.post(pathOf(row));

describe('every page and form', () => {
  test('is in the table: there are some', () => {
    expect(guarded.length).toBeGreaterThan(8);
  });

  test.each(guarded.map((row) => [row.method, row.path, row] as const))(
    '%s %s sends people who are not logged in to the login, and answers scripts 401',
    async (method, _, row) => {
      const send = (headers: Record<string, string>) =>
        method === 'get'
          ? api.call('GET', pathOf(row), { key: null, headers })
          : postForm(api, pathOf(row), {}, headers);
      const page = await send({ accept: 'text/html' });
      expect(page.status).toBe(303);
      expect(page.headers.location).toMatch(/^\/login/);
      const script = await send({ accept: 'application/json' });
      expect(script.status).toBe(401);
      expect(script.body.type).toBe('/problems/login-needed');
      const stolen = await send({
        accept: 'application/json',
        cookie: `andon-session=${'A'.repeat(43)}`,
      });
      expect(stolen.status).toBe(401);
    },
  );

  const allowed: Record<string, readonly Role[]> = {
    read: ['viewer', 'operator', 'admin'],
    operate: ['operator', 'admin'],
    enqueue: ['admin'],
    admin: ['admin'],
  };
  const refused = guarded.flatMap((row) =>
    roles
      .filter((role) => !allowed[row.permission]?.includes(role))
      .map((role) => [role, row.method, row.path, row] as const),
  );
  test.each(refused)('a %s is refused at %s %s', async (role, _method, _path, row) => {
    const answer = await ask(people[role]!, row);
    expect(answer.status).toBe(403);
    expect(answer.text).toContain(`Your role is ${role}`);
  });

  test.each(guarded.filter((row) => row.unlimitedOnly).map((row) => [row.method, row.path, row]))(
    'an admin of one client is refused at %s %s',
    async (_method, _path, row) => {
      expect((await ask(people['admin of acme']!, row as ConsoleRoute)).status).toBe(403);
    },
  );

  test.each(guarded.filter((row) => row.method === 'get').map((row) => [row.path, row] as const))(
    '%s opens for an admin, and forbids scripts that are not ours',
    async (_, row) => {
      const answer = await people.admin!.get(pathOf(row));
      expect([200, 404]).toContain(answer.status);
      expect(answer.headers['content-type']).toMatch(/^text\/html/);
      expect(answer.headers['cache-control']).toBe('no-store');
      const policy = String(answer.headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).not.toContain('unsafe');
      expect(policy).toContain("frame-ancestors 'none'");
    },
  );
});

describe('a path that is there, asked by another method', () => {
  test.each([
    ['PUT', '/', 'GET, HEAD'],
    ['POST', '/queues', 'GET, HEAD'],
    ['GET', '/items/1/retry', 'POST'],
    ['DELETE', '/items/1/skip', 'GET, HEAD, POST'],
    ['PUT', '/act/x', 'GET, HEAD, POST'],
    ['POST', '/events', 'GET, HEAD'],
  ])('%s %s is told what it takes, people and programs alike', async (method, path, allow) => {
    const person = await api.call(method, path, {
      key: null,
      headers: { accept: 'text/html', cookie: people.viewer!.cookie },
    });
    expect([person.status, person.headers['allow']]).toEqual([405, allow]);
    expect(person.text).toContain('This is no page to open');
    expect(person.text).toContain('href="/queues"');
    const program = await api.call(method, path, { key: null });
    expect([program.status, program.headers['allow']]).toEqual([405, allow]);
    expect(program.body.type).toBe('/problems/method-not-allowed');
  });
});

describe('a form that somebody else sends', () => {
  const writes = guarded.filter((row) => row.method === 'post');
  const cases: [string, Record<string, string | undefined>][] = [
    ['from another site', { origin: 'https://evil.example' }],
    ['from another port of this host', { origin: 'http://127.0.0.1:1' }],
    ['from nowhere', { origin: undefined, referer: undefined }],
    ['from a page that hides where it is', { origin: 'null' }],
    ['that the browser calls cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['that the browser calls same-site', { 'sec-fetch-site': 'same-site' }],
  ];
  test.each(
    writes.flatMap((row) => cases.map(([how, headers]) => [row.path, how, headers] as const)),
  )('POST %s %s is refused, though the cookie is there', async (path, _, headers) => {
    const answer = await people.admin!.post(path.replace(/:\w+/g, 'viewer'), {}, headers);
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('came from a page of another site');
  });

  test.each(writes.map((row) => [row.path]))(
    'POST %s without its token is refused',
    async (path) => {
      const where = path.replace(/:\w+/g, 'viewer');
      for (const token of ['', 'x', formToken(people.viewer!.secret)]) {
        const answer = await people.admin!.post(where, { _token: token });
        expect(answer.status).toBe(403);
        expect(answer.text).toContain('This form is of an older session');
      }
    },
  );

  test('logs nobody in from another site', async () => {
    const fields = { name: 'viewer', password: 'whatever it is' };
    const answer = await postForm(api, '/login', fields, { origin: 'https://evil.example' });
    expect(answer.status).toBe(403);
  });

  test('has changed nothing by all that', async () => {
    const { users } = accountsOf(api);
    expect((await users.list()).map(({ name, role, disabled }) => [name, role, disabled])).toEqual([
      ['acme-admin', 'admin', false],
      ['admin', 'admin', false],
      ['operator', 'operator', false],
      ['viewer', 'viewer', false],
    ]);
    expect((await people.viewer!.get('/')).status).toBe(200);
  });
});

describe('a user of one client', () => {
  test('sees the queues of that client only', async () => {
    await api.ok('POST', '/v1/queues/channel.12/pause');
    await api.ok('POST', '/v1/queues/channel.13/pause');
    await api.ok('POST', '/v1/queues/parallel/pause');
    const all = (await people.viewer!.get('/')).text;
    for (const name of ['Cape Shopify', 'Acme Shop', 'parallel']) expect(all).toContain(name);
    const theirs = (await people['admin of acme']!.get('/')).text;
    expect(theirs).toContain('Acme Shop');
    for (const name of ['Cape Shopify', 'cape', 'channel.12', 'parallel']) {
      expect(theirs).not.toContain(name);
    }
  });
});

describe('a user for whom "all clients" and one of them are both ticked', () => {
  const fields = { fullName: '', all: 'yes', clients: ['acme'] };

  test('is not made, nor given more to see: nobody can tell what was meant', async () => {
    const { users } = accountsOf(api);
    await people.admin!.post('/users', { ...fields, name: 'either', role: 'viewer' });
    expect(await users.get('either')).toBeNull();
    await people.admin!.post('/users/acme-admin', { ...fields, role: 'admin' });
    expect((await users.get('acme-admin'))?.clients).toEqual(['acme']);
  });
});

describe('Bull Board', () => {
  test('opens for who is logged in only, and takes writes from our own pages only', async () => {
    const stranger = (accept: string) =>
      api.call('GET', '/board/api/queues', { key: null, headers: { accept } });
    expect((await stranger('text/html')).headers.location).toBe(
      '/login?next=%2Fboard%2Fapi%2Fqueues',
    );
    expect((await stranger('application/json')).status).toBe(401);
    expect((await people.viewer!.get('/board')).text).toContain('<html');
    const path = '/board/api/queues/channel.12/pause';
    const foreign = { accept: 'application/json', origin: 'https://evil.example' };
    const refused = await people.admin!.post(path, {}, foreign);
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('another site');
  });

  test('tells a person on a page, and its own page in a toast, that something is not there', async () => {
    const page = await people.viewer!.get('/board/items/404');
    expect(page.status).toBe(404);
    expect(page.text).toContain('There is nothing here');
    expect(page.text).toContain('href="/queues"');
    const toast = await people.viewer!.get('/board/items/404', { accept: 'application/json' });
    expect([toast.status, toast.body.error]).toEqual([404, 'Not done']);
  });

  test('takes writes only with the token that its own page bears', async () => {
    const operator = people.admin!;
    const page = await operator.get('/board');
    const token = /<meta name="andon-token" content="([\w-]+)">/.exec(page.text)?.[1] ?? '';
    expect(page.headers['cache-control']).toBe('no-store');
    const open = await operator.get('/board/queues/channel.12');
    const name = String(open.headers.location).replace('/board/queue/', '');
    await api.call('POST', '/v1/queues/channel.12/resume');
    const pause = (more: Record<string, string>) =>
      api.call('PUT', `/board/api/queues/${name}/pause`, {
        key: null,
        headers: {
          cookie: operator.cookie,
          origin: api.url,
          accept: 'application/json',
          ...more,
        },
      });
    for (const wrong of ['', 'x', formToken(people['admin of acme']!.secret)]) {
      const refused = await pause(wrong ? { 'x-andon-token': wrong } : {});
      expect(refused.status).toBe(403);
      // In the form that Bull Board shows to the person.
      expect(refused.body).toMatchObject({
        error: 'Not done',
        message: expect.stringContaining('open the page again'),
      });
    }
    expect((await api.ok('GET', '/v1/queues/channel.12'))['paused']).toBe(false);
    expect((await pause({ 'x-andon-token': token })).status).toBe(200);
    await api.ok('POST', '/v1/queues/channel.12/resume');
  });
});

test('the console leaves the paths of programs alone', async () => {
  for (const path of ['/docs', '/openapi.json', '/healthz', '/readyz']) {
    expect((await api.call('GET', path, { key: null })).status).toBe(200);
  }
  const unknown = await api.call('GET', '/nowhere', { key: null });
  expect(unknown.status).toBe(404);
  expect(unknown.headers['content-type']).toMatch(/problem\+json/);
  const page = await people.viewer!.get('/nowhere');
  expect(page.status).toBe(404);
  expect(page.text).toContain('There is nothing here');
  expect((await people.viewer!.get('/v1/queues')).status).toBe(401);
});
