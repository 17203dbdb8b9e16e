import { describe, expect, test } from '@jest/globals';
import { HOUR, MINUTE, Watch } from '../support/alerts.js';
import { fail, Line } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();

const person = (address: string, more = {}) => ({ address, name: '', ...more });

/** Channel 1 blocked by one item, and a fleet that delivers the mails. */
async function blocked(more: object = {}): Promise<{ watch: Watch; queueId: number }> {
  const line = await new Line(redis).ready();
  await line.put('channel', '1', null, { type: 'http', url: 'https://shops.example/1' });
  await line.put('service', 'email');
  const watch = new Watch(line, { gatherMs: 0 });
  await watch.recipients.putList({ recipients: [person('ann@x.example')], ...more });
  watch.deliver = () => fail;
  await line.startFleet();
  const [item] = await line.add('1', 'a', 'b');
  await line.untilState(item!.queueId, 'failed');
  return { watch, queueId: item!.queueId };
}

/** Passes time, and lets mails arrive on the way. */
async function pass(watch: Watch, ms: number): Promise<void> {
  await watch.pass(ms);
  await watch.delivered();
}

const claim = (by: string | null, snoozedUntil: number | null = null) =>
  JSON.stringify({ by, at: 0, snoozedUntil, snoozedBy: by });

describe('an incident that stands', () => {
  test('is told to the second list when nobody claims it, and to them once', async () => {
    const { watch } = await blocked({
      escalation: { afterMs: HOUR, recipients: [person('boss@x.example')] },
    });
    await pass(watch, MINUTE);
    await pass(watch, 50 * MINUTE);
    expect(watch.to('boss@x.example')).toEqual([]);
    await pass(watch, 10 * MINUTE);
    await pass(watch, MINUTE);
    await pass(watch, MINUTE);
    expect(watch.subjects('boss@x.example')).toEqual([
      expect.stringMatching(/^Nobody has taken this on: item 1/),
    ]);
    expect(watch.to('ann@x.example')).toHaveLength(1);
  });

  test('that a person has claimed is neither escalated nor reminded of', async () => {
    const { watch } = await blocked({
      escalation: { afterMs: HOUR, recipients: [person('boss@x.example')] },
    });
    await pass(watch, MINUTE);
    await watch.line.redis.hset(watch.line.keys.alerts.claims, '1', claim('ann'));
    for (let n = 0; n < 10; n += 1) await pass(watch, 5 * HOUR);
    expect(watch.sent).toHaveLength(1);
    await watch.line.redis.hdel(watch.line.keys.alerts.claims, '1');
    await pass(watch, MINUTE);
    expect(watch.subjects('ann@x.example')).toEqual([
      expect.stringMatching(/^Item 1/),
      expect.stringMatching(/^Still standing/),
    ]);
  });

  test('that is snoozed is silent until then, and told at once when it is over', async () => {
    const { watch, queueId } = await blocked();
    await pass(watch, MINUTE);
    const until = watch.now() + 24 * HOUR;
    await watch.line.redis.hset(watch.line.keys.alerts.claims, '1', claim(null, until));
    for (let n = 0; n < 5; n += 1) await pass(watch, 4 * HOUR);
    expect(watch.sent).toHaveLength(1);
    watch.deliver = () => ({ kind: 'done' });
    await watch.line.transitions.resolve(
      { queue: 'channel.1', queueId },
      { actor: 'ann', reference: 'INV-7' },
    );
    await pass(watch, MINUTE);
    await pass(watch, 3 * MINUTE);
    expect(watch.subjects('ann@x.example')).toEqual([
      expect.stringMatching(/^Item 1/),
      expect.stringMatching(/^Over: 1 item/),
    ]);
  });

  test('is not over while a retry runs, and a retry that fails again is no recovery', async () => {
    const { watch, queueId } = await blocked();
    await pass(watch, MINUTE);
    let release: () => void = () => {};
    watch.deliver = () => new Promise((resolve) => (release = () => resolve(fail)));
    await watch.line.transitions.retry({ queue: 'channel.1', queueId }, 'ann');
    await watch.line.untilState(queueId, 'active');
    await watch.pass(10 * MINUTE, 2 * MINUTE);
    release();
    await watch.line.untilState(queueId, 'failed');
    await pass(watch, 10 * MINUTE);
    expect(watch.subjects('ann@x.example')).toEqual([
      expect.stringMatching(/^Item 1/),
      expect.stringMatching(/^1 more: item 1/),
    ]);
    expect(await watch.ledger.open()).toHaveLength(1);
  });

  test('is not over when the next item fails the same way a moment later', async () => {
    const { watch, queueId } = await blocked();
    await pass(watch, MINUTE);
    await watch.line.transitions.pause('channel.1', 'ann');
    const channel = { queue: 'channel.1', queueId };
    await watch.line.transitions.skip(channel, { actor: 'ann', reason: 'gone' });
    await pass(watch, MINUTE);
    await watch.line.transitions.resume('channel.1', 'ann');
    await watch.line.untilStarted(3);
    await watch.line.untilState(queueId + 1, 'failed');
    await pass(watch, 10 * MINUTE);
    expect(watch.subjects('ann@x.example')).toEqual([
      expect.stringMatching(/^Item 1/),
      expect.stringMatching(/^1 more: item 2/),
    ]);
  });
});

