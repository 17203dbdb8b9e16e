import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Api } from '../support/api.js';
import { hostileTexts, openBrowser, phone, scrollsSideways } from '../support/browser.js';
import { Person } from '../support/desk.js';
import { type Office, startOffice } from '../support/letters.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
const browser = openBrowser();
const hostile = hostileTexts.join(' ');
let office: Office;
let api: Api;
let admin: Person;
let operator: Person;
let ofCape: Person;
let viewer: Person;
let queueId = 0;

beforeAll(async () => {
  office = await startOffice(redis);
  api = office.api;
  await api.put('channel', '13', office.shop.url, { client: 'cape', description: 'Cape Shop' });
  admin = await Person.of(api, { name: 'admin', role: 'admin' });
  operator = await Person.of(api, { name: 'olga', role: 'operator' });
  viewer = await Person.of(api, { name: 'vera', role: 'viewer' });
  ofCape = await Person.of(api, { name: 'carl', role: 'admin', clients: ['cape'] });
  office.shop.answer = () => ({ status: 422, body: { detail: hostile } });
  [queueId = 0] = await api.add('12', hostile.slice(0, 200), 'b');
  await office.smtp.untilMails(1);
});

/** The newest lines of the audit that fit: what was done, what was before and what is after. */
const audited = async (fits: (line: Record<string, unknown>) => boolean) =>
  (await api.ok('GET', '/v1/audit?limit=100')).items
    .filter(fits)
    .map(({ action, before, after }) => [action, before, after]);

describe('an incident', () => {
  test('stands in the list and on its page with its items, and with who was told what', async () => {
    const list = (await viewer.get('/incidents')).text;
    expect(list).toContain('href="/incidents/1"');
    const page = (await viewer.get('/incidents/1')).text;
    expect(page).toContain(`href="/items/${queueId}"`);
    expect(page).toContain('ann@shop.example');
    expect(page).toContain('>first</a>');
    expect(page).not.toContain('I look after it');
    expect((await viewer.get('/incidents?state=over')).text).not.toContain('href="/incidents/1"');
  });

  test('does not exist for people of other clients', async () => {
    expect((await ofCape.get('/incidents')).text).not.toContain('/incidents/1');
    expect((await ofCape.get('/incidents/1')).status).toBe(404);
    expect((await ofCape.post('/incidents/1/claim')).headers.location).toBe('/');
    expect((await api.ok('GET', '/v1/incidents/1'))['claimedBy']).toBeNull();
  });

  test('is claimed, quiet and given back by an operator, with a line in the audit each', async () => {
    await operator.post('/incidents/1/claim');
    expect((await viewer.get('/incidents/1')).text).toContain('user olga');
    await operator.post('/incidents/1/snooze', { hours: '2' });
    expect((await viewer.get('/incidents')).text).toContain('quiet until');
    await operator.post('/incidents/1/release');
    const now = await api.ok('GET', '/v1/incidents/1');
    expect([now['claimedBy'], now['snoozedUntil']]).toEqual([null, null]);
    const by = { claimedBy: 'user olga' };
    const until = { snoozedUntil: expect.any(String), snoozedBy: 'user olga' };
    expect(await audited((line) => line['incident'] === 1)).toEqual([
      ['release', { ...by, ...until }, { claimedBy: null, snoozedUntil: null, snoozedBy: null }],
      ['snooze', { snoozedUntil: null, snoozedBy: null }, until],
      ['claim', { claimedBy: null }, by],
    ]);
  });
});

