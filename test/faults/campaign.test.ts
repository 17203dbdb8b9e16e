import { expect, it } from '@jest/globals';
import { temporaryDirectory } from '../support/redis.js';
import { campaign } from './campaign/campaign.js';
import { kinds, plan, redisKinds } from './campaign/plan.js';
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