describe('a person with quiet hours', () => {
  // Always now: from a minute ago to in two hours.
  const clock = (ms: number) => new Date(Date.now() + ms).toISOString().slice(11, 16);
  const quiet = (holds: string) => ({
    quiet: { from: clock(-MINUTE), to: clock(10 * HOUR), timeZone: 'UTC', holds },
  });

  test('gets the first mail all the same, and the reminder afterwards', async () => {
    const { watch } = await blocked({ recipients: [person('ann@x.example', quiet('reminders'))] });
    await pass(watch, MINUTE);
    expect(watch.sent).toHaveLength(1);
    await pass(watch, 6 * HOUR);
    expect(watch.sent).toHaveLength(1);
    await pass(watch, 5 * HOUR);
    expect(watch.sent).toHaveLength(2);
  });

  test('who wants nothing at night gets it in the morning', async () => {
    const { watch } = await blocked({ recipients: [person('ann@x.example', quiet('everything'))] });
    await pass(watch, MINUTE);
    await pass(watch, 6 * HOUR);
    expect(watch.sent).toHaveLength(0);
    await pass(watch, 5 * HOUR);
    expect(watch.subjects('ann@x.example')).toEqual([expect.stringMatching(/^Item 1/)]);
  });
});

describe('a far side that is away', () => {
  test('is no mail before its grace is over, then one over all its queues, then the recovery', async () => {
    const line = await new Line(redis).ready();
    for (const id of ['1', '2', '3'])
      await line.put('channel', id, null, { type: 'http', url: `https://shops.example/${id}` });
    await line.put('service', 'email');
    const watch = new Watch(line, { gatherMs: 0 });
    await watch.recipients.putList({ recipients: [person('ann@x.example')] });
    let away = true;
    watch.deliver = () =>
      away
        ? {
            kind: 'hold',
            failure: { message: 'connect ECONNREFUSED', cause: 'connection' },
            forMs: 60_000,
          }
        : { kind: 'done' };
    await line.startFleet();
    const ids: number[] = [];
    for (const id of ['1', '2', '3']) ids.push((await line.add(id, `p${id}`))[0]!.queueId);
    for (const id of ids) await line.untilState(id, 'backing-off');
    await pass(watch, 10 * MINUTE);
    expect(watch.sent).toHaveLength(0);
    await pass(watch, 6 * MINUTE);
    await pass(watch, MINUTE);
    expect(watch.subjects('ann@x.example')).toEqual([
      expect.stringMatching(/^http shops\.example cannot be reached: item \d and 2 more wait/),
    ]);
    away = false;
    for (const [n, queueId] of ids.entries())
      await line.transitions.retry({ queue: `channel.${n + 1}`, queueId }, 'ann');
    for (const id of ids) await line.untilState(id, 'completed');
    await pass(watch, MINUTE);
    await pass(watch, 3 * MINUTE);
    expect(watch.subjects('ann@x.example')[1]).toMatch(/^Over: 3 items at http shops\.example/);
    expect(watch.sent).toHaveLength(2);
  });
});
