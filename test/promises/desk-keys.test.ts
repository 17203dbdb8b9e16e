import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { Api } from '../support/api.js';
import { openBrowser } from '../support/browser.js';
import { Person } from '../support/desk.js';
import { type Office, startOffice } from '../support/letters.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const browser = openBrowser();
let office: Office;
let api: Api;

/** Three matters, the newest first: Third is paused, Second and First failed. */
beforeAll(async () => {
  office = await startOffice(redis);
  api = office.api;
  office.shop.answer = () => ({ status: 422, body: { detail: 'no such colour' } });
  for (const [id, description] of [
    ['1', 'First Shop'],
    ['2', 'Second Shop'],
    ['3', 'Third Shop'],
  ] as const) {
    await api.put('channel', id, office.shop.url, { description });
    if (id === '3') await api.ok('POST', '/v1/queues/channel.3/pause', { reason: 'stock take' });
    else await api.untilState((await api.add(id, `S${id}`))[0], 'failed');
  }
  const open = async () => (await api.ok('GET', '/v1/incidents')).items[0]?.['open'];
  await until('the alerter to have seen both', async () => (await open()) === 2);
});

async function desk(name: string, role: 'viewer' | 'operator'): Promise<Page> {
  const shown = await browser.page();
  await (await Person.of(api, { name, role })).enter(shown);
  await shown.page.goto(api.url);
  await shown.page.locator('.concern').nth(2).waitFor();
  return shown.page;
}

/** The shop in whose row the focus is; '' when it is in none. */
const rowNow = (page: Page) =>
  page.evaluate(
    `/\\w+ Shop/.exec(document.activeElement.closest('.concern')?.textContent ?? '')?.[0] ?? ''`,
  );

const press = async (page: Page, ...keys: string[]) => {
  for (const key of keys) await page.keyboard.press(key);
};

describe('who works by the keyboard', () => {
  test('walks down with j and up with k, and stays in the list at its ends', async () => {
    const page = await desk('walker', 'operator');
    const seen: unknown[] = [];
    for (const key of ['j', 'j', 'j', 'j', 'k', 'k', 'k']) {
      await press(page, key);
      seen.push(await rowNow(page));
    }
    const [first, second, third] = ['Third Shop', 'Second Shop', 'First Shop'];
    expect(seen).toEqual([first, second, third, third, second, first, first]);
  });

  test('does nothing by a letter that is typed into a field, nor as one who may only look', async () => {
    const writer = await desk('writer', 'operator');
    await press(writer, 'j', '/');
    await writer.keyboard.type('rtjk');
    expect(await writer.inputValue('[data-search]')).toBe('rtjk');
    const viewer = await desk('viewer', 'viewer');
    await press(viewer, 'j', 'r', 't', 'j', 'r', 't');
    expect(await rowNow(viewer)).toBe('Second Shop');
    expect((await api.ok('GET', '/v1/queues/channel.3'))['paused']).toBe(true);
    expect((await api.ok('GET', '/v1/incidents')).items[0]?.['claimedBy']).toBeNull();
  });

  test('looks after it with t, retries with r, and resumes with r; the focus goes on to the next row', async () => {
    const page = await desk('doer', 'operator');
    await press(page, 'j', 'j', 't');
    await page.locator('.concern', { hasText: 'Second Shop' }).getByText('You look').waitFor();
    expect((await api.ok('GET', '/v1/incidents')).items[0]?.['claimedBy']).toBe('user doer');
    expect(await rowNow(page)).toBe('Second Shop');

    office.shop.answer = () => ({ status: 200 });
    await press(page, 'r');
    await page.locator('.concern', { hasText: 'Second Shop' }).waitFor({ state: 'detached' });
    expect((await api.ok('GET', '/v1/queues/channel.2'))['blocked']).toBe(false);
    expect((await api.ok('GET', '/v1/queues/channel.1'))['blocked']).toBe(true);
    expect(await rowNow(page)).toBe('First Shop');

    await press(page, 'k', 'r');
    await page.locator('.concern', { hasText: 'Third Shop' }).waitFor({ state: 'detached' });
    expect((await api.ok('GET', '/v1/queues/channel.3'))['paused']).toBe(false);
    expect(await rowNow(page)).toBe('First Shop');
  });
});
