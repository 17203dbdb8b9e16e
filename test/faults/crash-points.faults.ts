import { afterAll, describe, expect, it } from '@jest/globals';
import { scriptNames } from '../../src/redis/script.js';
import { startTestRedis } from '../support/redis.js';
import { Witness } from '../support/witness.js';
import { crashAt, endCrashes } from './crash.js';

const redis = await startTestRedis();
const witness = await new Witness().start();
afterAll(endCrashes);

/** Steps that this day does not come to, and where they are tested. */
const apart = new Map([
  ['adopt', 'items of plain BullMQ producers: traps/strangers'],
  ['pardon', 'a lock that was lost: p2-one-at-a-time'],
]);
const TIMES = Number(process.env['ANDON_CRASHES'] ?? 3);
const steps = ['send', ...scriptNames.filter((name) => !apart.has(name))];
const points = steps.flatMap((step) => [`before-${step}`, `after-${step}`]);

describe(`every step, ${TIMES} times each`, () => {
  it('there are enough of them', () => expect(points.length).toBeGreaterThanOrEqual(30));

  it.each(points)(
    'keeps every promise when the process dies at %s',
    async (point) => {
      for (let time = 1; time <= TIMES; time += 1) {
        const died = await crashAt(`${point}:${time}`, redis, witness);
        // A step may not come by so often; the first time it must.
        if (time === 1) expect(died).toBe(true);
      }
    },
    120_000,
  );
});
