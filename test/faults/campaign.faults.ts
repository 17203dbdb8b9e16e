import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { Conflict } from '../../src/errors.js';
import { pause } from '../../src/lifecycle.js';
import { type Accepted, Enqueuer } from '../../src/queues/enqueue.js';
import { connectRedis, untilReady } from '../../src/redis/connect.js';
import { PARALLEL } from '../../src/redis/keys.js';
import { Scripts } from '../../src/redis/script.js';
import { accept, Line } from '../support/line.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { until } from '../support/until.js';
import { kill, startWorker } from '../support/workers.js';
import { check } from './checker/checker.js';
import { type Line as Event, fromText, toText, type Verb } from './checker/history.js';

const seed = Number(process.env['ANDON_FAULT_SEED'] ?? 20_261_121);
const faultsMs = 15_000;
const lockMs = 1_000;

const redis = await startTestRedis();
const directory = await temporaryDirectory();
const channels = Array.from({ length: 12 }, (_, n) => String(n));
/** Nobody deals with its failures in the end: it is to stay blocked. */
const neglected = `channel.${channels[0]}`;

/** The clock of the whole machine, which the witness reads too. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** A stream of chances of its own, so that no writer's timing changes another's choices. */
function chances(stream: number) {
  let state = (seed + stream * 7_919) | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    chance: (share: number) => next() < share,
    between: (least: number, most: number) => least + Math.floor(next() * (most - least + 1)),
    one: <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)]!,
  };
}

