import { describe, expect, test } from '@jest/globals';
import type { OverrideInput } from '../../src/config/alerts-schema.js';
import { DAY, HOUR, MINUTE, Watch } from '../support/alerts.js';
import { accept, fail, Line, product } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();

const person = (address: string) => ({ address, name: '' });
const everybody = { recipients: [person('ann@shop.example')] };

/** A line with these channels, whose mails go to Ann. */
async function watched(channels: readonly string[], timings = {}): Promise<Watch> {
  const line = await new Line(redis).ready();
  for (const id of channels) {
    await line.put('channel', id, null, { type: 'http', url: `https://shops.example/${id}` });
  }
  await line.put('service', 'email');
  const watch = new Watch(line, timings);
  await watch.recipients.putList(everybody);
  watch.deliver = () => fail;
  await line.startFleet();
  return watch;
}

const override = (
  types: string[],
  address: string,
  narrowed: Partial<OverrideInput> = {},
): OverrideInput => ({
  types,
  recipients: [person(address)],
  channels: [],
  sources: [],
  ...narrowed,
});

describe('a failure is told', () => {
  test('a blocked queue is one mail with queue id, error, SKU and what waits behind it', async () => {
    const watch = await watched(['12']);
    const [a] = await watch.line.add('12', 'Red shirt', 'Blue shirt');
    await watch.line.untilState(a!.queueId, 'failed');
    await watch.look();
    await watch.delivered();
    expect(watch.sent).toHaveLength(1);
    const [mail] = watch.sent;
    expect(mail!.subject).toBe(
      `Item ${a!.queueId} stopped channel 12: Add product to channel 12 · Red shirt`,
    );
    for (const part of [mail!.text, mail!.html]) {
      expect(part).toContain('the shop said no');
      expect(part).toContain('Red shirt');
      expect(part).toContain('1 item in channel 12');
      expect(part).toContain(`https://andon.example/items/${a!.queueId}`);
      expect(part).toContain('addChannelProductError, queueError');
    }
  });

  test('500 failures of one cause are one mail and one recovery', async () => {
    const watch = await watched([]);
    await watch.line.put('source', 'erp');
    const orders = Array.from({ length: 500 }, (_, n) =>
      accept('add_order', { source: 'erp' }, { orderNumber: `A-${n}` }),
    );
    watch.deliver = ({ data }) => ({
      kind: 'fail',
      failure: { message: `order "${data['orderNumber']}" is closed for 2026`, cause: 'data' },
    });
    const tickets = await watch.line.enqueuer.enqueue(orders);
    for (const { queueId } of tickets.slice(-3)) await watch.line.untilState(queueId, 'failed');
    await watch.line.untilStarted(500);
    await watch.look();
    await watch.delivered();
    watch.deliver = () => ({ kind: 'done' });
    for (const { queueId } of tickets)
      await watch.line.transitions.retry({ queue: 'parallel', queueId }, 'ann');
    for (const { queueId } of tickets) await watch.line.untilState(queueId, 'completed');
    await watch.look();
    await watch.pass(10 * MINUTE, MINUTE);
    await watch.delivered();
    expect(watch.subjects('ann@shop.example')).toEqual([
      expect.stringContaining('and 499 more failed'),
      expect.stringMatching(/^Over: 500 items/),
    ]);
  }, 30_000);

  test('an alerter that was away for a day tells what stands, once', async () => {
    const watch = await watched(['12', '13']);
    const [a] = await watch.line.add('12', 'a');
    await watch.line.untilState(a!.queueId, 'failed');
    await watch.look();
    await watch.delivered();
    const [b] = await watch.line.add('13', 'b');
    await watch.line.untilState(b!.queueId, 'failed');
    await watch.alerter.stop();
    watch.alerter = watch.another();
    await watch.pass(DAY);
    await watch.look();
    await watch.delivered();
    expect(watch.sent).toHaveLength(2);
    expect(watch.sent[1]?.subject).toMatch(/^1 more/);
  });
});

