import { expect, it } from '@jest/globals';
import { pause } from '../../src/lifecycle.js';
import { Line } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { Witness } from '../support/witness.js';
import { kill, startWorker } from '../support/workers.js';

const redis = await startTestRedis();
const witness = await new Witness().start();

it('P3, P6: an item that keeps killing its worker blocks itself only; what ran beside it goes on', async () => {
  const neighbours = ['n0', 'n1', 'n2', 'n3'];
  const line = await new Line(redis).ready();
  const connector = { type: 'http', url: witness.url, timeoutMs: 30_000 };
  for (const id of ['killer', ...neighbours]) await line.put('channel', id, null, connector);
  let worker = await startWorker(line, redis.url);
  let born = 0;
  let kills = 0;
  // Twice it kills when all of them are under way; then it waits for them for a moment, in vain.
  witness.answer = async ({ channel }) => {
    if (channel !== 'killer') {
      await until('two deaths', () => kills > 1, 60_000);
      await pause(400);
      return 200;
    }
    const beside = () => new Set(witness.sightings.slice(born).map((one) => one.channel)).size;
    const patience = kills > 1 ? 300 : 60_000;
    await until('the others', () => beside() > neighbours.length, patience).catch(() => {});
    born = witness.sightings.length;
    await kill(worker);
    kills += 1;
    worker = await startWorker(line, redis.url);
    return 200; // nobody hears it any more
  };
  const [killer] = await line.add('killer', 'killer', 'behind');
  const others = await Promise.all(neighbours.map((id) => line.add(id, `${id}:0`, `${id}:1`)));
  const blocked = async () => (await line.item(killer!.queueId)).state === 'failed';
  await until('the killer to block', blocked, 60_000);
  for (const tickets of others)
    for (const { queueId } of tickets) await line.untilState(queueId, 'completed');
  expect((await line.status('channel.killer')).state).toBe('blocked');
  const times = (title: string) => witness.sightings.filter((one) => one.title === title).length;
  expect(times('killer')).toBe(3);
  // They did die with it twice.
  expect(neighbours.map((id) => times(`${id}:0`))).toEqual(neighbours.map(() => 3));
  expect(witness.sightings.flatMap((one) => one.beside)).toEqual([]);
}, 90_000);
