import { expect, jest, test } from '@jest/globals';
import { withActs } from '../../src/alerts/act-mail.js';
import { Acts } from '../../src/incidents/acts.js';
import { makeKey, readKey, Vault } from '../../src/secrets/vault.js';
import { type Office, startOffice } from '../support/letters.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const html = { accept: 'text/html' };

/** Paths behind the buttons of the newest mail that has them. */
function linksIn({ smtp }: Office): { retry: string; skip: string; claim: string } {
  const text = smtp.mails.at(-1)?.mail.text ?? '';
  const find = (label: string) =>
    new RegExp(`${label}: https://andon\\.example(/act/\\S+)`).exec(text)?.[1] ?? 'none';
  return { retry: find('Retry'), skip: find('Skip …'), claim: find('I look after it') };
}

const visit = ({ api }: Office, method: string, path: string, reason = 'not sold') =>
  api.call(method, path, {
    key: null,
    headers: { ...html, 'content-type': 'application/x-www-form-urlencoded' },
    ...(method === 'POST' && { raw: new URLSearchParams({ reason }).toString() }),
  });

async function stopped(office: Office, ...skus: string[]): Promise<number> {
  const before = office.smtp.mails.length;
  const [queueId = 0] = await office.api.add('12', ...skus);
  await office.smtp.untilMails(before + 1);
  return queueId;
}

test('a link retries once, only when its page is sent, and the audit names the address', async () => {
  const lines: string[] = [];
  const write = (facts: object, text: string) =>
    void lines.push(`${JSON.stringify(facts)} ${text}`);
  const office = await startOffice(redis, {
    log: { debug: write, info: write, warn: write, error: write },
  });
  const queueId = await stopped(office, 'a', 'b');
  const { retry } = linksIn(office);

  // Mail scanners open links, more than once.
  for (const method of ['GET', 'HEAD', 'GET']) {
    const page = await visit(office, method, retry);
    expect(page.status).toBe(200);
    expect(page.headers['referrer-policy']).toBe('no-referrer');
    expect(page.headers['cache-control']).toBe('no-store');
    if (method === 'GET') {
      expect(page.text).toContain('Add product to channel 12 · a');
      expect(page.text).toContain('no &lt;b>price&lt;/b> &amp; no stock');
    }
  }
  expect((await office.api.item(queueId)).state).toBe('failed');

  office.shop.answer = () => ({ status: 200 });
  const done = await visit(office, 'POST', retry);
  expect([done.status, done.text]).toEqual([200, expect.stringContaining('runs again')]);
  const item = await office.api.untilState(queueId, 'completed');
  expect(item.history).toContainEqual(
    expect.objectContaining({ actor: 'mail:ann@shop.example', action: 'retry' }),
  );
  for (const method of ['GET', 'POST']) {
    const again = await visit(office, method, retry);
    expect([again.status, again.text]).toEqual([410, expect.stringContaining('used already')]);
  }

  // The mail as it is stored cannot be used, nor is the token anywhere in the log.
  const token = retry.slice('/act/'.length);
  const mails = (await office.api.ok('GET', '/v1/items?instruction=send_email')).items;
  for (const one of mails) {
    const stored = await office.api.call('GET', `/v1/items/${one.queueId}`);
    expect(stored.text).not.toContain(token);
    expect(stored.text).not.toContain(token.split('.')[1]);
    for (const path of stored.text.match(/\/act\/[\w.-]+/g) ?? [])
      expect((await visit(office, 'GET', path)).status).toBe(404);
  }
  expect(lines.join('\n')).not.toContain(token);
});

test('a link for a failure that was dealt with does nothing to a later one', async () => {
  const office = await startOffice(redis);
  const queueId = await stopped(office, 'a', 'b');
  const { retry, skip } = linksIn(office);
  const runs = office.shop.deliveries.length;
  await office.api.ok('POST', `/v1/items/${queueId}/retry`);
  await until('it to fail anew', async () => {
    const { state } = await office.api.item(queueId);
    return office.shop.deliveries.length > runs && state === 'failed';
  });
  for (const link of [retry, skip]) {
    const answer = await visit(office, 'POST', link);
    expect([answer.status, answer.text]).toEqual([410, expect.stringContaining('dealt with')]);
  }
  expect((await office.api.item(queueId)).state).toBe('failed');
  expect(office.shop.deliveries).toHaveLength(runs + 1);
});

test('nor to one that comes between the look at the item and the act', async () => {
  const office = await startOffice(redis);
  const queueId = await stopped(office, 'a', 'b');
  const { skip } = linksIn(office);
  const runs = office.shop.deliveries.length;
  const take = Acts.prototype.take;
  const between = jest.spyOn(Acts.prototype, 'take').mockImplementation(async function (
    this: Acts,
    ...args
  ) {
    await office.api.ok('POST', `/v1/items/${queueId}/retry`);
    await until('it to fail anew', async () => {
      const { state } = await office.api.item(queueId);
      return office.shop.deliveries.length > runs && state === 'failed';
    });
    return take.apply(this, args);
  });
  try {
    const answer = await visit(office, 'POST', skip);
    expect([answer.status, answer.text]).toEqual([409, expect.stringContaining('failed anew')]);
  } finally {
    between.mockRestore();
  }
  expect((await office.api.item(queueId)).state).toBe('failed');
});

