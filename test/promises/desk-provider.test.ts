import { beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { type Answer, Api } from '../support/api.js';
import { openBrowser } from '../support/browser.js';
import { accountsOf, Person } from '../support/desk.js';
import { TestProvider } from '../support/provider.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
const browser = openBrowser();
const provider = await TestProvider.start();
const api = await Api.start(redis, {
  config: 'test/support/provider.yaml',
  environment: {
    ANDON_OIDC_ISSUER: provider.issuer,
    ANDON_OIDC_CLIENT_ID: 'andon',
    ANDON_OIDC_CLIENT_SECRET: 'shop floor',
  },
});
const { users, sessions } = accountsOf(api);

beforeEach(() => {
  provider.lies = {};
  provider.foreignKey = false;
  provider.claims = {
    email: 'Thandi@acme.example',
    email_verified: true,
    name: 'Thandi',
    sub: 'subject-1',
    groups: ['everybody', 'andon-operators'],
    companies: ['Acme'],
  };
});

const get = (path: string, cookie?: string) =>
  api.call('GET', path, { key: null, headers: { accept: 'text/html', cookie } });
const cookieIn = (answer: Answer, name: string) =>
  new RegExp(`${name}=[^;,]+`).exec(String(answer.headers['set-cookie'] ?? ''))?.[0] ?? '';

/** To the provider; answers the way back with the cookie of this browser. */
async function begin(next = '/'): Promise<{ back: string; cookie: string }> {
  const away = await get(`/login/provider?next=${encodeURIComponent(next)}`);
  const answer = await fetch(String(away.headers.location), { redirect: 'manual' });
  const back = new URL(String(answer.headers.get('location')));
  return { back: back.pathname + back.search, cookie: cookieIn(away, 'andon-sign-in') };
}

async function comeBack(): Promise<Answer> {
  const { back, cookie } = await begin();
  return get(back, cookie);
}

describe('login at another provider', () => {
  test('lets somebody in with the role and clients that the provider names', async () => {
    const { page, trouble } = await browser.page();
    await page.goto(`${api.url}/account`);
    await page.getByText('Log in with Acme').click();
    await page.waitForURL(/\/account$/);
    const text = await page.locator('main').textContent();
    for (const each of ['thandi@acme.example', 'Thandi', 'operator', 'acme']) {
      expect(text).toContain(each);
    }
    expect(text).not.toContain('Change your password');
    expect(trouble).toEqual([]);
    expect(await users.get('thandi@acme.example')).toMatchObject({
      role: 'operator',
      clients: ['acme'],
      provider: `${provider.issuer} subject-1`,
      hasPassword: false,
    });
  });

  test('takes over what changed at the provider, and ends sessions of the former role', async () => {
    await comeBack();
    const before = await sessions.open('thandi@acme.example', '', '');
    provider.claims['groups'] = 'andon-admins';
    provider.claims['companies'] = ['Head office'];
    expect((await comeBack()).status).toBe(303);
    expect(await users.get('thandi@acme.example')).toMatchObject({ role: 'admin', clients: null });
    expect(await sessions.find(before, false)).toBeNull();
  });

  test.each<[string, () => void]>([
    ['in no group that has a role', () => Object.assign(provider.claims, { groups: ['guests'] })],
    [
      'whose groups are words of the language',
      () => Object.assign(provider.claims, { groups: ['constructor', '__proto__'] }),
    ],
    ['of no client', () => Object.assign(provider.claims, { companies: [] })],
    [
      'whose address nobody verified',
      () => Object.assign(provider.claims, { email_verified: false }),
    ],
    ['without a name', () => Object.assign(provider.claims, { email: undefined })],
    ['with a name that is none', () => Object.assign(provider.claims, { email: '<b>x</b>' })],
    ['told with another nonce', () => Object.assign(provider.lies, { nonce: 'another' })],
    ['told by another issuer', () => Object.assign(provider.lies, { iss: 'https://evil.example' })],
    ['told to another program', () => Object.assign(provider.lies, { aud: 'another' })],
    ['told too long ago', () => Object.assign(provider.lies, { late: true })],
    [
      'told under another key',
      () => {
        provider.foreignKey = true;
      },
    ],
  ])('lets nobody in %s', async (_, change) => {
    const known = (await users.list()).length;
    change();
    const answer = await comeBack();
    expect(answer.status).toBe(403);
    expect(cookieIn(answer, 'andon-session')).toBe('');
    expect((await users.list()).length).toBe(known);
  });

  test('works once, in the browser that began it, with the state it was begun with', async () => {
    const one = await begin();
    const other = await begin();
    expect((await get(one.back)).status).toBe(403);
    expect((await get(one.back, other.cookie)).status).toBe(403);
    expect((await get(one.back, one.cookie)).status).toBe(303);
    expect((await get(one.back, one.cookie)).status).toBe(403);
  });

  test('asks for PKCE, and the code alone is worth nothing', async () => {
    const { back } = await begin();
    expect(provider.begun.at(-1)?.challenge).toHaveLength(43);
    const code = new URLSearchParams(back.split('?')[1]).get('code') ?? '';
    const answer = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({ code, client_secret: 'shop floor', code_verifier: 'guess' }),
    });
    expect(answer.status).toBe(400);
  });

  test('does not take over a user of that name who has a password here', async () => {
    await Person.of(api, { name: 'boss@acme.example', role: 'admin' });
    Object.assign(provider.claims, { email: 'boss@acme.example', sub: 'subject-2' });
    const answer = await comeBack();
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('log in with the password');
    expect(await users.get('boss@acme.example')).toMatchObject({ role: 'admin', provider: null });
  });

  test('lets nobody in who was disabled here', async () => {
    await comeBack();
    await users.change('thandi@acme.example', { disabled: true });
    expect((await comeBack()).status).toBe(403);
    await users.change('thandi@acme.example', { disabled: false });
  });

  test('leads back to pages of ours only', async () => {
    const { back, cookie } = await begin('//evil.example/x');
    expect((await get(back, cookie)).headers.location).toBe('/');
  });

  test('is not there unless it is set up, and is set up whole', async () => {
    const without = await Api.start(redis);
    const call = (path: string) =>
      without.call('GET', path, { key: null, headers: { accept: 'text/html' } });
    expect((await call('/login')).text).not.toContain('/login/provider');
    expect((await call('/login/provider')).status).toBe(404);
    const half = { ANDON_CONFIG: 'test/support/empty.yaml', ANDON_OIDC_ISSUER: provider.issuer };
    expect(() => loadConfig(half)).toThrow(/belong together/);
  });
});
