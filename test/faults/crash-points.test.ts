import { afterAll, expect, it } from '@jest/globals';
import { startTestRedis } from '../support/redis.js';
import { Witness } from '../support/witness.js';
import { crashAt, endCrashes } from './crash.js';

const redis = await startTestRedis();
const witness = await new Witness().start();
afterAll(endCrashes);

/** The steps whose loss would hurt most; `npm run faults` dies at all of them. */
it.each(['after-enqueue', 'after-send', 'before-fail'])(
  'keeps every promise when the process dies at %s',
  async (point) => {
    expect(await crashAt(point, redis, witness)).toBe(true);
  },
  40_000,
);