const seen = join(directory, 'witness.jsonl');
const witness = spawn(process.execPath, ['test/faults/witness.mjs', seen], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
afterAll(() => kill(witness));
const shop = String((await once(witness.stdout, 'data'))[0]).trim();

/** Asks for items at a steady rate; some requests lose their answer, some are asked again. */
class Producer {
  private readonly line: Line;
  private readonly events: Event[];
  private readonly lot = chances(1);
  private items = 0;
  private batches = 0;

  constructor(line: Line, events: Event[]) {
    this.line = line;
    this.events = events;
  }

  async run(till: number): Promise<void> {
    const open: (readonly Accepted[])[] = [];
    for (let tick = now(); tick < till; tick += 20) {
      await pause(Math.max(0, tick - now()));
      const items = this.lot.chance(0.2) ? this.batch() : this.some();
      if (this.lot.chance(0.05)) open.push(await this.losingTheAnswer(items));
      else await this.ask(this.line.enqueuer, items);
      if (this.lot.chance(0.05)) await this.ask(this.line.enqueuer, items); // asks twice, gets it once
    }
    // About half of those without an answer is asked for again, and the rest left open.
    for (const items of open) if (this.lot.chance(0.5)) await this.ask(this.line.enqueuer, items);
  }

  /** One item each of a few queues, as one request without a batch's order. */
  private some(): Accepted[] {
    return this.lot.chance(0.25) ? [this.order()] : [this.product(this.lot.one(channels))];
  }

  private batch(): Accepted[] {
    const channel = this.lot.one(channels);
    this.batches += 1;
    return Array.from({ length: this.lot.between(2, 12) }, () => this.product(channel));
  }

  private product(channel: string): Accepted {
    const data = this.data();
    return accept(
      'add_product',
      { channel },
      { ...data, sku: data.item, title: data.item },
      key(data),
    );
  }

  private order(): Accepted {
    const data = this.data();
    const channel = this.lot.one(channels);
    return accept('sync_order', { channel }, { ...data, orderNumber: data.item }, key(data));
  }

  private data() {
    this.items += 1;
    const answers = this.lot.chance(0.04) ? [422] : this.lot.chance(0.04) ? [500] : [];
    if (answers[0] && this.lot.chance(0.3)) answers.push(this.lot.one([422, 500]));
    return { item: `item ${this.items}`, answers, takesMs: this.lot.between(1, 25) };
  }

  private async losingTheAnswer(items: readonly Accepted[]): Promise<readonly Accepted[]> {
    const connection = connectRedis(redis.url, { name: 'cut off', kind: 'fleet' });
    await untilReady(connection, 5_000);
    const scripts = new Scripts(connection, this.line.keys);
    const asked = this.ask(new Enqueuer(connection, scripts, this.line.keys), items);
    setImmediate(() => {
      connection.disconnect();
      connection.stream.destroy();
    });
    await asked;
    return items;
  }

  private async ask(enqueuer: Enqueuer, items: readonly Accepted[]): Promise<void> {
    const asked = now();
    const ids = await enqueuer.enqueue(items).then(
      (tickets) => tickets.map((ticket) => ticket.queueId),
      () => null,
    );
    const answered = now();
    for (const [n, { queue, data, idempotencyKey }] of items.entries())
      this.events.push({
        by: 'producer',
        did: ids ? 'accepted' : 'unknown',
        asked,
        answered,
        queue,
        item: String(data['item']),
        idempotencyKey,
        batch: items.length > 1 ? String(items[0]!.data['item']) : null,
        durable: true,
        id: ids?.[n] ?? null,
      });
  }
}

const key = (data: { item: string }) => ({ idempotencyKey: `key of ${data.item}` });

/** Deals with every failed item; now and then two of them do so at once. */
class Operators {
  private readonly line: Line;
  private readonly events: Event[];
  private readonly lot = chances(2);
  private readonly over = new AbortController();
  private work: Promise<void> | undefined;

  constructor(line: Line, events: Event[]) {
    this.line = line;
    this.events = events;
  }

  start(neglectFrom: number): void {
    this.work = this.run(neglectFrom);
  }

  async stop(): Promise<void> {
    this.over.abort();
    await this.work;
  }

  private async run(neglectFrom: number): Promise<void> {
    while (!this.over.signal.aborted) {
      const { items } = await this.line.finder.search({ state: 'failed' }, 100);
      for (const { queue, queueId: id } of items) {
        if (queue === neglected && now() > neglectFrom) continue;
        const verbs = [this.lot.one(['retry', 'retry', 'skip', 'resolve'] as const)];
        if (this.lot.chance(0.2)) verbs.push(this.lot.one(['retry', 'skip', 'resolve']));
        await Promise.all(verbs.map((verb) => this.act(verb, queue, id)));
      }
      await pause(40, this.over.signal);
    }
  }

  private async act(did: Verb['did'], queue: string, id: number): Promise<void> {
    const asked = now();
    const item = { queue, queueId: id };
    const request = { actor: 'operator', reason: 'campaign' };
    const { transitions } = this.line;
    const act =
      did === 'retry' ? transitions.retry(item, 'operator') : transitions[did](item, request);
    const answer = await act.then(
      () => 'done' as const,
      (error) => (error instanceof Conflict ? ('refused' as const) : ('unknown' as const)),
    );
    this.events.push({ by: 'operator', did, asked, answered: now(), answer, queue, id });
  }
}

/** What befalls one worker after the other, by the seed alone. */
async function torment(line: Line, place: number, till: number): Promise<Record<string, number>> {
  const lot = chances(10 + place);
  const count = { kills: 0, sleeps: 0, restarts: 0 };
  let worker: ChildProcess = await startWorker(line, redis.url, lockMs);
  for (;;) {
    const fault = lot.one(['kills', 'sleeps', 'restarts'] as const);
    const [calm, nap] = [lot.between(150, 1_200), lot.between(lockMs + 100, lockMs * 2)];
    if (now() + calm + nap > till) return count;
    await pause(calm);
    count[fault] += 1;
    if (fault === 'sleeps') {
      worker.kill('SIGSTOP');
      await pause(nap);
      worker.kill('SIGCONT');
      continue;
    }
    await kill(worker, fault === 'kills' ? 'SIGKILL' : 'SIGTERM');
    worker = await startWorker(line, redis.url, lockMs);
  }
}

/** Nothing runs and nothing could: every queue is empty, or blocked where nobody cares. */
async function drained(line: Line): Promise<boolean> {
  for (const queue of [...channels.map((id) => `channel.${id}`), PARALLEL]) {
    const { counts, blocked } = await line.status(queue);
    const rest = queue === neglected && blocked ? 0 : counts.waiting + counts.failed;
    if (rest + counts.active + counts.backingOff > 0) return false;
  }
  return true;
}

it(`keeps every promise while workers are killed, stopped and restarted (seed ${seed})`, async () => {
  const line = await new Line(redis).ready();
  const connector = { type: 'http', url: shop, timeoutMs: 30_000 };
  for (const id of channels)
    await line.put('channel', id, { firstDelayMs: 20, maxDelayMs: 20 }, connector);

  const events: Event[] = [];
  const till = now() + faultsMs;
  const operators = new Operators(line, events);
  operators.start(till - faultsMs / 3);
  const [, ...faults] = await Promise.all([
    new Producer(line, events).run(till),
    ...[0, 1, 2].map((place) => torment(line, place, till)),
  ]);
  // A queue that does not drain is for the checker to name.
  await until('the queues to drain', () => drained(line), 20_000).catch(() => {});
  await operators.stop();

  for await (const { queue, queueId: id, data, state } of line.finder.all({}))
    events.push({ by: 'end', queue, id, item: String(data['item']), state });
  events.push(...fromText(await readFile(seen, 'utf8')));
  const violations = check(events, { lockMs });

  const counts: Record<string, number> = {};
  const add = (name: string, count = 1) => {
    counts[name] = (counts[name] ?? 0) + count;
  };
  for (const fault of faults) for (const [name, count] of Object.entries(fault)) add(name, count);
  for (const event of events) {
    if (event.by === 'end') add(event.state);
    else add(event.by === 'operator' ? `${event.did} ${event.answer}` : event.did);
  }
  console.info(`seed ${seed}: ${JSON.stringify(counts)}`);
  if (violations.length > 0) {
    const kept = `/tmp/andon-faults-${seed}.jsonl`;
    await writeFile(kept, toText(events));
    console.error(`${violations.length} violations; the history is in ${kept}`);
  }
  expect(violations.slice(0, 10)).toEqual([]);
}, 90_000);
