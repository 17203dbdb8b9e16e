import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { Api } from '../support/api.js';
import { hostileTexts, openBrowser, phone, scrollsSideways } from '../support/browser.js';
import { Person } from '../support/desk.js';
import { FarSide } from '../support/far-side.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
const browser = openBrowser();
let api: Api;
let shop: FarSide;
let thandi: Person;

beforeAll(async () => {
  api = await Api.start(redis, { roles: ['api', 'worker'] });
  shop = await FarSide.start();
  thandi = await Person.of(api, { name: 'thandi', role: 'operator', fullName: 'Thandi' });
});

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });

/** A blocked channel, with more of the same shirt and something else behind it. */
async function blockedShop(channel: string, description: string, sku = 'TSH-RED-M') {
  await api.put('channel', channel, shop.url, { client: 'cape', description });
  shop.refuse(sku);
  const item = (instruction: string, of: string, data: object = {}) => ({
    instruction,
    channel,
    data: { sku: of, title: of, ...data },
  });
  const { items } = await api.ok('POST', '/v1/items/batch', {
    items: [
      item('add_product', sku, { price: -5, apiKey: 'not-for-eyes' }),
      item('update_product', sku, { price: 10 }),
      item('add_product', `${sku}-OTHER`),
      item('update_variant', sku),
    ],
  });
  await api.untilState(items[0]?.queueId, 'failed');
  return items.map(({ queueId }) => queueId);
}

describe('an operator at the desk', () => {
  test('sees the block, looks what a skip would do, skips by SKU, takes it back, edits and retries', async () => {
    const ids = await blockedShop('12', 'Cape Shopify');
    const shown = await browser.page();
    await thandi.enter(shown);
    const { page, trouble } = shown;

    await page.goto(`${api.url}/items/${ids[0]}`);
    await page.getByText('blocks Cape Shopify: 3 wait behind it').waitFor();
    await page.getByText('The price in the item is missing, negative or no number.').waitFor();
    expect(await page.textContent('main')).not.toContain('not-for-eyes');

    await page.getByRole('link', { name: 'Skip …' }).click();
    const choice = page.locator('.choice', { hasText: 'everything now queued for sku TSH-RED-M' });
    await choice.getByText('3 items go').waitFor();
    await choice.getByRole('radio').check();
    await button(page, 'Skip').click();
    // A reason is needed, and the browser says so before anything is sent.
    expect(page.url()).toContain('/skip');
    await api.ok('POST', '/v1/queues/channel.12/pause');
    await page.getByLabel('Reason (needed)').fill('sold out');
    await button(page, 'Skip').click();
    await page.getByText('3 items are skipped').waitFor();
    await button(page, 'Undo').first().click();
    await page.getByText('all 3 items wait again').waitFor();
    await page.getByText(/Waits, as the next one.*is paused/).waitFor();

    await page.getByRole('link', { name: 'Edit' }).click();
    const field = page.getByLabel('Data');
    const data = JSON.parse(await field.inputValue());
    await field.fill(JSON.stringify({ ...data, price: 'x' }).slice(0, -1));
    await button(page, 'Show what changes').click();
    await page.getByRole('alert').waitFor();
    await field.fill(JSON.stringify({ ...data, price: 5 }));
    await button(page, 'Show what changes').click();
    await page.locator('ins', { hasText: '5' }).waitFor();
    expect(await page.locator('tbody tr').count()).toBe(1);
    await button(page, 'Change').click();
    await page.getByText('The data is changed').waitFor();

    shop.answer = () => ({ status: 200 });
    await api.ok('POST', '/v1/queues/channel.12/resume');
    await page.locator('h1 .badge.completed').waitFor({ timeout: 15_000 });
    await api.untilState(ids[3], 'completed');
    const sent = shop.deliveries.filter(({ body }) => body.channel === '12').slice(1);
    expect(sent.map(({ body }) => body.queueId)).toEqual(ids);
    expect(sent[0]?.body.data).toMatchObject({ price: 5, apiKey: 'not-for-eyes' });
    expect(trouble).toEqual([]);
  }, 60_000);

  test('retries a cluster with a canary and watches it get on', async () => {
    const blocked: number[] = [];
    for (const n of [1, 2, 3]) {
      const [id = 0] = await blockedShop(`c${n}`, `Cape ${n}`, `CAP-${n}`);
      blocked.push(id);
    }
    const shown = await browser.page();
    await thandi.enter(shown);
    const { page, trouble } = shown;
    await page.goto(`${api.url}/clusters`);
    await page.getByRole('link', { name: /CAP-1 has no price/ }).click();
    await page.getByText('3 items failed alike').waitFor();
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    shop.answer = async () => {
      await held;
      return { status: 200 };
    };
    await button(page, 'Retry these').click();
    await page.getByText('Waits for what becomes of the first one').waitFor();
    expect((await api.item(blocked[1] ?? 0)).state).toBe('failed');
    letGo();
    await page.getByText('All is done.').waitFor({ timeout: 20_000 });
    for (const id of blocked) expect((await api.item(id)).state).toBe('completed');
    expect(trouble).toEqual([]);
  }, 60_000);

  test('reads text of others as text, on every page of an item', async () => {
    const all = hostileTexts.join(' ');
    await api.put('channel', 'x', shop.url, { description: all.slice(0, 200) });
    shop.answer = () => ({ status: 422, body: { detail: all } });
    const { queueId } = await api.ok('POST', '/v1/items', {
      instruction: 'add_product',
      channel: 'x',
      data: { sku: all.slice(0, 200), title: all.slice(0, 200), notes: all, [all.slice(0, 60)]: 1 },
    });
    await api.untilState(queueId, 'failed');
    const shown = await browser.page();
    await thandi.enter(shown);
    const { page, trouble } = shown;
    for (const path of [
      `/items/${queueId}`,
      `/items/${queueId}/skip`,
      `/items/${queueId}/edit`,
      '/clusters',
    ]) {
      await page.goto(api.url + path);
      expect(await page.locator('main').isVisible()).toBe(true);
    }
    await page.locator('a[href^="/clusters/"]').first().click();
    await page.goto(`${api.url}/items/${queueId}/edit`);
    await button(page, 'Show what changes').click();
    await page.getByText('Nothing changes').waitFor();
    await page.goto(`${api.url}/items/${queueId}/skip`);
    await page.getByLabel('Reason (needed)').fill(all.slice(0, 900));
    await button(page, 'Skip').click();
    await page.getByText('is skipped').waitFor();
    expect(trouble).toEqual([]);
  }, 60_000);

  test('can do it on a phone, in the dark', async () => {
    const [id] = await blockedShop('p', 'Phone Shop', 'TSH-P');
    const shown = await browser.page({ ...phone, dark: true });
    await thandi.enter(shown);
    const { page } = shown;
    for (const path of ['', '/skip', '/edit']) {
      await page.goto(`${api.url}/items/${id}${path}`);
      expect([path, await scrollsSideways(page)]).toEqual([path, false]);
    }
    for (const path of ['/clusters', '/known-errors', '/known-errors/price-is-wrong']) {
      await page.goto(api.url + path);
      expect([path, await scrollsSideways(page)]).toEqual([path, false]);
    }
    await page.goto(`${api.url}/clusters`);
    await page.getByRole('link', { name: /TSH-P has no price/ }).click();
    expect(await scrollsSideways(page)).toBe(false);
  }, 60_000);
});
