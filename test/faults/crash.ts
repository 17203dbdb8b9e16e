import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from '@jest/globals';
import { closeRedis, connectRedis, untilReady } from '../../src/redis/connect.js';
import { Keys } from '../../src/redis/keys.js';
import { BOOTSTRAP_KEY, SECRET_KEY } from '../support/api.js';
import type { TestRedis } from '../support/redis.js';
import { TestSmtp } from '../support/smtp.js';
import { until } from '../support/until.js';
import type { Witness } from '../support/witness.js';

const running = new Set<ChildProcess>();
const smtp = await TestSmtp.start();

/** Kills what a failed test left behind. */
export function endCrashes(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** All of Andon in one process of its own, which is started again whenever it has died. */
class Mortal {
  deaths = 0;
  private url = '';
  private readonly redis: TestRedis;
  private readonly prefix: string;
  private readonly smtpUrl: string;
  private child: ChildProcess | null = null;
  private starting: Promise<void> | null = null;

  constructor(redis: TestRedis, smtpUrl: string) {
    this.redis = redis;
    this.smtpUrl = smtpUrl;
    this.prefix = redis.freshPrefix();
  }

  /** With a point at which it dies; started again, it has none. */
  async start(faultAt = ''): Promise<void> {
    const child = spawn(process.execPath, ['dist/cli.js', 'up'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'test',
        ...(faultAt ? { ANDON_FAULT_AT: faultAt } : {}),
        REDIS_URL: this.redis.url,
        ANDON_PREFIX: this.prefix,
        ANDON_PORT: '0',
        ANDON_CONFIG: 'test/faults/crash.yaml',
        ANDON_SMTP_URL: this.smtpUrl,
        ANDON_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
        ANDON_SECRET_KEY: SECRET_KEY,
        ANDON_LOCK_MS: '500',
        ANDON_CONNECTOR_NETWORKS: '127.0.0.0/8',
        ANDON_LOG_LEVEL: 'info',
      },
    });
    this.child = child;
    running.add(child);
    child.once('exit', () => running.delete(child));
    let said = '';
    child.stdout?.on('data', (text: Buffer) => {
      said += text;
    });
    const url = () => /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
    await until('Andon to be up, or dead', () => url() ?? child.signalCode, 60_000);
    this.url = url() ?? '';
  }

  /** Asks until there is an answer, starting it again where it has died. 409 means: that was done before. */
  async ask(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    for (;;) {
      await this.alive();
      const response = await fetch(this.url + path, {
        method,
        headers: { authorization: `Bearer ${BOOTSTRAP_KEY}`, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      }).catch(() => null);
      const text = await response?.text().catch(() => null);
      if (!response || text === null || text === undefined || response.status === 503) continue;
      if (response.status >= 400 && response.status !== 409)
        throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return JSON.parse(text);
    }
  }

  /** Starts it again when it has died. */
  async alive(): Promise<void> {
    if (this.child && this.child.exitCode === null && this.child.signalCode === null) return;
    this.starting ??= this.revive();
    await this.starting;
  }

  private async revive(): Promise<void> {
    this.deaths += 1;
    await this.endLease();
    await this.start();
    this.starting = null;
  }

  /** The alerts of a killed process are taken over 15 s later, when its lease is over: no day has time for that. */
  private async endLease(): Promise<void> {
    const redis = connectRedis(this.redis.url, { name: 'test', kind: 'fleet' });
    await untilReady(redis, 5_000);
    await redis.del(new Keys(this.prefix, 1).alerts.lease);
    await closeRedis(redis, 1_000);
  }

  /** Ends in good order, or as the point wants it. */
  async stop(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  }
}

/** How long a step of the day may take, restarts on a busy machine included, in milliseconds. */
const TOLD_MS = 60_000;

interface Mail {
  readonly title: string;
  readonly state: string;
  readonly entity: { readonly key: string };
}

const item = (sku: string) => ({
  instruction: 'add_product',
  channel: '1',
  data: { sku, title: sku },
  idempotencyKey: sku,
});

/**
 * A day on one channel in which every step happens: `a` goes through, `b` fails, is edited, retried and
 * resolved, `d` is tried again by machine, `e` is skipped, `f` and `g` are cleared away while the queue is
 * paused (`g` twice), `s` is handed back by a worker that stops. People are told of what fails, by mail, and
 * that it is over. At `point` the process dies. Answers whether it did.
 */
export async function crashAt(point: string, redis: TestRedis, witness: Witness): Promise<boolean> {
  const andon = new Mortal(redis, smtp.url);
  witness.sightings.splice(0);
  smtp.mails.splice(0);
  let slow = true;
  witness.answer = ({ title }) => {
    const tries = witness.sightings.filter((one) => one.title === title).length;
    if (title === 'b' || title === 'e') return 422;
    if (title === 'd' && tries === 1) return 500;
    return title === 's' && slow ? undefined : 200;
  };
  await andon.start(point);
  await andon.ask('PUT', '/v1/channels/1', {
    description: 'one',
    connector: { type: 'http', url: witness.url },
    retry: { firstDelayMs: 20, maxDelayMs: 20 },
    rateLimit: { max: 10_000, per: 'minute' },
  });
  const add = async (...skus: string[]) =>
    (await andon.ask('POST', '/v1/items/batch', { items: skus.map(item) }))['items'] as {
      queueId: number;
    }[];
  const state = async (id: number | undefined) =>
    (await andon.ask('GET', `/v1/items/${id}`))['state'] as string;
  const untilState = (id: number | undefined, wanted: string) =>
    until(
      `item ${id} to be ${wanted} (${point})`,
      async () => (await state(id)) === wanted,
      TOLD_MS,
    );

  const incidents = async () =>
    (await andon.ask('GET', '/v1/incidents'))['items'] as { id: number; state: string }[];

  const [a, b, c, d, e] = await add('a', 'b', 'c', 'd', 'e');
  await untilState(b?.queueId, 'failed');
  await until(
    'people to be told',
    async () => {
      await andon.alive();
      return smtp.mails.length > 0;
    },
    TOLD_MS,
  );
  expect(await state(c?.queueId)).toBe('waiting');
  await andon.ask('PATCH', `/v1/items/${b?.queueId}`, { data: { sku: 'b', title: 'b', n: 1 } });
  const before = witness.sightings.length;
  await andon.ask('POST', `/v1/items/${b?.queueId}/retry`, {});
  await until(
    'the retry to run',
    async () => {
      await andon.alive();
      return witness.sightings.length > before;
    },
    TOLD_MS,
  );
  await untilState(b?.queueId, 'failed');
  expect(await state(c?.queueId)).toBe('waiting');
  await andon.ask('POST', `/v1/items/${b?.queueId}/resolve`, { reference: 'by hand' });
  await untilState(e?.queueId, 'failed');
  await andon.ask('POST', `/v1/items/${e?.queueId}/skip`, { reason: 'not wanted' });
  await andon.ask('POST', '/v1/queues/channel.1/pause', { reason: 'counting' });
  const [f, g] = await add('f', 'g');
  await andon.ask('POST', '/v1/queues/channel.1/clear', { reason: 'not wanted' });
  await andon.ask('POST', `/v1/items/${g?.queueId}/undo-skip`, { reason: 'wanted' });
  await andon.ask('POST', '/v1/queues/channel.1/clear', { reason: 'not wanted' });
  await andon.ask('POST', '/v1/queues/channel.1/resume', {});
  const [s, h] = await add('s', 'h');
  await until('the slow one to run', async () => {
    await andon.alive();
    return witness.sightings.some(({ title }) => title === 's');
  });
  // Its lock is renewed several times meanwhile, and then the worker stops.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await andon.stop();
  slow = false;
  await andon.alive();
  await untilState(h?.queueId, 'completed');

  const states = await Promise.all([a, b, c, d, e, f, g, s, h].map((one) => state(one?.queueId)));
  expect([point, ...states]).toEqual([
    point,
    'completed',
    'resolved',
    'completed',
    'completed',
    'skipped',
    'skipped',
    'skipped',
    'completed',
    'completed',
  ]);
  // First starts in the order of acceptance, one at a time, one constant key, nothing invented.
  expect(witness.firsts('1')).toEqual(['a', 'b', 'c', 'd', 'e', 's', 'h']);
  const idOf = new Map([a, b, c, d, e, s, h].map((one, n) => ['abcdesh'[n], one?.queueId]));
  for (const { title, key, queueId } of witness.sightings) {
    expect(key).toBe(String(queueId));
    expect(queueId).toBe(idOf.get(title));
  }
  const fences = witness.sightings.map(({ fence }) => fence);
  expect(fences).toEqual([...new Set(fences)].sort((x, y) => x - y));
  // Each incident is recorded once and told when it begins and when it is over, each mail once or again.
  await until(
    'all to be over',
    async () => (await incidents()).every((one) => one.state === 'over'),
    TOLD_MS,
  );
  const mails = async () =>
    (await andon.ask('GET', '/v1/items?instruction=send_email'))['items'] as Mail[];
  await until(
    'the mails to be through',
    async () => {
      const all = await mails();
      return (
        all.length > 0 && all.length % 2 === 0 && all.every((one) => one.state === 'completed')
      );
    },
    TOLD_MS,
  );
  const told = (await mails()).map(({ title, entity }) => `${entity.key} ${/^Over/.test(title)}`);
  const ids = (await incidents()).map(({ id }) => id);
  expect([point, told.sort()]).toEqual([
    point,
    ids.flatMap((id) => [`${id} false`, `${id} true`]).sort(),
  ]);
  const arrived = new Set(smtp.mails.map(({ mail }) => mail.messageId));
  expect([point, arrived.size]).toEqual([point, told.length]);
  const deaths = andon.deaths;
  await andon.stop();
  // One of them was the stop in good order, unless that was where it died.
  return deaths > 1 || /giveback/.test(point);
}
