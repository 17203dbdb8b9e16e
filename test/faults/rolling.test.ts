import { expect, it } from '@jest/globals';
import { temporaryDirectory } from '../support/redis.js';
import { rolling } from './campaign/rolling.js';

const directory = await temporaryDirectory();

/** One round; `npm run faults -- --rolling` makes three with more load. */
it('a rolling restart of every role under load loses, doubles and reorders nothing', async () => {
  const report = await rolling({
    seed: 20_261_121,
    rounds: 1,
    queues: 10,
    rate: 60,
    lockMs: 4_000,
    gapMs: 100,
    directory,
    product: '.',
    progress: () => {},
  });
  expect(report.violations.slice(0, 5)).toEqual([]);
  expect(report.complaints).toEqual([]);
  expect(report.drainedMs).not.toBeNull();
  expect(report.restarts).toBe(7);
  expect(report.deliveries).toBeGreaterThan(50);
  // All had the time to end: none was cut off, so none was sent twice.
  expect(report.cutOff).toBe(0);
}, 175_000);
