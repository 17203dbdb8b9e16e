import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type Claimed, Deliveries } from '../blocking/deliveries.js';
import type { Config } from '../config/load.js';
import { messageOf } from '../errors.js';
import type { Catalogue } from '../instructions/catalogue.js';
import { type Part, within } from '../lifecycle.js';
import type { Log } from '../log.js';
import { Outbox } from '../queues/outbox.js';
import { Registry } from '../queues/registry.js';
import { untilReady } from '../redis/connect.js';
import type { Keys } from '../redis/keys.js';
import { Scripts } from '../redis/script.js';
import type { Vault } from '../secrets/vault.js';
import { Crew } from './crew.js';
import { LockKeeper } from './lock-keeper.js';
import { type Meter, noMeter } from './meter.js';
import { Notes } from './notes.js';
import { Relay } from './relay.js';
import { RetentionRoutine } from './retention.js';
import { Runner } from './runner.js';
import { type Moving, standstill } from './standstill.js';
import { type Connect, Stations } from './stations.js';
import { Suspects } from './suspects.js';
import { Sweeper } from './sweeper.js';
import { Tender } from './tender.js';
import { Watchdog, type Watched } from './watchdog.js';

/** Log lines kept an item. */
const LOG_LINES = 200;
/** How long connections may take to stand at the start, in milliseconds. */
const READY_MS = 30_000;
/** How long handing items back may take, in milliseconds. */
const ABORT_MS = 5_000;

export interface FleetParts {
  readonly config: Config;
  readonly keys: Keys;
  readonly catalogue: Catalogue;
  /** Its steps are safe when they are answered (`durability`); the fleet's own need not be. */
  readonly safe?: Scripts;
  /** Opens a connection; the fleet closes it. `blocking` ones wait for work. */
  readonly open: (kind: 'fleet' | 'blocking', name: string) => Redis;
  readonly close: (redis: Redis) => Promise<void>;
  /** Makes the connector of an endpoint, its secrets filled in. */
  readonly connect: Connect;
  /** Opens the secrets of connectors. */
  readonly vault?: Vault;
  /** Told of what is worth counting. */
  readonly meter?: Meter;
  readonly log: Log;
  /** Called when the process should end because it hangs. */
  readonly giveUp: (why: string) => void;
  /** Aborts when it is to stop, also while it starts. */
  readonly ending?: AbortSignal;
}

/** The worker of one process: three connections and a handful of loops, whatever the number of queues. */
export class Fleet implements Part {
  readonly name = 'fleet';
  private readonly parts: FleetParts;
  private readonly worker = `${process.pid}-${randomUUID().slice(0, 8)}`;
  private running: Running | null = null;
  private stopping: Promise<void> | null = null;

  /** The grace, handing back, and closing. */
  get stopDeadlineMs(): number {
    return this.parts.config.file.fleet.stopGraceMs + ABORT_MS + 10_000;
  }

  constructor(parts: FleetParts) {
    this.parts = parts;
  }

  async start(): Promise<void> {
    this.running ??= build(this.parts, this.worker);
    const { connections } = this.running;
    await Promise.all(connections.map((redis) => untilReady(redis, READY_MS, this.parts.ending)));
    for (const part of this.running.loops) await part.start();
    this.parts.log.info(
      { worker: this.worker, queues: this.parts.config.concurrency },
      'worker started',
    );
  }

  /** Its slots and loops as they are now; none before the start. */
  get pulse(): Moving {
    const { crews = [], watched: loops = [] } = this.running ?? {};
    return { crews, loops };
  }

  /** Why it stands still although there is work; null while it gets on, or rightly rests. */
  async standstill(): Promise<string | null> {
    if (!this.running) return 'the worker is starting';
    const { config, keys } = this.parts;
    // Told well before the watchdog ends the process.
    return standstill(this.pulse, this.running.redis, keys, config.file.fleet.watchdogMs / 2);
  }

  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  /** Claims no more, lets running deliveries end within the grace, hands the rest back. */
  private async stopAll(): Promise<void> {
    const { running, parts } = this;
    if (!running) return;
    running.runner.takeNoMore();
    await Promise.all(running.crews.map((crew) => crew.stop()));
    const idle = Promise.all(running.crews.map((crew) => crew.idle()));
    try {
      await within(parts.config.file.fleet.stopGraceMs, idle, 'some deliveries went on');
    } catch (error) {
      parts.log.warn({ reason: messageOf(error) }, 'deliveries are handed back');
      running.runner.abortAll();
      await within(ABORT_MS, idle, 'some deliveries did not end').catch((late) =>
        parts.log.error({ error: messageOf(late) }, 'their items return when their locks end'),
      );
    }
    for (const part of [...running.loops].reverse()) await part.stop();
    await Promise.all(running.connections.map((redis) => parts.close(redis)));
    parts.log.info({ worker: this.worker }, 'worker stopped');
  }
}

