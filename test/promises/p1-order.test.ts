import { describe, expect, it } from '@jest/globals';
import { done, Line, product } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
const numbers = (count: number, name = '') =>
  Array.from({ length: count }, (_, n) => `${name}${n}`);

describe('P1: items start in the order in which their enqueue was accepted', () => {
  it('keeps the order of one queue over single items, batches and a budget that runs out often', async () => {
    const line = await new Line(redis, { fleet: { budget: 3 } }).ready('12');
    await line.startFleet();
    const titles = numbers(120);
    for (const title of titles.slice(0, 20)) await line.add('12', title);
    await line.add('12', ...titles.slice(20));
    await line.untilStarted(120);
    expect(line.started).toEqual(titles);
  });

  it('gives concurrent batches an unbroken range each, and runs them as the ids say', async () => {
    const line = await new Line(redis).ready('12');
    const batches = await Promise.all(
      numbers(20).map((batch) => line.add('12', ...numbers(25, `${batch}/`))),
    );
    for (const tickets of batches) {
      const ids = tickets.map((ticket) => ticket.queueId);
      expect(ids).toEqual(ids.map((_, n) => (ids[0] ?? 0) + n));
    }
    await line.startFleet();
    await line.untilStarted(500);
    const expected = [...batches]
      .sort((a, b) => a[0]!.queueId - b[0]!.queueId)
      .flatMap((tickets) => tickets.map((t) => t.queueId));
    const started = await Promise.all(
      expected.map(async (queueId) => [(await line.item(queueId)).title, queueId] as const),
    );
    expect(line.started).toEqual(started.map(([title]) => title));
  });

  it('keeps the order of every queue when several workers share them', async () => {
    const line = await new Line(redis, { fleet: { budget: 2 } }).ready(...numbers(30));
    await Promise.all([line.startFleet(), line.startFleet(), line.startFleet()]);
    const batch = numbers(10).flatMap((n) => numbers(30).map((id) => product(id, `${id}:${n}`)));
    await line.enqueuer.enqueue(batch);
    await line.untilStarted(300);
    for (const id of numbers(30)) {
      const mine = line.started.filter((title) => title.startsWith(`${id}:`));
      expect(mine).toEqual(numbers(10).map((n) => `${id}:${n}`));
    }
  });

  it('gives back a position that counts what goes before', async () => {
    const line = await new Line(redis).ready('12');
    const tickets = await line.add('12', 'a', 'b', 'c');
    expect(tickets.map((ticket) => ticket.position)).toEqual([0, 1, 2]);
    expect((await line.item(tickets[2]!.queueId)).position).toBe(2);
  });

  it('works over several shards, with ids that stay unique', async () => {
    const line = await new Line(redis, { environment: { ANDON_SHARDS: '4' } }).ready(
      ...numbers(12),
    );
    const tickets = (
      await Promise.all(numbers(12).map((id) => line.add(id, ...numbers(5, `${id}:`))))
    ).flat();
    expect(new Set(tickets.map((ticket) => ticket.queueId)).size).toBe(60);
    line.script = () => done;
    await line.startFleet();
    await line.untilStarted(60);
    for (const id of numbers(12)) {
      expect(line.started.filter((title) => title.startsWith(`${id}:`))).toEqual(
        numbers(5, `${id}:`),
      );
    }
    for (const { queueId, queue } of tickets) expect((await line.item(queueId)).queue).toBe(queue);
  });
});
