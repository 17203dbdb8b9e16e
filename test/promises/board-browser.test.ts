import { beforeAll, describe, expect, test } from '@jest/globals';
import { Api } from '../support/api.js';
import { hostileTexts, openBrowser } from '../support/browser.js';
import { Person } from '../support/desk.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
const browser = openBrowser();
let api: Api;
let thandi: Person;

beforeAll(async () => {
  api = await Api.start(redis);
  thandi = await Person.of(api, { name: 'thandi', role: 'operator' });
  await api.put('channel', '12', undefined, { description: hostileTexts.join(' ').slice(0, 200) });
});

describe('Bull Board in a real browser', () => {
  test('titles, names and errors that hold scripts are shown as text and never run', async () => {
    for (const title of hostileTexts)
      await api.ok('POST', '/v1/items', {
        instruction: 'add_product',
        channel: '12',
        data: { sku: title, title },
      });
    const { page, trouble } = await atTheBoard();
    await page.goto(`${api.url}/board/queues/channel.12`);
    await page.getByText('Waiting', { exact: false }).first().click();
    await page
      .getByText(hostileTexts[0] ?? '', { exact: false })
      .first()
      .waitFor();
    await page.goto(`${api.url}/board/items/1`);
    await page.getByText('#1', { exact: false }).first().waitFor();
    expect(trouble).toEqual([]);
  });

  test('what its page sends bears the token of the session, whichever way it is sent', async () => {
    const { page } = await atTheBoard();
    await page.goto(`${api.url}/board/queues/channel.12`);
    await page.getByText('Channels', { exact: false }).first().waitFor();
    const ways = {
      fetch: `fetch(at, { method: 'PUT' }).then((answer) => answer.status)`,
      // As Bull Board sends.
      xhr: `new Promise((done) => {
        const request = new XMLHttpRequest();
        request.onload = () => done(request.status);
        request.open('put', at);
        request.send();
      })`,
    };
    const send = (verb: string, way: keyof typeof ways) =>
      page.evaluate(
        `{ const at = location.pathname.replace('/board/queue/', '/board/api/queues/') + '/${verb}'; ${ways[way]} }`,
      );
    expect(await send('pause', 'fetch')).toBe(200);
    expect((await api.ok('GET', '/v1/queues/channel.12'))['paused']).toBe(true);
    expect(await send('resume', 'xhr')).toBe(200);
    expect((await api.ok('GET', '/v1/queues/channel.12'))['paused']).toBe(false);
  });

  test('an ended login leads to the login, instead of showing old queues for ever', async () => {
    const { page } = await atTheBoard();
    await page.goto(`${api.url}/board/`);
    await page.getByText('Channels', { exact: false }).first().waitFor();
    await thandi.accounts.sessions.endAll('thandi');
    await page.waitForURL(/\/login/);
  });
});

async function atTheBoard() {
  thandi = await Person.of(api, { name: 'thandi' });
  const shown = await browser.page();
  await thandi.enter(shown);
  return shown;
}
