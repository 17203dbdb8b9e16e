import { expect, test } from '@jest/globals';
import { startOffice } from '../support/letters.js';
import { startTestRedis } from '../support/redis.js';
import type { Manners } from '../support/smtp.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const fault = '"><img src=x onerror=alert(1)>';

test.each<[string, Manners]>([
  ['hangs up', { hangUp: true }],
  ['is busy', { greeting: '421 4.3.2 come again later' }],
  ['refuses for now', { data: '451 4.7.1 come again later' }],
  ['says nothing more after the last byte, as a tarpit does', { silentAfterData: true }],
  ['says a little for ever after the last byte', { dripAfterData: true }],
  ['loses the connection after the last byte', { dropAfterData: true }],
])(
  'a mail server that %s gets each mail in the end, and is asked for one of each',
  async (_, manners) => {
    const { smtp, api, shop } = await startOffice(redis, { manners });
    const [queueId] = await api.add('12', `Shirt ${fault}`);
    await until(
      'the mail server to be asked twice',
      () => smtp.connections >= 2 || smtp.arrived >= 2,
    );
    smtp.manners = {};
    await smtp.untilMails(1);
    const { mail, to } = smtp.mails[0]!;
    expect(to).toEqual(['ann@shop.example']);
    expect(mail.subject).toContain(`Item ${queueId} stopped channel 12: Add product to channel 12`);
    expect(mail.text).toContain('no <b>price</b> & no stock');
    expect(mail.html).toContain('no &lt;b&gt;price&lt;/b&gt; &amp; no stock');
    expect(mail.html).not.toMatch(/<img|<b>/);
    expect(mail.html).toContain(`https://andon.example/items/${queueId}`);

    shop.answer = () => ({ status: 200 });
    await api.ok('POST', `/v1/items/${queueId}/retry`);
    await until('the recovery to be told', () =>
      smtp.mails.some((one) => one.mail.subject?.startsWith('Over: 1 item')),
    );
    const items = (await api.ok('GET', '/v1/items?instruction=send_email')).items;
    expect(items.map((one) => one.title.split(' ')[0]).sort()).toEqual(['Item', 'Over:']);
    await api.stop();
  },
);

test('what is known of an error stands in the mail as on the page, also by its status and on the parallel queue', async () => {
  const { smtp, api, shop } = await startOffice(redis);
  // "no" alone says nothing: the status and the connector do.
  shop.answer = () => ({ status: 401, body: { detail: 'no' } });
  await api.add('12', 'Shirt');
  await smtp.untilMails(1);
  expect(smtp.mails[0]?.mail.text).toContain('The far side does not know the key or password');
  expect(smtp.mails[0]?.mail.html).toContain('The far side does not know the key or password');

  await api.put('source', 'erp', shop.url);
  shop.answer = () => ({ status: 422, body: { detail: 'webhook signature does not match' } });
  await api.ok('POST', '/v1/items', {
    instruction: 'add_order',
    source: 'erp',
    data: { orderNumber: '7' },
  });
  await smtp.untilMails(2);
  const told = smtp.mails.find(({ mail }) => mail.text?.includes('signature does not match'));
  expect(told?.mail.text).toContain('Known error: ');
  await api.stop();
});