describe('while an incident stands', () => {
  test('new failures come as digests after 5, 15 and 60 minutes, then silence until the reminder', async () => {
    const watch = await watched(['1', '2', '3', '4', '5']);
    const block = async (channel: string) => {
      const [item] = await watch.line.add(channel, `p${channel}`);
      await watch.line.untilState(item!.queueId, 'failed');
    };
    const settle = async () => {
      await watch.look();
      await watch.delivered();
      return watch.sent.length;
    };
    await block('1');
    expect(await settle()).toBe(1);
    await block('2');
    await watch.pass(4 * MINUTE);
    expect(await settle()).toBe(1);
    await watch.pass(MINUTE);
    expect(await settle()).toBe(2);
    await block('3');
    await watch.pass(10 * MINUTE);
    expect(await settle()).toBe(2);
    await watch.pass(5 * MINUTE);
    expect(await settle()).toBe(3);
    await watch.pass(3 * HOUR);
    expect(await settle()).toBe(3);
    await watch.pass(HOUR);
    expect(await settle()).toBe(4);
    expect(watch.sent.map((mail) => mail.subject.split(':')[0])).toEqual([
      expect.stringMatching(/^Item \d+ stopped channel 1/),
      '1 more',
      '1 more',
      'Still standing',
    ]);
    await watch.pass(20 * HOUR);
    expect(await settle()).toBe(4);
    await watch.pass(4 * HOUR);
    expect(await settle()).toBe(5);
  });

  test('a mail server that is away for 6 hours brings no flood when it is back', async () => {
    const watch = await watched(['1', '2']);
    let away = true;
    watch.mailServer = () =>
      away
        ? { kind: 'retry', failure: { message: 'no connection', cause: 'connection' } }
        : undefined;
    await watch.line.add('1', 'a');
    await watch.line.untilStarted(1);
    await watch.look();
    await watch.line.add('2', 'b');
    await watch.pass(6 * HOUR, 5 * MINUTE);
    expect(await watch.mailItems()).toHaveLength(1);
    away = false;
    for (const { queueId } of (await watch.line.finder.search({ instruction: 'send_email' }, 9))
      .items)
      await watch.line.transitions.retry({ queue: 'parallel', queueId }, 'time');
    await watch.delivered();
    await watch.look();
    await watch.delivered();
    expect(watch.subjects('ann@shop.example')).toEqual([
      expect.stringMatching(/^Item/),
      expect.stringMatching(/^1 more/),
    ]);
  });

  test('a mail that fails for good alerts nobody', async () => {
    const watch = await watched(['1']);
    watch.mailServer = () => ({
      kind: 'fail',
      failure: { message: '550 no such user', cause: 'data' },
    });
    await watch.line.add('1', 'a');
    await watch.line.untilStarted(1);
    await watch.look();
    await watch.delivered();
    await watch.pass(30 * MINUTE, MINUTE);
    const mails = await watch.mailItems();
    expect(mails.map((mail) => mail.state)).toEqual(['failed']);
    const notice = await watch.line.redis.hget(watch.line.keys.alerts.notices, 'undelivered');
    expect(JSON.parse(notice ?? '{}')).toMatchObject({ count: 1 });
  });
});

test('mails that wait for their server alert nobody either', async () => {
  const watch = await watched(['1']);
  const failure = { message: 'connect ECONNREFUSED', cause: 'connection' } as const;
  watch.mailServer = () => ({ kind: 'hold', failure, forMs: HOUR });
  const [item] = await watch.line.add('1', 'a');
  await watch.line.untilState(item!.queueId, 'failed');
  await watch.look();
  const [mail] = (await watch.line.finder.search({ instruction: 'send_email' }, 9)).items;
  await watch.line.untilState(mail!.queueId, 'backing-off');
  await watch.pass(HOUR, MINUTE);
  expect(await watch.mailItems()).toHaveLength(1);
  expect(await watch.ledger.open()).toHaveLength(1);
});

