import { randomBytes } from 'node:crypto';
import { expect } from '@jest/globals';
import type { Redis } from 'ioredis';
import { Api, product } from './api.js';
import { type RedisProcess, startStandalone } from './redis-shapes.js';
import { until } from './until.js';
import type { Witness } from './witness.js';

/** What may befall a Redis that is otherwise well. */
export interface Trouble {
  /** Lines of redis.conf that it needs. */
  readonly conf?: readonly string[];
  begin(redis: RedisProcess, admin: Redis): Promise<unknown>;
  end(redis: RedisProcess, admin: Redis): Promise<unknown>;
  /** What a caller is told to do. */
  readonly told: RegExp;
}

/** It is dead, as after a crash of its machine. */
export const away: Trouble = {
  begin: (redis) => redis.kill(),
  end: (redis) => redis.start(),
  told: /cannot be reached/,
};

/** Nothing may take longer than this once the trouble is over, in milliseconds. */
const RECOVERY_MS = 10_000;
/** The fleet's own deadline (half a second of grace, handing back, closing) and that of the rest. */
const STOP_MS = 20_000;

/**
 * Everything of Andon on a Redis that has a trouble for a while. Items are asked for all the time, each under
 * its key until it is accepted. Answers how long it took to go on, and to stop in the same trouble.
 */
export async function endure(trouble: Trouble, ms: number, witness: Witness) {
  const redis = await startStandalone({ conf: trouble.conf ?? [] });
  const admin = redis.connect();
  witness.sightings.length = 0;
  witness.answer = () => 200;
  const gaveUp: string[] = [];
  const api = await Api.start(
    { url: redis.url, dataDir: '', freshPrefix: () => `t${randomBytes(6).toString('hex')}` },
    {
      roles: ['api', 'worker'],
      config: 'test/support/worker.yaml',
      environment: { ANDON_LOCK_MS: '1000' },
      giveUp: (why) => gaveUp.push(why),
    },
  );
  await api.put('channel', '12', witness.url, { retry: { firstDelayMs: 20, maxDelayMs: 100 } });
  await api.put('channel', '13');

  const accepted: string[] = [];
  const refusals = new Map<string, number>();
  let over = false;
  const produce = async () => {
    for (let n = 0; !over; n += 1) {
      const title = `n${n}`;
      for (let stored = false; !stored; ) {
        const headers = { 'idempotency-key': title };
        const answer = await api.call('POST', '/v1/items', { body: product('12', title), headers });
        stored = answer.status === 202;
        if (!stored) note(answer);
      }
      accepted.push(title);
    }
  };
  const note = ({ status, headers, body, text }: Awaited<ReturnType<Api['call']>>) => {
    if (status !== 503) throw new Error(`${status} ${text}`);
    expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(headers['retry-after']).toBe('2');
    expect(body.type).toBe('/problems/store-unavailable');
    refusals.set(body.detail, (refusals.get(body.detail) ?? 0) + 1);
  };
  /** What people do: it is done, or they are told that it cannot be. */
  const operate = async () => {
    for (const [method, path] of [
      ['GET', '/v1/queues'],
      ['POST', '/v1/queues/channel.13/pause'],
      ['POST', '/v1/queues/channel.13/resume'],
    ] as const) {
      const answer = await api.call(method, path, method === 'POST' ? { body: {} } : {});
      if (answer.status !== 200 && answer.status !== 409) note(answer);
    }
  };

  const producing = produce();
  await until('deliveries', () => witness.sightings.length > 5);
  await trouble.begin(redis, admin);
  const till = performance.now() + ms;
  while (performance.now() < till) await operate();
  await until('a refusal', () => refusals.size > 0);
  const before = accepted.length;
  const seen = witness.sightings.length;
  await trouble.end(redis, admin);
  const from = performance.now();
  await until(
    'it to go on by itself',
    () => accepted.length > before + 5 && witness.sightings.length > seen + 5,
    RECOVERY_MS,
  );
  const recoveredMs = Math.round(performance.now() - from);
  over = true;
  await producing;
  await until('all to be delivered', () => witness.firsts('12').length === accepted.length);
  expect(witness.firsts('12')).toEqual(accepted);
  expect(witness.sightings.flatMap(({ beside }) => beside)).toEqual([]);
  expect([...refusals.keys()].join('\n')).toMatch(trouble.told);
  expect(gaveUp).toEqual([]);

  // Once more, with an item under way: it must not keep the process from ending.
  witness.answer = () => undefined;
  await api.add('12', 'under-way');
  await until('its delivery', () => witness.sightings.at(-1)?.title === 'under-way');
  await trouble.begin(redis, admin);
  const stopping = performance.now();
  await api.stop();
  const stoppedMs = Math.round(performance.now() - stopping);
  expect(stoppedMs).toBeLessThan(STOP_MS);
  await trouble.end(redis, admin);
  admin.disconnect();
  await redis.end();
  return { recoveredMs, stoppedMs, refused: [...refusals.values()].reduce((a, b) => a + b, 0) };
}
