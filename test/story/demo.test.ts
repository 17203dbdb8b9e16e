import { describe, expect, jest, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { pause } from '../../src/lifecycle.js';
import { openBrowser, phone, scrollsSideways, type TestPage } from '../support/browser.js';
import { Demo } from '../support/demo.js';
import { picture } from '../support/pictures.js';
import { until as untilTrue } from '../support/until.js';

/**
 * The whole story, on what `npm run demo` starts, as people live it: each test goes on where the one
 * before it ended. `ANDON_SCREENSHOTS=1` keeps its pictures.
 */
// It takes under a minute alone; beside a whole suite each step may wait for its turn.
jest.setTimeout(180_000);

const demo = await Demo.start();
const browser = openBrowser();
const PASSWORD = 'correct horse battery';
const BLOUSE = 'striped-silk-blouse';
const SHOP = 'cape-shop';

let admin: Desk;
let thandi: Desk;
let vera: Desk;
/** Queue id of the blouse, whose price is negative. */
let blouse: number;
/** Of what came later for the blouse. */
let updates: number[];
/** Of a cap whose price is negative. */
let cap: number;

/** Somebody before a browser of their own. */
interface Desk extends TestPage {
  /** Opens a page of the desk. */
  to(path: string): Promise<Page>;
}

async function logIn(name: string, password = PASSWORD): Promise<Desk> {
  const shown = await browser.page();
  const { page } = shown;
  page.setDefaultTimeout(60_000);
  await page.goto(demo.url);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await button(page, 'Log in').click();
  await page.getByRole('heading', { name: 'Needs attention' }).waitFor();
  return {
    ...shown,
    async to(path) {
      await page.goto(demo.url + path);
      return page;
    },
  };
}

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const row = (page: Page, hasText: string | RegExp) => page.locator('.concern', { hasText });

const enqueue = async (instruction: string, channel: string, data: object): Promise<number> =>
  (await demo.call<{ queueId: number }>('POST', '/v1/items', { instruction, channel, data }))
    .queueId;

const itemNow = (queueId: number) =>
  demo.call<{ state: string; attempts: number }>('GET', `/v1/items/${queueId}`);

/** Asks a process that has to do the work meanwhile, so not too often, and patiently. */
const until = (what: string, predicate: () => Promise<boolean>) =>
  untilTrue(
    what,
    async () => {
      if (await predicate()) return true;
      await pause(150);
      return false;
    },
    60_000,
  );

const isNow = (queueId: number, state: string) =>
  until(`item ${queueId} to be ${state}`, async () => (await itemNow(queueId)).state === state);

describe('an import that stops at a bad product', () => {
  test('the demo tells where it stands, and its first admin logs in with what it told', async () => {
    expect(demo.story).toContain('20 products from examples/apparel.csv were enqueued');
    expect(demo.story).toContain('has a negative price (-50)');
    expect(demo.story).toContain('15 wait');
    const stranger = await browser.page();
    await stranger.page.goto(`${demo.url}/queues`);
    await stranger.page.getByLabel('Password').waitFor();
    await picture(stranger.page, 'login');
    admin = await logIn('admin', demo.password);
    const stale = row(admin.page, 'Striped Silk Blouse');
    await stale.getByText('15 product changes are stale').waitFor();
    await stale.locator('[data-row]').click();
    await admin.page.waitForURL(/\/items\/\d+$/);
    blouse = Number(/\d+$/.exec(admin.page.url())?.[0]);
  });

  test('the admin gives two colleagues a login', async () => {
    const page = await admin.to('/users');
    for (const [name, full, role] of [
      ['thandi', 'Thandi M.', 'operator'],
      ['vera', 'Vera K.', 'viewer'],
    ] as const) {
      await page.getByLabel('Name', { exact: false }).first().fill(name);
      await page.getByLabel('Full name').fill(full);
      await page.getByLabel('Role').selectOption(role);
      await page.getByLabel('First password').fill(PASSWORD);
      await button(page, 'Add user').click();
      await page.getByText(`${name} may log in.`).waitFor();
      await admin.to('/users');
    }
    await page.getByRole('cell', { name: 'Vera K.' }).waitFor();
    await picture(page, 'users');
    [thandi, vera] = await Promise.all([logIn('thandi'), logIn('vera')]);
  });

  test('a second import waits behind it', async () => {
    const said = await demo.andon('import', 'examples/home-and-garden.csv', '--channel', SHOP);
    expect(said).toContain('20 enqueued');
    const page = await thandi.to('/');
    await row(page, 'Striped Silk Blouse').getByText('35 product changes are stale').waitFor();
  });

  test('the mail tells it, and its link takes the matter on without a login', async () => {
    const { page, context } = admin;
    await until('the mail', async () =>
      (await (await context.request.get(`${demo.url}/demo/mail`)).text()).includes('Silk Blouse'),
    );
    await admin.to('/demo/mail');
    await page.getByRole('link', { name: /Striped Silk Blouse/ }).click();
    const mail = page.frameLocator('iframe');
    await mail
      .getByText('35 items in Cape Shopify (demo)')
      .or(mail.getByText('15 items'))
      .waitFor();
    await mail.getByText('Known error: The price in the item is missing').waitFor();
    const opened = context.waitForEvent('page');
    await mail.getByRole('link', { name: 'I look after it' }).click();
    const link = await opened;
    await link.getByRole('heading', { name: 'Look after it?' }).waitFor();
    await picture(link, 'mail-act');
    await button(link, 'I look after it').click();
    await link.getByText('The others who were told see that.').waitFor();
    await link.close();
    await thandi.to('/');
    await row(thandi.page, 'Striped Silk Blouse')
      .getByText('you@demo.example looks after it')
      .waitFor();
  });

  test('the mail can be read on a phone', async () => {
    const { page } = await browser.page(phone);
    await page.context().addCookies(await admin.context.cookies());
    await page.goto(`${demo.url}/demo/mail/0/html`);
    await page.getByText('I look after it').waitFor();
    expect(await scrollsSideways(page)).toBe(false);
    await picture(page, 'mail-html-light');
  });
});

describe('an operator, by the keyboard', () => {
  test('walks to the item, reads what is known of its error, and looks what a skip would do', async () => {
    updates = [
      await enqueue('update_product', SHOP, { sku: BLOUSE, title: 'Silk Blouse' }),
      await enqueue('update_product', SHOP, { sku: BLOUSE, tags: ['sale'] }),
    ];
    const page = await thandi.to('/');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await picture(page, 'keys');
    await page.keyboard.press('Escape');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/items/${blouse}`);
    await page.getByText('and blocks Cape Shopify (demo): 37 wait behind it').waitFor();
    await page.getByText('The price in the item is missing, negative or no number.').waitFor();
    await picture(page, 'item');
    await page.goBack();
    await page.keyboard.press('j');
    await page.keyboard.press('s');
    await page.waitForURL(`**/items/${blouse}/skip`);
    const choice = page.locator('.choice', { hasText: 'everything now queued' });
    await choice.getByText('3 items go').waitFor();
    await choice.getByRole('radio').check();
    await page.getByLabel('Reason (needed)').fill('not sold any more');
    await picture(page, 'skip-preview');
  });

  test('skips it with all that was queued for its SKU, and the queue goes on', async () => {
    const { page } = thandi;
    await button(page, 'Skip').click();
    await page.getByText('3 items are skipped').waitFor();
    await until('the other products to reach the shop', async () => {
      // The blouse itself is there, too: only its variant was refused.
      return Object.keys((await demo.shopOf(SHOP)).products).length === 40;
    });
  });

  test('takes the skip back: it stands at its old place again, and can be edited and retried', async () => {
    const { page } = thandi;
    await button(page, 'Undo the skip of all 3').click();
    await page.getByText('all 3 items wait again').waitFor();
    await page.locator('h1 .badge.failed').waitFor();
    await page.getByRole('link', { name: 'Edit and retry' }).click();
    const data = page.getByLabel('Data');
    await data.fill((await data.inputValue()).replace('"price": -50', '"price": 50'));
    await button(page, 'Show what changes').click();
    await page.locator('ins', { hasText: '50' }).waitFor();
    await picture(page, 'edit-diff');
    await button(page, 'Change and retry').click();
    await page.locator('h1 .badge.completed').waitFor();
    const { received } = await demo.shopOf(SHOP);
    expect(received.slice(-3).map(({ key }) => Number(key))).toEqual([blouse, ...updates]);
    await thandi.to('/');
    await page.getByText('Nothing needs you').waitFor();
    await picture(page, 'all-is-well');
  });
});

describe('one cause in three shops', () => {
  test('is one cluster; a canary is retried first, and the others when that went well', async () => {
    const shops = { berg: 'Berg Shopify', karoo: 'Karoo Shopify', delta: 'Delta Magento' };
    await demo.fault('wrong');
    for (const [channel, description] of Object.entries(shops)) {
      const connector = { type: 'demo', url: `${demo.shop}/shops/${channel}` };
      const put = { description, client: 'demo', connector };
      await demo.call('PUT', `/v1/channels/${channel}`, put);
      const items = ['Ocean Blue Shirt', 'Olive Jacket', 'Zipped Jacket'].map((title) => ({
        instruction: 'add_product',
        channel,
        data: { sku: `${channel}-${title.length}`, title },
      }));
      await demo.call('POST', '/v1/items/batch', { items });
    }
    await demo.andon('pause', 'source.sage', '--reason', 'stocktaking until noon');
    const page = await thandi.to('/');
    await page.getByText('3 blocked · 1 paused').waitFor();
    await until('the alerter to have seen it', async () => {
      const { items } = await demo.call<{ items: { open: number }[] }>('GET', '/v1/incidents');
      return items.some(({ open }) => open === 3);
    });
    await thandi.to('/');
    await button(page, 'I look after it').first().click();
    await page.locator('.keeper', { hasText: 'You look after it' }).nth(2).waitFor();
    await picture(page, 'needs-attention');
    await demo.fault('slow', { delayMs: 1_500 });
    await thandi.to('/clusters');
    await page.getByRole('link', { name: /a page instead of JSON/ }).click();
    await page.getByText('3 items failed alike').waitFor();
    await picture(page, 'cluster');
    await button(page, 'Skip these …').click();
    await page.getByRole('heading', { name: 'Skip these 3 items?' }).waitFor();
    await page.locator('.choice').nth(2).getByText('3 items go').waitFor();
    await picture(page, 'cluster-skip');
    await page.getByRole('link', { name: 'Leave them as they are' }).click();
    await button(page, 'Retry these').click();
    await page.getByText('Waits for what becomes of the first one').waitFor();
    await page.getByText('1 on the way').waitFor();
    await picture(page, 'run-canary');
    await demo.fault('none');
    await page.getByText('All is done.').waitFor();
  });
});

describe('Bull Board', () => {
  test('says what Retry does, asks, and runs the item again before everything behind it', async () => {
    const cap = await enqueue('add_product', SHOP, { sku: 'CAP', title: 'Cap', price: -1 });
    await enqueue('add_product', SHOP, { sku: 'HAT', title: 'Hat', price: 9 });
    await isNow(cap, 'failed');
    const page = await thandi.to(`/board/queues/channel.${SHOP}`);
    await page.getByText('CAP').first().waitFor();
    await button(page, 'Retry').first().hover();
    await page.getByText('Retry: run it again, before everything behind it').waitFor();
    await picture(page, 'bull-board');
    await demo.andon('edit', String(cap), '--set', 'price=1');
    await button(page, 'Retry').first().click();
    await page.getByText('Retry this item? It runs again now, before everything').waitFor();
    await picture(page, 'bull-board-retry');
    await button(page, 'Confirm').click();
    await isNow(cap, 'completed');
    expect((await demo.shopOf(SHOP)).received.slice(-2).map(({ key }) => Number(key))).toEqual([
      cap,
      cap + 1,
    ]);
  });

  test('says that its bin is Skip, asks, and of an add leads to the page that asks why', async () => {
    const { page } = thandi;
    const cap = await enqueue('add_product', SHOP, { sku: 'CAP-2', title: 'Cap 2', price: -1 });
    const hat = await enqueue('add_product', SHOP, { sku: 'HAT-2', title: 'Hat 2', price: 9 });
    await isNow(cap, 'failed');
    await thandi.to(`/board/items/${cap}`);
    await button(page, 'Skip').hover();
    await page.getByText('Skip: leave it undone and let the queue go on').waitFor();
    await button(page, 'Skip').click();
    await page.getByText('Skip this item? It is left undone').waitFor();
    await picture(page, 'bull-board-skip');
    await button(page, 'Confirm').click();
    // An add: nobody was asked why, so it leads to where that is asked.
    await page.getByText(`needs a reason, which Bull Board cannot ask for`).waitFor();
    await thandi.to(`/items/${cap}/skip`);
    await page.getByLabel('Reason (needed)').fill('a typing error');
    await button(page, 'Skip').click();
    await isNow(cap, 'skipped');
    await isNow(hat, 'completed');
    await thandi.to(`/board/items/${cap}`);
    await page.getByText('Skipped: Add product').first().waitFor();
  });

  test('refuses what would break the order, with a sentence that says where to do it instead', async () => {
    const { page } = thandi;
    await thandi.to(`/board/queues/channel.${SHOP}`);
    await button(page, 'More').click();
    await page.getByRole('menuitem', { name: 'Clear (in the console)' }).click();
    await button(page, 'Confirm').click();
    await page.getByText('To skip everything that waits, use Clear on the queues page').waitFor();
    await picture(page, 'bull-board-refused');
  });
});

describe('the roles', () => {
  test('a viewer sees everything of it and is offered nothing, at the desk and on Bull Board', async () => {
    cap = await enqueue('add_product', SHOP, { sku: 'CAP-3', title: 'Cap 3', price: -1 });
    await isNow(cap, 'failed');
    const page = await vera.to('/');
    await row(page, 'Cap 3').getByText('has a negative price').waitFor();
    expect(await page.locator('.concern :is(button, .button)').count()).toBe(0);
    await vera.to(`/items/${cap}`);
    await page.getByText('and blocks Cape Shopify').waitFor();
    expect(await button(page, 'Retry').count()).toBe(0);
    await vera.to(`/items/${cap}/skip`);
    await page.getByText('Your role is viewer, and this takes an operator').waitFor();
    await vera.to(`/board/items/${cap}`);
    await page.getByText('CAP-3').first().waitFor();
    await button(page, 'Settings').waitFor();
    expect(await button(page, /^(Retry|Skip)$/).count()).toBe(0);
    // Hiding is a courtesy: who knows the address is refused too.
    const status = await page.evaluate(
      `fetch(location.pathname.replace('/board/queue/', '/board/api/queues/') + '/retry', { method: 'PUT' }).then((answer) => answer.status)`,
    );
    expect(status).toBe(403);
    expect((await itemNow(cap)).state).toBe('failed');
  });

  test('an operator deals with items, and is shown no users; an admin is', async () => {
    const page = await thandi.to('/');
    await button(page, 'Retry').waitFor();
    expect(await page.getByRole('link', { name: 'Users' }).count()).toBe(0);
    await thandi.to('/users');
    await page.getByText('Your role is operator, and this takes an admin').waitFor();
    await admin.to('/');
    await admin.page.getByRole('link', { name: 'Users' }).waitFor();
  });

  test('a session that ended does nothing any more on Bull Board, and leads back to the login', async () => {
    const { page } = thandi;
    await thandi.to(`/board/items/${cap}`);
    await button(page, 'Retry').waitFor();
    const api = page.url().replace('/board/queue/', '/board/api/queues/');
    await admin.to('/users/thandi');
    await button(admin.page, 'End all sessions').click();
    await admin.page.getByRole('dialog').getByRole('button', { name: 'End them' }).click();
    await admin.page.getByText('sessions of thandi have ended').waitFor();
    // The page finds it out by itself; what it asked before that is refused.
    const headers = { accept: 'application/json', origin: demo.url };
    const answer = await thandi.context.request.put(`${api}/retry`, { headers });
    expect(answer.status()).toBe(401);
    await page.waitForURL(/\/login\?next=/);
    expect(await itemNow(cap)).toMatchObject({ state: 'failed', attempts: 1 });
    await page.getByLabel('Name').fill('thandi');
    await page.getByLabel('Password').fill(PASSWORD);
    await button(page, 'Log in').click();
    await page.waitForURL(new RegExp(`/board/queue/.*/${cap}$`));
  });
});

describe('everything else at the desk', () => {
  test.each([
    ['queues', '/queues', 'Cape Shopify (demo)'],
    ['known-errors', '/known-errors', 'worked 2 of 2'],
    ['audit', '/audit?actor=thandi', 'undo-skip'],
    ['search', '/search?q=silk', 'silk-summer-top'],
    ['entity', `/entities/sku/${BLOUSE}`, 'Update product on Cape Shopify'],
  ])('the page of %s shows what has happened', async (name, path, text) => {
    const page = await admin.to(path);
    await page.getByText(text).first().waitFor();
    await picture(page, name);
    expect(admin.trouble).toEqual([]);
  });

  test('serves on a phone, and in the dark', async () => {
    const { page } = await browser.page({ ...phone, dark: true });
    await page.context().addCookies(await admin.context.cookies());
    for (const path of ['/', `/items/${cap}`, `/items/${cap}/skip`]) {
      await page.goto(demo.url + path);
      expect([path, await scrollsSideways(page)]).toEqual([path, false]);
      if (path === '/') await picture(page, 'phone-attention');
      if (path.endsWith('/skip')) await picture(page, 'phone-skip');
    }
  });

  test('Bull Board has the colours that were chosen at the desk', async () => {
    const page = await admin.to('/queues');
    await page.locator('.me summary').click();
    await button(page, 'Dark').click();
    await admin.to('/board/');
    await page.getByText('Cape Shopify (demo) — blocked').first().waitFor();
    const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(ground).toBe('rgb(21, 26, 33)');
    await picture(page, 'bull-board-dark');
  });
});