describe('routing', () => {
  test("the customer's worked example", async () => {
    const watch = await watched(['1', '2', '3', '4']);
    await watch.line.put('source', 'erp');
    const orderTypes = ['addSourceOrderError', 'syncOrderError'];
    await watch.recipients.putOverride(override(['queueError'], 'support@x.example'));
    await watch.recipients.putOverride(
      override(orderTypes, 'sales@x.example', { channels: ['1', '2'] }),
    );
    await watch.recipients.putOverride(
      override(orderTypes, 'admin@x.example', { channels: ['3'] }),
    );
    await watch.recipients.putOverride(
      override(['addSourceOrder'], 'accounts@x.example', { sources: ['erp'] }),
    );
    const order = (channel: string) =>
      accept('add_order', { source: 'erp', channel }, { orderNumber: `O-${channel}` });
    await watch.line.enqueuer.enqueue([product('4', 'shirt'), ...['1', '2', '3', '4'].map(order)]);
    await watch.line.untilStarted(5);
    await watch.look();
    await watch.delivered();
    expect(watch.to('support@x.example').map((mail) => mail.text)).toEqual([
      expect.stringContaining('shirt'),
    ]);
    const [sales] = watch.to('sales@x.example');
    expect(sales?.text).toMatch(/O-1[\s\S]*O-2|O-2[\s\S]*O-1/);
    expect(sales?.text).not.toMatch(/O-3|O-4|shirt/);
    const [admin] = watch.to('admin@x.example');
    expect(admin?.text).toContain('O-3');
    expect(admin?.text).not.toMatch(/O-1|O-2|O-4/);
    const ann = watch.to('ann@shop.example');
    expect(ann.map((mail) => mail.subject).join()).toMatch(/shirt/);
    expect(ann.map((mail) => mail.text).join()).toMatch(/O-4/);
    expect(ann.map((mail) => mail.text).join()).not.toMatch(/O-1|O-2|O-3/);
    expect(watch.to('accounts@x.example')).toEqual([]);

    watch.deliver = () => ({ kind: 'done' });
    const [created] = await watch.line.enqueuer.enqueue([
      accept('add_order', { source: 'erp', channel: '1' }, { orderNumber: 'O-5' }),
    ]);
    await watch.line.untilState(created!.queueId, 'completed');
    await until('accounts to be told', async () => {
      await watch.pass(16 * MINUTE);
      return watch.to('accounts@x.example').length > 0;
    });
    expect(watch.to('accounts@x.example')).toEqual([
      expect.objectContaining({
        subject: 'Done: 1 × addSourceOrder',
        text: expect.stringContaining(`${created!.queueId} addSourceOrder: O-5 (erp)`),
      }),
    ]);
    expect(watch.subjects('ann@shop.example').join()).not.toContain('Done');
  });

  test('one incident over two clients tells each of them only what is theirs', async () => {
    const watch = await watched(['1', '2']);
    await watch.recipients.putList({ client: 'acme', recipients: [person('a@acme.example')] });
    await watch.recipients.putList({ client: 'bolt', recipients: [person('b@bolt.example')] });
    await watch.line.enqueuer.enqueue([
      product('1', 'acme shirt', { client: 'acme' }),
      product('2', 'bolt shirt', { client: 'bolt' }),
    ]);
    await watch.line.untilStarted(2);
    await watch.look();
    await watch.delivered();
    const [a] = watch.to('a@acme.example');
    const [b] = watch.to('b@bolt.example');
    expect(a?.text).toContain('acme shirt');
    expect(JSON.stringify(a)).not.toMatch(/bolt|channel 2/);
    expect(JSON.stringify(b)).not.toMatch(/acme|channel 1/);
    expect(watch.sent).toHaveLength(2);
  });
});
