import assert from 'node:assert/strict';
import type { Connector, Delivery, Outcome, PartOfItem } from '../connectors/connector.js';
import type { JsonObject } from '../json.js';
import { deliveryOf } from './delivery.js';

/** One case of the contract, for any test runner: `for (const { name, run } of cases) test(name, run)`. */
export interface ContractCase {
  readonly name: string;
  run(): Promise<void>;
}

/** Something that arrived at a far side. */
export interface Arrival {
  /** What the far side may tell repeats by, where the connector sends it along. */
  readonly key?: string;
  readonly attempt?: number;
  /** Which part it was about, where parts are sent one by one. */
  readonly part?: { readonly kind: string; readonly key: string };
}

/** A connector, and the far side that it was pointed at: a fake, fresh for every case. */
export interface Bench {
  readonly connector: Connector;
  /** What arrived so far, in order; looking (`ping`, `verify`) does not count. */
  arrivals(): readonly Arrival[];
  /** How often the item's work was carried out there. */
  carriedOut(): number;
  close(): void | Promise<void>;
}

/** A connector as the contract suite sees it. */
export interface ContractSubject {
  readonly instruction: string;
  readonly data: JsonObject;
  /** Of another item, which has nothing to do with the first. */
  readonly another?: JsonObject;
  /** The deadline that the connector was given for one attempt, in milliseconds: keep it short. */
  readonly deadlineMs: number;
  /** Values that the connector was given and must never show. */
  readonly secrets: readonly string[];
  /** Can `verify` tell? Then an item that was carried out must be found. */
  readonly verifies?: boolean;
  /** The far side in each state; leave out what cannot happen there, and its cases are left out. */
  readonly farSide: {
    /** Carries out what it is sent. */
    well(): Promise<Bench>;
    /** Refuses this item for a reason that a person must look at. */
    refuses(): Promise<Bench>;
    /** Fails in a way that passes: an error 500, a broken connection. */
    fails(): Promise<Bench>;
    /** Takes the item and never answers. */
    hangs(): Promise<Bench>;
    /** Nobody listens. */
    gone?(): Promise<Bench>;
    /** Asks to come back later, and says when. */
    throttles?(): Promise<Bench>;
    /** Refuses our credentials; its message may repeat them. */
    refusesUs?(): Promise<Bench>;
    /** Takes some parts of an item and refuses others, once; the second time it takes them all. */
    halfWay?(): Promise<Bench>;
  };
}

/** Longer than a deadline a delivery never takes, in milliseconds: the rest is for ending it. */
const SPARE_MS = 5_000;

/**
 * The cases that every connector must pass, whoever wrote it. Each opens a far side of its own, delivers
 * to it as the fleet would, and throws when a promise is broken.
 */
