import { afterAll, expect, it } from '@jest/globals';
import { endShapes } from '../support/redis-shapes.js';
import { away, endure } from '../support/trouble.js';
import { Witness } from '../support/witness.js';

afterAll(endShapes);
const witness = await new Witness().start();

/** `npm run faults` knows no such test: `ANDON_OUTAGE_S=60` makes this one as long as that. */
const SECONDS = Number(process.env['ANDON_OUTAGE_S'] ?? 15);

it(
  `while Redis is away for ${SECONDS} s: 503, nothing lost, in order, on by itself, and a stop in time`,
  async () => {
    const took = await endure(away, SECONDS * 1_000, witness);
    console.info(`away for ${SECONDS} s: ${JSON.stringify(took)}`);
    expect(took.refused).toBeGreaterThan(0);
  },
  60_000 + SECONDS * 1_000,
);
