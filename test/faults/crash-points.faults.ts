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
  ['ask', 'a head on hold whose far side is asked: hold'],
  ['attend', 'links in mails: alerts-act'],
  ['begin', 'orders, whose outcome nobody may know: unknown-outcome'],
  ['end-rule', 'rules that skip an entity: desk-search'],
  ['failures', 'only reads'],
  ['fleet-pause', 'one step a shard, interrupted between two: fleet-pause'],
  ['fleet-resume', 'as fleet-pause'],
  ['glance', 'only reads'],
  ['pardon', 'a lock that was lost: p2-one-at-a-time'],
  ['recount', 'migrations that are interrupted: migrate'],
  ['reindex', 'as recount'],
  ['relay', 'follow-ups, killed twenty times: follow-ups'],
  ['report', 'parts of an item: partial-success'],
  ['sift', 'only reads'],
  ['strike', 'follow-ups into other shards: follow-ups'],
  ['unclaim', 'a claim whose reply was lost: lost-replies'],
]);
const TIMES = Number(process.env['ANDON_CRASHES'] ?? 3);
/** Steps that are no script: the delivery itself, and those of the alerts besides `tell`. */
const others = ['send', 'lead', 'number', 'post'];
const steps = [...others, ...scriptNames.filter((name) => !apart.has(name))];
const points = steps.flatMap((step) => [`before-${step}`, `after-${step}`]);

describe(`every step, ${TIMES} times each`, () => {
  it('there are enough of them', () => expect(points.length).toBeGreaterThanOrEqual(48));

  it.each(points)(
    'keeps every promise when the process dies at %s',
    async (point) => {
      for (let time = 1; time <= TIMES; time += 1) {
        const died = await crashAt(`${point}:${time}`, redis, witness);
        // A step may not come by so often; the first time it must.
        if (time === 1) expect(died).toBe(true);
      }
    },
    300_000,
  );
});