export function contractCases(subject: ContractSubject): ContractCase[] {
  const { farSide } = subject;
  const cases: ContractCase[] = [];
  const when = (open: (() => Promise<Bench>) | undefined, name: string, look: Look) => {
    if (open) cases.push({ name, run: () => onBench(open, subject, look) });
  };

  when(farSide.well, 'what goes well is done', async (trial) => {
    expectKind(await trial.deliver(), 'done');
    assert.equal(trial.bench.carriedOut(), 1, 'the far side should have carried it out once');
  });
  when(
    farSide.well,
    'delivered again under the same key, it is carried out once',
    async (trial) => {
      await trial.deliver({ attempt: 1, fence: 7 });
      expectKind(await trial.deliver({ attempt: 2, fence: 8 }), 'done', 'already-done');
      assert.equal(trial.bench.carriedOut(), 1, 'the second delivery was carried out again');
    },
  );
  when(
    farSide.well,
    'the idempotency key is the queue id, the same at every attempt',
    async (trial) => {
      await trial.deliver({ attempt: 1, fence: 7 });
      await trial.deliver({ attempt: 2, fence: 8 });
      const keys = trial.bench.arrivals().flatMap(({ key }) => key ?? []);
      assert.deepEqual([...new Set(keys)], keys.length > 0 ? [String(trial.queueId)] : []);
      const attempts = trial.bench.arrivals().flatMap(({ attempt }) => attempt ?? []);
      assert.deepEqual([...new Set(attempts)], attempts.length > 0 ? [1, 2] : []);
    },
  );
  const { another } = subject;
  when(another && farSide.well, 'two items at once do not disturb each other', async (trial) => {
    const other = { queueId: trial.queueId + 1, ...(another ? { data: another } : {}) };
    const outcomes = await Promise.all([trial.deliver(), trial.deliver(other)]);
    for (const outcome of outcomes) expectKind(outcome, 'done');
    assert.equal(trial.bench.carriedOut(), 2);
  });
  when(farSide.well, 'the data of the item are left as they are', async (trial) => {
    const before = JSON.stringify(subject.data);
    await trial.deliver({ data: deepFreeze(structuredClone(subject.data)) });
    await trial.deliver({ attempt: 2, fence: 8 });
    assert.equal(JSON.stringify(subject.data), before);
  });
  when(farSide.well, 'a delivery that is over before it begins reaches nobody', async (trial) => {
    const reason = new Error('the lock was lost');
    await assert.rejects(trial.deliver({ signal: AbortSignal.abort(reason) }), isSame(reason));
    assert.equal(trial.bench.carriedOut(), 0);
  });
  when(farSide.well, 'ping answers while the far side is there', async ({ bench }) => {
    await bench.connector.ping?.(AbortSignal.timeout(SPARE_MS));
  });
  when(farSide.refuses, 'what a person must look at is fail, in words', async (trial) => {
    expectKind(await trial.deliver(), 'fail');
    assert.equal(trial.bench.carriedOut(), 0);
  });
  when(farSide.fails, 'what passes is no failure for a person', async (trial) => {
    expectKind(await trial.deliver(), 'retry', 'hold', 'unknown');
  });
  when(farSide.gone, 'when nobody listens the item waits, and ping says so', async (trial) => {
    expectKind(await trial.deliver(), 'retry', 'hold');
    const { ping } = trial.bench.connector;
    if (ping) await assert.rejects(ping.call(trial.bench.connector, AbortSignal.timeout(SPARE_MS)));
  });
  when(
    farSide.throttles,
    'throttling holds for the time that the far side named',
    async (trial) => {
      const outcome = await trial.deliver();
      expectKind(outcome, 'hold');
      assert.equal(outcome.failure.cause, 'throttled');
      assert.ok((outcome.forMs ?? 0) > 0, 'the hold names no time');
    },
  );
  when(farSide.refusesUs, 'refused credentials are fail, class credentials', async (trial) => {
    const outcome = await trial.deliver();
    expectKind(outcome, 'fail');
    assert.equal(outcome.failure.cause, 'credentials');
  });
  when(farSide.hangs, 'an attempt ends with its deadline, and is no success', async (trial) => {
    const start = performance.now();
    expectKind(await trial.deliver(), 'retry', 'hold', 'unknown');
    const took = performance.now() - start;
    assert.ok(took < subject.deadlineMs + SPARE_MS, `it took ${Math.round(took)} ms`);
  });
  when(
    farSide.hangs,
    'an abort ends the attempt at once, with the reason of the signal',
    async (trial) => {
      const reason = new Error('the lock was lost');
      const controller = new AbortController();
      const delivery = trial.deliver({ signal: controller.signal });
      const ended = assert.rejects(delivery, isSame(reason));
      setTimeout(() => controller.abort(reason), Math.min(50, subject.deadlineMs / 2));
      await ended;
    },
  );
  when(farSide.halfWay, 'after a partial success only what is left is sent again', halfWay);
  if (subject.verifies)
    when(farSide.well, 'verify finds what was carried out, and changes nothing', verifies);
  return cases;
}