describe('who is told', () => {
  test('nobody: every page warns those whom it concerns, until somebody is', async () => {
    for (const path of ['/', '/incidents', '/audit', '/account']) {
      expect((await admin.get(path)).text).toContain(
        'Nobody is told when something fails for cape.',
      );
      expect((await ofCape.get(path)).text).toContain('Nobody is told when');
    }
    const answer = await ofCape.post('/alerts/recipients', {
      client: 'cape',
      recipients: 'Carl <carl@cape.example>\nsue@cape.example',
      escalation: 'boss@cape.example',
      escalationMinutes: '90',
    });
    expect(answer.status).toBe(303);
    expect((await ofCape.get('/')).text).not.toContain('Nobody is told when');
    expect((await admin.get('/')).text).not.toContain('Nobody is told when');
    const { items } = await api.ok('GET', '/v1/alerts/recipients');
    expect(items.find((one) => one['client'] === 'cape')).toMatchObject({
      recipients: [{ address: 'carl@cape.example', name: 'Carl' }, { address: 'sue@cape.example' }],
      escalation: { afterMs: 5_400_000, recipients: [{ address: 'boss@cape.example' }] },
    });
    const [change] = await audited((line) => line['recipients'] === 'cape');
    expect(change).toEqual([
      'change',
      undefined,
      expect.objectContaining({ escalation: expect.anything(), recipients: expect.anything() }),
    ]);
  });

  test('an override takes a notification away, and the tester says so: who, why, who lost it', async () => {
    const made = await ofCape.post('/alerts/overrides', {
      client: 'cape',
      types: 'queueError, addChannelProductError',
      channels: '13',
      recipients: 'support@cape.example',
    });
    expect(made.status).toBe(303);
    const asked = '/alerts?type=queueError&channel=13';
    const text = (await ofCape.get(asked)).text;
    const verdict = text.slice(text.indexOf('id="verdict"'), text.indexOf('Top level</h2>'));
    expect(verdict).toMatch(/support@cape\.example.*is told.*override o/);
    expect(verdict).toMatch(/carl@cape\.example.*is not told.*takes queueError away/);
    const other = (await ofCape.get('/alerts?type=syncOrderError&client=cape')).text;
    expect(other).toMatch(/carl@cape\.example.*is told.*top level/);

    const [override] = (await api.ok('GET', '/v1/alerts/overrides')).items;
    await ofCape.post(`/alerts/overrides/${override?.id}/remove`);
    expect((await api.ok('GET', '/v1/alerts/overrides')).items).toEqual([]);
    const what = expect.objectContaining({ channels: ['13'] });
    expect(await audited((line) => line['override'] === override?.id)).toEqual([
      ['delete', what, undefined],
      ['create', undefined, what],
    ]);
  });

  test('is not for others to see or change: neither lists, verdicts nor overrides', async () => {
    expect((await ofCape.get('/alerts')).text).not.toContain('ann@shop.example');
    const asked = (await ofCape.get('/alerts?type=queueError&channel=12')).text;
    expect(asked).toContain('not for you to see');
    expect(asked).not.toContain('ann@shop.example');
    await ofCape.post('/alerts/recipients', { client: '', recipients: 'eve@evil.example' });
    const { items } = await api.ok('GET', '/v1/alerts/recipients');
    expect(JSON.stringify(items)).not.toContain('eve@evil.example');
  });

  test.each([
    ['recipients', { client: 'cape', recipients: 'no address' }],
    ['recipients', { client: 'cape', recipients: 'a@b.example', escalation: 'c@d.example' }],
    ['overrides', { client: 'cape', types: 'nonsense', recipients: 'a@b.example' }],
    [
      'overrides',
      { client: 'cape', types: 'queueError', channels: '12', recipients: 'a@b.example' },
    ],
    ['overrides', { client: 'cape', types: '', recipients: 'a@b.example' }],
  ])('is not changed by wrong %s', async (what, fields) => {
    const before = await api.ok('GET', `/v1/alerts/${what}`);
    const answer = await ofCape.post(`/alerts/${what}`, fields as Record<string, string>);
    expect(answer.status).toBe(303);
    expect(String(answer.headers['set-cookie'])).toContain('andon-flash');
    expect(await api.ok('GET', `/v1/alerts/${what}`)).toEqual(before);
  });
});

test('the pages run no script of an error or title, and fit a phone', async () => {
  const { page, context, trouble } = await browser.page(phone);
  await admin.enter({ page, context, trouble });
  for (const path of ['/incidents', '/incidents/1', '/alerts?type=queueError&channel=12']) {
    await page.goto(api.url + path);
    expect(await scrollsSideways(page)).toBe(false);
    expect(await page.locator('h1').first().isVisible()).toBe(true);
  }
  expect(trouble).toEqual([]);
});

test('a mail with the same texts shows them as text, and so does the page behind its links', async () => {
  const { mail, raw } = office.smtp.mails[0]!;
  expect(raw.match(/^subject:/gim)).toHaveLength(1);
  expect(`${mail.subject}${mail.text}${mail.html}`).not.toContain('\u202e');
  const { page, trouble } = await browser.page(phone);
  await page.setContent(mail.html ?? '');
  expect(await scrollsSideways(page)).toBe(false);
  expect(await page.locator('img, svg, iframe, script, form').count()).toBe(0);
  const own = await page
    .locator('a')
    .evaluateAll((all) => all.map((one) => one.getAttribute('href')));
  expect(own.every((url) => url?.startsWith('https://andon.example/'))).toBe(true);
  const link = /Retry: https:\/\/andon\.example(\/act\/\S+)/.exec(mail.text ?? '')?.[1];
  await page.goto(api.url + link);
  expect(await page.locator('h1').textContent()).toBe('Run it again?');
  expect(await scrollsSideways(page)).toBe(false);
  office.shop.answer = () => ({ status: 200 });
  await page.getByRole('button', { name: 'Retry' }).click();
  expect(await page.locator('h1').textContent()).toContain('runs again');
  await api.untilState(queueId, 'completed');
  expect(trouble).toEqual([]);
});
