import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { startTestRedis } from '../support/redis.js';
import { commands, drain } from './model/commands.js';
import { Model } from './model/model.js';
import { World } from './model/world.js';

// By hand: ANDON_MODEL_RUNS=5000, with another ANDON_MODEL_SEED each time.
const byHand = Number(process.env['ANDON_MODEL_RUNS'] ?? 0);
const numRuns = byHand || 60;
const seed = Number(process.env['ANDON_MODEL_SEED'] ?? (byHand ? Date.now() % 1_000_000_000 : 1));

const redis = await startTestRedis();

it(
  `the scripts do what the model says, whatever comes (seed ${seed}, ${numRuns} runs)`,
  async () => {
    const world = await World.open(redis);
    let steps = 0;
    const property = fc.asyncProperty(
      fc.commands(commands, { maxCommands: 60, size: 'max' }),
      async (script) => {
        await world.reset();
        const model = new Model();
        try {
          await fc.asyncModelRun(() => ({ model, real: world }), script);
          await drain(model, world);
        } catch (error) {
          throw new Error(`${world.script.join('\n')}\n=> ${(error as Error).message}`);
        }
        steps += world.script.length;
      },
    );
    const found = await fc.check(property, { numRuns, seed });
    if (byHand) process.stdout.write(`seed ${seed}: ${found.numRuns} runs, ${steps} steps\n`);
    const path = `seed ${seed}, path ${found.counterexamplePath}, ${found.numShrinks} shrinks`;
    const why = found.errorInstance as Error | null;
    // The smallest script that shows it, as a person would tell it.
    expect(found.failed ? `${path}\n${why?.message}` : 'none').toBe('none');
  },
  byHand ? 7_200_000 : 240_000,
);