async function halfWay(trial: Trial): Promise<void> {
  expectKind(await trial.deliver(), 'fail', 'retry', 'hold', 'unknown');
  const first = [...trial.parts];
  const done = first.filter((part) => part.state === 'done').map(nameOf);
  assert.ok(done.length > 0, 'no part was reported as done');
  const before = trial.bench.arrivals().length;
  expectKind(await trial.deliver({ attempt: 2, parts: first }), 'done', 'already-done');
  const again = trial.bench
    .arrivals()
    .slice(before)
    .flatMap(({ part }) => (part ? nameOf(part) : []));
  assert.deepEqual(
    again.filter((name) => done.includes(name)),
    [],
    'parts were sent again',
  );
}

async function verifies(trial: Trial): Promise<void> {
  const { connector } = trial.bench;
  assert.ok(connector.verify, 'the connector has no verify');
  assert.equal((await connector.verify(trial.delivery())).kind, 'not-there');
  assert.equal(trial.bench.carriedOut(), 0, 'verify carried the item out');
  await trial.deliver();
  assert.equal((await connector.verify(trial.delivery({ attempt: 2 }))).kind, 'there');
  assert.equal(trial.bench.carriedOut(), 1, 'verify carried the item out again');
}

type Look = (trial: Trial) => Promise<void>;
type Over = Partial<Delivery>;

async function onBench(open: () => Promise<Bench>, subject: ContractSubject, look: Look) {
  const bench = await open();
  try {
    await look(new Trial(bench, subject));
  } finally {
    await bench.close();
  }
}

/** One case: deliveries to a bench, everything that they said kept and searched for secrets. */
class Trial {
  readonly bench: Bench;
  readonly queueId = 1042;
  /** Of one item, however often it is delivered. */
  private readonly enqueuedAt = new Date().toISOString();
  /** What was reported, in order. */
  readonly parts: PartOfItem[] = [];
  private readonly subject: ContractSubject;
  private readonly said: unknown[] = [];

  constructor(bench: Bench, subject: ContractSubject) {
    this.bench = bench;
    this.subject = subject;
  }

  delivery(over: Over = {}): Delivery {
    return deliveryOf({
      queueId: this.queueId,
      enqueuedAt: this.enqueuedAt,
      instruction: this.subject.instruction,
      data: this.subject.data,
      log: (line) => void this.said.push(line),
      progress: (value) => void this.said.push(value),
      report: async (part) => void this.parts.push(part),
      ...over,
    });
  }

  async deliver(over: Over = {}): Promise<Outcome> {
    const outcome = await this.bench.connector.deliver(this.delivery(over));
    const text = JSON.stringify([outcome, this.said, this.parts]);
    for (const secret of this.subject.secrets)
      assert.ok(
        !text.includes(secret),
        'a secret is shown in an outcome, log line, progress or part',
      );
    return outcome;
  }
}

const causes = ['connection', 'throttled', 'credentials', 'data', 'duplicate', 'conflict', 'bug'];

/** Is it one of these outcomes, and whole? */
function expectKind<Kind extends Outcome['kind']>(
  outcome: Outcome,
  ...kinds: Kind[]
): asserts outcome is Extract<Outcome, { kind: Kind }> {
  const said = JSON.stringify(outcome);
  assert.ok((kinds as string[]).includes(outcome.kind), `${said} should be ${kinds.join(' or ')}`);
  if (!('failure' in outcome)) return;
  assert.ok(outcome.failure.message.trim() !== '', `${said} has no message`);
  assert.ok(causes.includes(outcome.failure.cause), `${said} has no known cause`);
  assert.ok(!/\n\s+at /.test(outcome.failure.message), `${said} shows a stack to a person`);
}

const isSame = (reason: Error) => (thrown: unknown) => thrown === reason;

const nameOf = ({ kind, key }: { kind: string; key: string }): string => `${kind} ${key}`;

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value))
    if (inner !== null && typeof inner === 'object') deepFreeze(inner);
  return Object.freeze(value);
}
