import { expect, test } from '@jest/globals';
import { MINUTE, Watch } from '../support/alerts.js';
import { fail, Line } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();

/** Microseconds of Redis that scripts and commands took so far, and how many they were. */
async function cost(line: Line): Promise<{ calls: number; us: number }> {
  const stats = await line.redis.info('commandstats');
  const all = [...stats.matchAll(/calls=(\d+),usec=(\d+)/g)];
  const sum = (group: number) => all.reduce((total, row) => total + Number(row[group]), 0);
  return { calls: sum(1), us: sum(2) };
}

test('a thousand queues that one outage blocks are one mail and one recovery, and cost Redis little', async () => {
  // ANDON_MEASURE=1000 prints what the thousand costs; fewer show the same.
  const queues = Number(process.env['ANDON_MEASURE'] ?? 200);
  const line = await new Line(redis).ready();
  await line.put('service', 'email');
  for (let n = 0; n < queues; n += 1)
    await line.put('channel', `${n}`, null, { type: 'http', url: `https://shops.example/${n}` });
  const watch = new Watch(line);
  await watch.recipients.putList({ recipients: [{ address: 'ann@x.example', name: '' }] });
  watch.deliver = () => fail;
  await line.startFleet();
  const ids: number[] = [];
  for (let n = 0; n < queues; n += 1) ids.push((await line.add(`${n}`, `p${n}`))[0]!.queueId);
  await line.untilStarted(queues);
  for (const id of ids.slice(-3)) await line.untilState(id, 'failed');
  await line.stopFleets();

  const measured: Record<string, unknown> = {};
  const measure = async (what: string, work: () => Promise<unknown>) => {
    const [before, from] = [await cost(line), performance.now()];
    await work();
    const after = await cost(line);
    measured[what] = {
      ms: Math.round(performance.now() - from),
      commands: after.calls - before.calls,
      redisMs: (after.us - before.us) / 1_000,
    };
  };
  await measure('first look at the blocked queues', () => watch.alerter.turn());
  await measure('turn that writes the mail', () => watch.pass(3_000));
  await measure('turn while it stands', () => watch.pass(2_000));
  if (process.env['ANDON_MEASURE']) console.log(measured);
  const mails = await watch.mailItems();
  expect(mails).toHaveLength(1);
  expect(mails[0]?.title).toContain(`and ${queues - 1} more stopped`);
  expect((measured['turn while it stands'] as { commands: number }).commands).toBeLessThan(40);

  await line.startFleet();
  await watch.delivered();
  watch.deliver = () => ({ kind: 'done' });
  for (const [n, queueId] of ids.entries())
    await line.transitions.retry({ queue: `channel.${n}`, queueId }, 'ann');
  for (const id of ids.slice(-3)) await line.untilState(id, 'completed');
  await line.untilStarted(2 * queues + 1);
  for (let n = 0; n < 5; n += 1) await watch.pass(MINUTE);
  await watch.delivered();
  expect(watch.subjects('ann@x.example')).toEqual([
    expect.stringMatching(/^Item/),
    expect.stringContaining(`Over: ${queues} items`),
  ]);
}, 60_000);
