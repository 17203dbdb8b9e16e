import { describe, expect, it } from '@jest/globals';
import { pause } from '../../src/lifecycle.js';
import { EmbeddedRedis } from '../../src/redis/embedded.js';
import { Line, type LineOptions, product } from '../support/line.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { until } from '../support/until.js';
import { Witness } from '../support/witness.js';
import { kill, startWorker } from '../support/workers.js';

const redis = await startTestRedis();
const ownDirectory = await temporaryDirectory();
const witness = await new Witness().start();
const range = (count: number) => Array.from({ length: count }, (_, n) => n);

/** A line whose channels are carried out by worker processes, at the witness. */
async function lineTo(ids: string[], options: LineOptions = {}): Promise<Line> {
  witness.sightings.length = 0;
  const line = await new Line(redis, options).ready();
  const connector = { type: 'http', url: witness.url, timeoutMs: 30_000 };
  for (const id of ids)
    await line.put('channel', id, { firstDelayMs: 20, maxDelayMs: 20 }, connector);
  return line;
}

describe('over several worker processes', () => {
  it('P1, P2, P3, P7: kill -9 in the middle neither loses, reorders, overlaps nor opens anything', async () => {
    const ids = range(6).map(String);
    const line = await lineTo(ids);
    const failing = new Set(ids.map((id) => `${id}:20`));
    const failedOnce = new Set<string>();
    witness.answer = async ({ title }) => {
      await pause(3);
      if (!failing.has(title) || failedOnce.has(title)) return 200;
      failedOnce.add(title);
      return 422;
    };
    const items = range(40).flatMap((n) => ids.map((id) => product(id, `${id}:${n}`)));
    const tickets = await line.enqueuer.enqueue(items);
    const workers = await Promise.all(range(3).map(() => startWorker(line, redis.url)));
    for (const round of range(6)) {
      await until('some progress', () => witness.sightings.length > round * 25);
      const at = round % 3;
      await kill(workers[at]!);
      workers[at] = await startWorker(line, redis.url);
    }
    // An operator retries each failed head; until then nothing behind it was seen.
    for (const id of ids) {
      const status = await until(
        `${id} to be blocked`,
        async () => {
          const now = await line.status(`channel.${id}`);
          return now.blocked ? now : undefined;
        },
        30_000, // what the dead held comes back when its locks are over
      );
      expect(witness.firsts(id)).toEqual(range(21).map((n) => `${id}:${n}`));
      await line.transitions.retry(
        { queue: status.name, queueId: status.blockedBy!.queueId },
        'operator',
      );
    }
    for (const { queueId } of tickets) await line.untilState(queueId, 'completed');
    for (const id of ids) expect(witness.firsts(id)).toEqual(range(40).map((n) => `${id}:${n}`));
    expect(witness.sightings.flatMap((one) => one.beside)).toEqual([]);
    expect(witness.sightings.every((one) => one.key === String(one.queueId))).toBe(true);
  }, 60_000);

  it('P2: a worker that slept longer than its lock wakes up to find its item done by another', async () => {
    const line = await lineTo(['12']);
    witness.answer = () => undefined;
    const [a] = await line.add('12', 'a', 'b');
    const sleeper = await startWorker(line, redis.url);
    await until('the first delivery', () => witness.sightings.length === 1);
    sleeper.kill('SIGSTOP');
    await startWorker(line, redis.url);
    await until('the second delivery', () => witness.sightings.length === 2);
    const [first, second] = witness.sightings;
    expect(second).toMatchObject({ queueId: a!.queueId, key: first!.key, attempt: 2 });
    expect(second!.fence).toBeGreaterThan(first!.fence);
    first!.reply(422, { title: 'the sleeper was told no' });
    second!.reply(200);
    await line.untilState(a!.queueId, 'completed');
    sleeper.kill('SIGCONT');
    await until('b to be delivered', () => witness.sightings.some((one) => one.title === 'b'));
    witness.sightings.at(-1)!.reply(200);
    await line.untilState(a!.queueId + 1, 'completed');
    expect((await line.item(a!.queueId)).state).toBe('completed');
    expect(await line.status('channel.12')).toMatchObject({
      state: 'running',
      counts: { failed: 0, completed: 2 },
    });
  }, 60_000);

  it('P3: an item that keeps killing its worker blocks after 3 deaths, and says so', async () => {
    const line = await lineTo(['12']);
    witness.answer = () => undefined;
    const [a] = await line.add('12', 'killer', 'behind');
    for (const death of [1, 2, 3]) {
      const worker = await startWorker(line, redis.url);
      await until(`death ${death}`, () => witness.sightings.length === death);
      await kill(worker);
    }
    await startWorker(line, redis.url);
    const failed = await line.untilState(a!.queueId, 'failed');
    expect(failed.error?.message).toContain('the worker died or hung 3 times');
    expect(witness.sightings.map((one) => one.attempt)).toEqual([1, 2, 3]);
    expect((await line.status('channel.12')).state).toBe('blocked');
  }, 30_000);

  it('P7: kill -9 of Redis loses nothing that was acknowledged, and workers go on by themselves', async () => {
    const own = new EmbeddedRedis({ dataDir: ownDirectory });
    await own.start();
    const line = await lineTo(['12', '13'], { url: own.url });
    witness.answer = () => 200;
    await startWorker(line, own.url);
    const accepted: number[] = [];
    let killed = 0;
    let seen = 0;
    for (const n of range(150)) {
      if (n % 50 === 25) {
        // Each time the worker has come back by itself before the next blow.
        const before = seen;
        await until('the worker to be back', () => witness.sightings.length > before);
        seen = witness.sightings.length;
        const pid = Number(/process_id:(\d+)/.exec(await line.redis.info('server'))?.[1]);
        process.kill(pid, 'SIGKILL');
        killed += 1;
      }
      const item = product(n % 2 ? '12' : '13', String(n), { idempotencyKey: `n${n}` });
      const [ticket] = await until(`item ${n} to be accepted`, () => line.enqueuer.enqueue([item]));
      accepted.push(ticket!.queueId);
    }
    expect(killed).toBe(3);
    for (const queueId of accepted) await line.untilState(queueId, 'completed');
    expect(witness.firsts('13')).toEqual(
      range(150)
        .filter((n) => n % 2 === 0)
        .map(String),
    );
    expect(witness.firsts('12')).toEqual(
      range(150)
        .filter((n) => n % 2 === 1)
        .map(String),
    );
    await line.close();
    await own.stop();
  }, 60_000);

  it('stops on SIGTERM with its item finished, and leaves no lock behind', async () => {
    const line = await lineTo(['12']);
    witness.answer = () => undefined;
    const [a] = await line.add('12', 'a', 'b');
    const worker = await startWorker(line, redis.url);
    await until('the delivery', () => witness.sightings.length === 1);
    const exited = new Promise((resolve) =>
      worker.once('exit', (code, signal) => resolve([code, signal])),
    );
    worker.kill('SIGTERM');
    witness.sightings[0]!.reply(200);
    expect(await exited).toEqual([0, null]);
    expect((await line.item(a!.queueId)).state).toBe('completed');
    expect((await line.status('channel.12')).counts).toMatchObject({ waiting: 1, active: 0 });
  }, 30_000);
});
