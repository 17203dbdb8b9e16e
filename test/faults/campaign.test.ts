import { expect, it } from '@jest/globals';
import { temporaryDirectory } from '../support/redis.js';
import type { Andon } from './campaign/andon.js';
import { campaign } from './campaign/campaign.js';
import { kinds, plan, redisKinds } from './campaign/plan.js';
import { Producer } from './campaign/producer.js';
import { excerpt, page } from './campaign/report.js';

const directory = await temporaryDirectory();

/** A short slice with a seed that stays; `npm run faults` is the whole. */
it('keeps every promise while processes, connections, Redis and the shop fail', async () => {
  const report = await campaign({
    seed: 20_261_121,
    ms: 12_000,
    aims: null,
    quietMs: 2_000,
    queues: 20,
    rate: 80,
    intensity: 1.6,
    lockMs: 1_500,
    forgetful: false,
    topology: 'single',
    durability: 'local',
    directory,
    product: '.',
    progress: () => {},
  });
  expect(
    report.violations.slice(0, 5).map((one) => `${one.rule}: ${one.says}\n${excerpt(one)}`),
  ).toEqual([]);
  expect(report.complaints).toEqual([]);
  expect(report.drainedMs).not.toBeNull();
  expect(report.faults.length).toBeGreaterThan(8);
  expect(page(report)).toContain('No violation');
}, 175_000);

it('asks for the same with the same seed, however long the quiet time lasts', async () => {
  const asked = async (seed: number, calmUntil: number) => {
    const wishes = new Map<string, string>();
    const andon = {
      next: () => 0,
      call: async (_: string, __: string, body: { items?: object[] }) => {
        for (const one of (body.items ?? [body]) as {
          idempotencyKey?: string;
          data: { item: string };
        }[])
          wishes.set(one.data.item, JSON.stringify({ ...one, idempotencyKey: null }));
        if (producer.calm && wishes.size >= calmUntil) {
          producer.calm = false;
          await producer.stone('2');
        }
        return { status: 400, body: null };
      },
    } as unknown as Andon;
    const options = { seed, rate: 100_000, lockMs: 1_000, durable: true };
    const producer = new Producer(andon, ['1', '2', '3'], () => {}, options);
    await producer.run(
      () => (wishes.size < 700 ? 1 : 0),
      () => 0,
    );
    return Array.from({ length: 200 }, (_, n) => wishes.get(`item ${n + 400}`));
  };
  expect(await asked(1, 300)).toEqual(await asked(1, 100));
  expect(await asked(1, 100)).not.toEqual(await asked(2, 100));
});

it('draws the whole schedule from its seed: every kind of fault, the same each time', () => {
  const options = {
    ms: 900_000,
    lockMs: 2_000,
    intensity: 1,
    forgetful: false,
    topology: 'single' as const,
    without: [],
    workers: 3,
    apis: 2,
    alerters: 2,
  };
  const first = plan({ ...options, seed: 1 });
  expect(plan({ ...options, seed: 1 })).toEqual(first);
  expect(plan({ ...options, seed: 2 })).not.toEqual(first);
  const all = { ...kinds, redis: redisKinds.single };
  expect(new Set(first.map((one) => one.kind))).toEqual(new Set(Object.values(all).flat()));
  expect(first.length).toBeGreaterThan(500);
});
