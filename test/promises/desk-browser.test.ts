import { beforeAll, describe, expect, test } from '@jest/globals';
import { Api } from '../support/api.js';
import { hostileTexts, openBrowser, phone, scrollsSideways } from '../support/browser.js';
import { PASSWORD, Person } from '../support/desk.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
const browser = openBrowser();
let api: Api;
let admin: Person;

beforeAll(async () => {
  api = await Api.start(redis);
  admin = await Person.of(api, {
    name: 'admin',
    role: 'admin',
    fullName: hostileTexts.join(' ').slice(0, 100),
  });
});

describe('in a real browser', () => {
  test('names, reasons and addresses that hold scripts are shown as text and never run', async () => {
    for (const [n, text] of hostileTexts.entries()) {
      await api.put('channel', `x${n}`, undefined, { description: text });
      await api.ok('POST', `/v1/queues/channel.x${n}/pause`, { reason: text });
    }
    const all = hostileTexts.join(' ');
    await Person.of(api, { name: 'hostile', fullName: all });
    // What the browser says of itself, and what the list of sessions shows of it.
    for (const text of hostileTexts) {
      await admin.accounts.open('hostile', { address: text, agent: text });
    }
    const shown = await browser.page();
    await admin.enter(shown);
    const { page, trouble } = shown;
    const paths = [
      '/',
      '/users',
      '/audit',
      '/account',
      '/users/hostile',
      `/audit?actor=${encodeURIComponent(all.slice(0, 90))}&action=${encodeURIComponent('"><img src=x onerror=alert(1)>')}`,
      `/nowhere/${encodeURIComponent(all)}?q=${encodeURIComponent(all)}`,
    ];
    for (const path of paths) {
      await page.goto(api.url + path);
      expect(await page.locator('main').isVisible()).toBe(true);
    }
    await page.goto(`${api.url}/`);
    const text = await page.locator('main').textContent();
    for (const each of hostileTexts) expect(text).toContain(each);
    // Unlike in the page, in the text of a flash message.
    const flash = Buffer.from(JSON.stringify({ say: hostileTexts.join(' '), bad: true }));
    await shown.context.addCookies([
      { name: 'andon-flash', value: flash.toString('base64url'), url: api.url },
    ]);
    await page.goto(`${api.url}/`);
    expect(await page.locator('#notice').textContent()).toContain(hostileTexts[0]);
    const stranger = await browser.page();
    for (const text of [all, 'javascript:alert(1)']) {
      await stranger.page.goto(`${api.url}/login?next=${encodeURIComponent(text)}`);
      await stranger.page.fill('input[name=name]', text);
      await stranger.page.fill('input[name=password]', text);
      await stranger.page.keyboard.press('Enter');
      await stranger.page.getByText('Name and password do not fit.').waitFor();
    }
    expect(stranger.trouble).toEqual([]);
    expect(trouble).toEqual([]);
  }, 90_000);

  test('a person logs in, is led to where the link went, and logs out', async () => {
    const { page, trouble } = await browser.page();
    await page.goto(`${api.url}/audit?actor=key`);
    expect(page.url()).toContain('/login?next=');
    await page.fill('input[name=name]', 'Admin');
    await page.fill('input[name=password]', 'not that one');
    await page.keyboard.press('Enter');
    await page.getByText('Name and password do not fit.').waitFor();
    expect(await page.inputValue('input[name=name]')).toBe('Admin');
    await page.fill('input[name=password]', PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/audit\?actor=key$/);
    await page.click('.me summary');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByText('You are logged out.').waitFor();
    await page.goto(`${api.url}/users`);
    expect(page.url()).toContain('/login');
    expect(trouble).toEqual([]);
  });

  test('the list of what needs attention follows by itself, and keeps the focus', async () => {
    const shown = await browser.page();
    const viewer = await Person.of(api, { name: 'viewer' });
    await viewer.enter(shown);
    const { page } = shown;
    await api.put('channel', 'late', undefined, { description: 'Late Shop' });
    const streaming = page.waitForResponse((answer) => answer.url().endsWith('/events'));
    await page.goto(`${api.url}/`);
    expect((await streaming).status()).toBe(200);
    const first = page.locator('[data-row]').first();
    const focused = await first.textContent();
    await first.focus();
    await api.ok('POST', '/v1/queues/channel.late/pause', { reason: 'inventory' });
    const row = page.locator('.concern', { hasText: 'Late Shop' });
    await row.waitFor({ timeout: 15_000 });
    expect(await page.evaluate('document.activeElement.textContent')).toBe(focused);
    await api.ok('POST', '/v1/queues/channel.late/resume');
    await row.waitFor({ state: 'detached', timeout: 15_000 });
  });

  test('the list follows by asking again where a proxy lets no stream through', async () => {
    const shown = await browser.page();
    await admin.enter(shown);
    const { page } = shown;
    await page.route('**/events', (route) => route.abort());
    await api.put('channel', 'polled', undefined, { description: 'Polled Shop' });
    await page.goto(`${api.url}/`);
    await api.ok('POST', '/v1/queues/channel.polled/pause', { reason: 'inventory' });
    await page.locator('.concern', { hasText: 'Polled Shop' }).waitFor({ timeout: 20_000 });
  }, 30_000);

  test('an open page says so when its session has ended', async () => {
    const shown = await browser.page();
    const guest = await Person.of(api, { name: 'guest' });
    await guest.enter(shown);
    await shown.page.goto(`${api.url}/`);
    await guest.accounts.sessions.endAll('guest');
    await api.ok('POST', '/v1/queues/channel.x1/resume');
    await shown.page.getByText('Your session has ended').waitFor({ timeout: 15_000 });
  });

  test('colours follow the system until they are chosen, and the choice lasts', async () => {
    const shown = await browser.page({ dark: true });
    await admin.enter(shown);
    const { page } = shown;
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    await page.goto(`${api.url}/users`);
    expect(await ground()).toBe('rgb(21, 26, 33)');
    await page.click('.me summary');
    await page.getByRole('button', { name: 'Light', exact: true }).click();
    expect(await ground()).toBe('rgb(243, 245, 247)');
    await page.reload();
    expect(await ground()).toBe('rgb(243, 245, 247)');
  });

  test('on a phone the data of an item keep to their window, and what follows stands below', async () => {
    await api.put('channel', 'long');
    await api.ok('POST', '/v1/queues/channel.long/pause');
    const data = { sku: 'A', title: 'A', lines: Array.from({ length: 80 }, (_, n) => `line ${n}`) };
    const { queueId } = await api.ok('POST', '/v1/items', {
      instruction: 'add_product',
      channel: 'long',
      data,
    });
    await api.ok('PATCH', `/v1/items/${queueId}`, { data: { ...data, title: 'B' } });
    const shown = await browser.page(phone);
    await admin.enter(shown);
    const { page } = shown;
    await page.goto(`${api.url}/items/${queueId}`);
    const [end, next] = (await page.evaluate(`(() => {
      const data = document.querySelector('.scroll.data');
      const open = getComputedStyle(data).overflowY === 'visible';
      const heading = [...document.querySelectorAll('h2')].find((one) => one.textContent === 'History');
      return [(open ? data.firstElementChild : data).getBoundingClientRect().bottom, heading.getBoundingClientRect().top];
    })()`)) as [number, number];
    expect(end).toBeLessThanOrEqual(next);
  });

  test('a path that there is not leads on by the navigation, for whoever is logged in', async () => {
    const there = await admin.get('/nonexistent');
    expect(there.status).toBe(404);
    expect(there.text).toContain('href="/queues"');
    expect(there.text).not.toContain('href="/login"');
    const stranger = await api.call('GET', '/nonexistent', {
      key: null,
      headers: { accept: 'text/html' },
    });
    expect(stranger.text).toContain('href="/login"');
  });

  test('no page is wider than a phone', async () => {
    const shown = await browser.page(phone);
    await admin.enter(shown);
    for (const path of ['/', '/users', '/users/admin', '/audit', '/account', '/nowhere']) {
      await shown.page.goto(api.url + path);
      expect([path, await scrollsSideways(shown.page)]).toEqual([path, false]);
    }
  });

  test('on a phone the navigation shows which page is open', async () => {
    const shown = await browser.page(phone);
    await admin.enter(shown);
    for (const path of ['/', '/incidents', '/audit', '/users']) {
      await shown.page.goto(api.url + path);
      const place = await shown.page.locator('.top nav [aria-current]').boundingBox();
      const [from, to] = [place?.x ?? -1, (place?.x ?? 0) + (place?.width ?? 0)];
      expect([path, from >= 0, to <= 390]).toEqual([path, true, true]);
      expect(await shown.page.evaluate('scrollY')).toBe(0);
    }
  });

  test('on a phone no heading of a table lies over its value', async () => {
    await api.put('channel', 'narrow');
    const [queueId] = await api.add('narrow', 'SKU-ON-A-PHONE');
    await api.ok('POST', '/v1/queues/channel.narrow/clear', { reason: 'test' });
    expect((await api.item(queueId ?? 0)).state).toBe('skipped');
    const shown = await browser.page(phone);
    await admin.enter(shown);
    for (const path of ['/known-errors', '/entities/sku/SKU-ON-A-PHONE', '/queues', '/audit']) {
      await shown.page.goto(api.url + path);
      const overlapping = await shown.page.evaluate(`[...document.querySelectorAll('td')]
        .filter((cell) => cell.textContent !== '')
        .filter((cell) => {
          const start = parseFloat(getComputedStyle(cell).paddingLeft) - 12;
          return parseFloat(getComputedStyle(cell, '::before').width) > start;
        })
        .map((cell) => cell.dataset.heading)`);
      expect([path, overlapping]).toEqual([path, []]);
    }
  });

  test('no button of a table is broken in two', async () => {
    await api.put('channel', 'broad', undefined, { description: 'A long name '.repeat(6).trim() });
    const shown = await browser.page();
    await admin.enter(shown);
    await shown.page.goto(`${api.url}/queues`);
    const lines = await shown.page.evaluate(`(() => {
      const heights = (of) => [...document.querySelectorAll(of)].map((one) => one.offsetHeight);
      return Math.max(...heights('td button')) / Math.min(...heights('.filters button'));
    })()`);
    expect(lines).toBeLessThanOrEqual(1);
  });

  test('a form that was refused comes back as it was sent, but for its password', async () => {
    const shown = await browser.page();
    await admin.enter(shown);
    const { page } = shown;
    const form = page.locator('form[action="/users"]');
    const filled = () =>
      page.evaluate(`[...document.querySelector('form[action="/users"]').elements]
        .filter((one) => one.name && one.name !== '_token')
        .map((one) => one.type === 'checkbox' ? one.checked : one.value)`);
    await page.goto(`${api.url}/users`);
    const empty = await filled();
    await form.locator('[name=name]').fill('admin');
    await form.locator('[name=fullName]').fill('Ann');
    await form.locator('[name=role]').selectOption('viewer');
    await form.locator('[name=all]').uncheck();
    await form.locator('[name=password]').fill('a password of hers');
    await page.keyboard.press('Enter');
    await page.locator('.notice.bad').waitFor();
    expect(await filled()).toEqual(['admin', 'Ann', 'viewer', false, '']);
    await page.goto(`${api.url}/users`);
    expect(await filled()).toEqual(empty);
    expect(await page.evaluate('JSON.stringify(sessionStorage)')).toBe('{}');
    expect(shown.trouble).toEqual([]);
  });

  test('a dialog asks before a user is disabled, and Escape leaves all as it was', async () => {
    const shown = await browser.page();
    await admin.enter(shown);
    await Person.of(api, { name: 'leaver' });
    const { page } = shown;
    await page.goto(`${api.url}/users/leaver`);
    await page.getByRole('button', { name: 'Disable' }).click();
    await page.keyboard.press('Escape');
    expect((await admin.accounts.users.get('leaver'))?.disabled).toBe(false);
    await page.getByRole('button', { name: 'Disable' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
    await page.getByText('leaver may not log in any more.').waitFor();
    expect((await admin.accounts.users.get('leaver'))?.disabled).toBe(true);
  });
});
