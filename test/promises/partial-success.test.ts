import { describe, expect, it } from '@jest/globals';
import type { PartOfItem } from '../../src/connectors/connector.js';
import { done, fail, Line } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();

const made = (kind: string, key: string): PartOfItem => ({ kind, key, state: 'done' });

describe('an item that succeeds in parts', () => {
  it('tells the next attempt what is done, in the order in which it was', async () => {
    const line = await new Line(redis).ready('12');
    const seen: (readonly PartOfItem[])[] = [];
    line.script = async ({ report, parts, attempt }) => {
      seen.push(parts);
      if (attempt > 1) return done;
      await report(made('product', 'shirt'));
      await report({ kind: 'variant', key: 'shirt m: red', state: 'failed', message: 'no price' });
      await report(made('image', 'https://cdn.example/1.jpg'));
      return fail;
    };
    await line.startFleet();
    const [a] = await line.add('12', 'a');
    const parts = [
      made('product', 'shirt'),
      { kind: 'variant', key: 'shirt m: red', state: 'failed', message: 'no price' },
      made('image', 'https://cdn.example/1.jpg'),
    ];
    expect((await line.untilState(a!.queueId, 'failed')).parts).toEqual(parts);
    await line.transitions.retry(a!, 'vera');
    await line.untilState(a!.queueId, 'completed');
    expect(seen).toEqual([[], parts]);
  });

  it('a part that is done in the end is told once, as done', async () => {
    const line = await new Line(redis).ready('12');
    line.script = async ({ report }) => {
      await report({ ...made('variant', 'm'), state: 'failed', message: 'no price' });
      await report(made('variant', 'm'));
      return done;
    };
    await line.startFleet();
    const [a] = await line.add('12', 'a');
    expect((await line.untilState(a!.queueId, 'completed')).parts).toEqual([made('variant', 'm')]);
  });

  it('what was reported before a worker stopped is not forgotten', async () => {
    const line = await new Line(redis).ready('12');
    line.script = async ({ report, attempt }) => {
      if (attempt === 1) {
        await report(made('variant', 'm'));
        return new Promise(() => {});
      }
      return done;
    };
    const fleet = await line.startFleet();
    const [a] = await line.add('12', 'a');
    await until('the report', async () => (await line.item(a!.queueId)).parts.length === 1);
    await fleet.stop();
    await line.startFleet();
    expect((await line.untilState(a!.queueId, 'completed')).parts).toEqual([made('variant', 'm')]);
  });

  it('a delivery whose lock is lost reports nothing any more', async () => {
    const line = await new Line(redis).ready('12');
    const problems: unknown[] = [];
    line.script = async ({ report, queueId, attempt }) => {
      if (attempt > 1) return done;
      await line.redis.del(`${line.keys.item('channel.12', queueId)}:lock`);
      await report(made('variant', 'late')).catch((error: Error) => problems.push(error.message));
      return done;
    };
    await line.startFleet();
    const [a] = await line.add('12', 'a');
    expect((await line.untilState(a!.queueId, 'completed')).parts).toEqual([]);
    expect(problems).toEqual([expect.stringContaining('lock')]);
  });

  it('its progress is kept where BullMQ’s dashboards look', async () => {
    const line = await new Line(redis).ready('12');
    line.script = ({ progress }) => {
      for (const share of [1, 20, 60]) progress(share);
      return new Promise(() => {});
    };
    await line.startFleet();
    const [a] = await line.add('12', 'a');
    await until('60 %', async () => (await line.item(a!.queueId)).progress === 60);
    expect(await line.redis.hget(line.keys.item('channel.12', a!.queueId), 'progress')).toBe('60');
  });
});