interface Running {
  readonly redis: Redis;
  readonly runner: Runner;
  readonly crews: readonly Crew[];
  /** Loops that should come round. */
  readonly watched: readonly Watched[];
  readonly loops: readonly Part[];
  readonly connections: readonly Redis[];
}

function build(parts: FleetParts, worker: string): Running {
  const { config, keys, log, meter = noMeter } = parts;
  const redis = parts.open('fleet', 'fleet');
  const forBlocking = parts.open('blocking', 'crew-blocking');
  const forParallel = parts.open('blocking', 'crew-parallel');
  const scripts = new Scripts(redis, keys);
  const registry = new Registry(redis, scripts, keys, parts.vault);
  const deliveries = new Deliveries(scripts, keys, {
    lockMs: config.lockMs,
    worker,
    keepFinished: config.file.retention.completed.count,
  });
  const locks = new LockKeeper(deliveries, config.lockMs, log, meter);
  const outbox = new Outbox(redis, scripts, keys, parts.safe);
  const relay = new Relay(outbox, keys, { everyMs: config.file.fleet.tendMs }, log);
  const runner = new Runner(
    {
      catalogue: parts.catalogue,
      registry,
      deliveries,
      hold: config.file.hold,
      stations: () => new Stations(registry, parts.connect),
      log: (claim, line) => writeLog(redis, keys, claim, line, log),
      notes: (claim, signal) => new Notes(claim, deliveries, signal, log),
    },
    locks,
    relay,
    new Suspects(config.file.fleet.maxDeaths),
    { budget: config.file.fleet.budget, lockMs: config.lockMs, retry: config.file.retry },
    meter,
    log,
  );

  let claims = 0;
  const shared = {
    keys,
    deliveries,
    meter,
    log,
    token: () => `${worker}:${++claims}`,
    drain: (claim: Claimed) => runner.drain(claim),
  };
  const crews = [
    new Crew({ ...shared, kind: 'blocking', slots: config.concurrency, blocking: forBlocking }),
    new Crew({
      ...shared,
      kind: 'parallel',
      slots: config.parallelConcurrency,
      blocking: forParallel,
    }),
  ];
  const tender = new Tender(
    deliveries,
    keys,
    { everyMs: config.file.fleet.tendMs, maxDeaths: config.file.fleet.maxDeaths },
    meter,
    log,
  );
  const sweeper = new Sweeper(
    { redis, deliveries, registry, keys },
    { everyMs: config.file.fleet.sweepMs, worker },
    meter,
    log,
  );
  const watched = [...crews, tender];
  const retention = new RetentionRoutine(
    { redis, deliveries, registry, keys },
    { everyMs: config.file.fleet.sweepMs, worker, kept: config.file.retention },
    log,
  );
  const watchdog = new Watchdog(
    watched,
    {
      limitMs: config.file.fleet.watchdogMs,
      redisAnswers: () => answers(parts),
      giveUp: parts.giveUp,
    },
    log,
  );
  return {
    redis,
    runner,
    crews,
    watched,
    loops: [locks, relay, ...crews, tender, sweeper, retention, watchdog],
    connections: [redis, forBlocking, forParallel],
  };
}

/**
 * Whether Redis takes writes over a connection that has no history. One that is full, a replica, or cannot
 * write to its disk answers, and a process that ended over it could not start again.
 */
async function answers(parts: FleetParts): Promise<boolean> {
  const fresh = parts.open('fleet', 'watchdog');
  try {
    await within(3_000, new Promise<void>((resolve) => fresh.once('ready', resolve)), 'no Redis');
    const written = fresh.set(parts.keys.registry.probe, Date.now(), 'PX', 60_000);
    return (await within(3_000, written, 'no Redis')) === 'OK';
  } catch {
    return false; // that is the answer
  } finally {
    await parts.close(fresh);
  }
}

/** Where BullMQ keeps the log lines of a job, so that its dashboards show them. */
function writeLog(redis: Redis, keys: Keys, { item }: Claimed, line: string, log: Log): void {
  const key = keys.logs(item.queue, item.queueId);
  redis
    .multi()
    .rpush(key, line.slice(0, 2_000))
    .ltrim(key, -LOG_LINES, -1)
    .exec()
    .catch((error: unknown) =>
      log.warn({ queueId: item.queueId, error: messageOf(error) }, 'a log line was lost'),
    );
}