test('a skip tells before what needs the item and what runs next; a claim is for the person of the mail', async () => {
  const office = await startOffice(redis);
  const queueId = await stopped(office, 'a', 'b');
  const { skip, claim } = linksIn(office);
  await visit(office, 'POST', claim);
  const [incident] = (await office.api.ok('GET', '/v1/incidents')).items;
  expect(incident?.['claimedBy']).toBe('mail:ann@shop.example');

  const page = await visit(office, 'GET', skip);
  expect(page.text).toContain(`Next would run item ${queueId + 1} · b`);
  expect(page.text).toMatch(/<input name="reason"[^>]* required/);
  const asked = await visit(office, 'POST', skip, ' ');
  expect([asked.status, asked.text]).toEqual([422, expect.stringContaining('A reason is needed')]);
  expect((await office.api.item(queueId)).state).toBe('failed');
  expect((await visit(office, 'POST', skip, 'sold out')).text).toContain('is skipped');
  const { outcome } = await office.api.untilState(queueId, 'skipped');
  expect(outcome).toMatchObject({ by: 'mail:ann@shop.example', reason: 'sold out' });
});

test('two who press at the same time do it once', async () => {
  const office = await startOffice(redis);
  await stopped(office, 'a', 'b');
  const { skip } = linksIn(office);
  const answers = await Promise.all([1, 2, 3, 4].map(() => visit(office, 'POST', skip)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 410, 410, 410]);
});

test('links that were changed, are too old or are of elsewhere do nothing, and too many visits are slowed', async () => {
  const office = await startOffice(redis);
  const queueId = await stopped(office, 'a');
  const [text = '', mac = ''] = linksIn(office).retry.slice(5).split('.');
  const act = JSON.parse(Buffer.from(text, 'base64url').toString());
  const forged = (changes: object) =>
    `/act/${Buffer.from(JSON.stringify({ ...act, ...changes })).toString('base64url')}.${mac}`;
  for (const path of [
    forged({ verb: 'skip' }),
    forged({ queueId: queueId + 1 }),
    forged({ expires: act.expires + 1 }),
    forged({ address: 'eve@evil.example' }),
    `/act/${text}.`,
    `/act/${text}`,
    '/act/x.y',
    `/act/${'a'.repeat(3_000)}.b`,
  ]) {
    expect((await visit(office, 'POST', path)).status).toBe(404);
  }
  expect((await office.api.item(queueId)).state).toBe('failed');
  const statuses: number[] = [];
  for (let n = 0; n < 70; n += 1) statuses.push((await visit(office, 'GET', '/act/x.y')).status);
  expect(statuses.at(-1)).toBe(429);
});

test('mails bear no links to act by when these are switched off', async () => {
  const office = await startOffice(redis, { more: '  actions: false' });
  await stopped(office, 'a');
  const { mail } = office.smtp.mails[0]!;
  expect(`${mail.text}${mail.html}`).not.toContain('/act/');
  expect(mail.text).toContain('https://andon.example/items/');
  expect((await visit(office, 'GET', '/act/x.y')).status).toBe(410);
});

test('a token goes into the very mail that it was made for, to the one address, and into no other', async () => {
  const office = await startOffice(redis);
  const key = readKey(makeKey());
  const acts = new Acts(office.api.redis, office.api.keys, new Vault(key ? [key] : []), -1);
  const address = 'ann@shop.example';
  const blank = acts.blank();
  const token = await acts.sign({ verb: 'skip', incident: 1, queueId: 1, at: 1, address }, 0);
  const texts = [`see ${blank}`, `<a href="${blank}">`] as const;
  const sealed = acts.seal({ tokens: { [blank]: token } }, texts, address);
  const sent: string[] = [];
  const connector = withActs(
    {
      async deliver({ data }) {
        sent.push(JSON.stringify(data));
        return { kind: 'done' };
      },
    },
    acts,
  );
  const mail = { to: [address], text: texts[0], html: texts[1], acts: sealed };
  const deliver = (data: object) =>
    connector.deliver({ data } as unknown as Parameters<typeof connector.deliver>[0]);
  await deliver(mail);
  expect(sent.pop()).toContain(token);
  for (const other of [
    { ...mail, to: ['eve@evil.example'] },
    { ...mail, to: [address, 'eve@evil.example'] },
    { ...mail, cc: 'eve@evil.example' },
    { ...mail, bcc: ['eve@evil.example'] },
    { ...mail, text: `https://evil.example/${blank}` },
    { ...mail, acts: 'sealed1.x.y.z.w' },
  ]) {
    await deliver(other);
    expect(sent.pop()).not.toContain(token);
  }
});
