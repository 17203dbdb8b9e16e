import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Figures } from './figures.js';
import { FleetMetrics } from './fleet-metrics.js';
import { ProcessMetrics } from './process-metrics.js';
import type { Found } from './readiness.js';

/** What a delivery came to, as the fleet tells it. */
interface Delivered {
  readonly instruction: string;
  readonly became: string;
  /** Null when nothing was sent. */
  readonly seconds: number | null;
}

/** An HTTP request that was answered. `route` is the template, never the path: that has ids in it. */
export interface Answered {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** A worker's slots and the loops of a process. */
export interface Pulse {
  readonly crews: readonly {
    readonly kind: string;
    readonly slots: number;
    readonly free: number;
  }[];
  readonly loops: readonly { readonly name: string; readonly silenceMs: number }[];
}

export interface MetricsOptions {
  readonly version: string;
  readonly bullmq: string;
  readonly roles: readonly string[];
  /** Those of the catalogue: a label that a stranger can fill would never end. */
  readonly instructions: ReadonlySet<string>;
}

/** What a scrape looks at; each may be missing in a process that does not have it. */
export interface Sources {
  readonly ready: () => Promise<Found>;
  readonly pulses: readonly (() => Pulse)[];
  /** Only in processes that tell of the whole installation. */
  readonly figures?: () => Promise<Figures>;
}

/** Seconds. From a shop beside us to one that takes all the time it has. */
const DELIVERY_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** What became of a mail, in the words for mails. */
const mailOutcomes: Readonly<Record<string, string>> = {
  completed: 'sent',
  failed: 'failed',
  'backing-off': 'tried-again',
  held: 'tried-again',
};

/**
 * The figures of one process for Prometheus, in a registry of its own. Counters are this process's, so
 * that a sum over processes is true. What begins with `andon_fleet_` is true of the whole installation
 * and the same wherever it is told: there `max` is right, and a sum would count it twice.
 */
export class Metrics {
  private readonly registry = new Registry();
  private readonly process = new ProcessMetrics(this.registry);
  private readonly fleet = new FleetMetrics(this.registry);
  private readonly instructions: ReadonlySet<string>;
  private sources: Sources | null = null;

  private readonly claims = this.counter('claims', 'Items taken from their queues', ['kind']);
  private readonly deliveries = this.counter('deliveries', 'What became of claimed items', [
    'instruction',
    'outcome',
  ]);
  private readonly durations = new Histogram({
    name: 'andon_delivery_duration_seconds',
    help: 'From the claim of an item to its outcome, where something was sent',
    labelNames: ['instruction', 'outcome'] as const,
    buckets: DELIVERY_BUCKETS,
    registers: [this.registry],
  });
  private readonly lockLosses = this.counter('lock_losses', 'Deliveries that lost their lock');
  private readonly sweeps = this.counter('sweeps_found', 'Sweeps that found something');
  private readonly sweptQueues = this.counter('sweep_queues', 'Queues that sweeps found with work');
  private readonly recoveries = this.counter(
    'items_recovered',
    'Items of dead workers put back at the head',
  );
  private readonly deaths = this.counter(
    'items_failed_by_deaths',
    'Items that failed because their workers kept dying',
  );
  private readonly mails = this.counter('mails', 'What became of mails', ['outcome']);
  private readonly requests = this.counter('http_requests', 'HTTP requests answered', [
    'method',
    'route',
    'status',
  ]);
  private readonly requestDurations = new Histogram({
    name: 'andon_http_request_duration_seconds',
    help: 'From a request to the end of its answer',
    labelNames: ['method', 'route'] as const,
    buckets: REQUEST_BUCKETS,
    registers: [this.registry],
  });
  private readonly ready = this.gauge('ready', '1 when this process is ready for work');
  private readonly roundTrip = this.gauge(
    'redis_round_trip_seconds',
    'One write to Redis and its answer; missing while Redis takes none',
  );
  private readonly slots = this.gauge('slots', 'Items this worker can run at once', ['kind']);
  private readonly busy = this.gauge('slots_busy', 'Items this worker runs now', ['kind']);
  private readonly progress = this.gauge(
    'last_progress_timestamp_seconds',
    'When a part of this process last came round',
    ['part'],
  );

  constructor({ version, bullmq, roles, instructions }: MetricsOptions) {
    this.instructions = instructions;
    const { version: node } = process;
    this.gauge('build_info', 'Always 1; its labels tell what runs', [
      'version',
      'node',
      'bullmq',
      'roles',
    ]).set({ version, node, bullmq, roles: roles.join(',') }, 1);
    this.roundTrip.remove();
    // A counter that is not there yet hides its first rise.
    if (roles.includes('worker')) {
      for (const kind of ['blocking', 'parallel']) this.claims.inc({ kind }, 0);
      for (const outcome of new Set(Object.values(mailOutcomes))) this.mails.inc({ outcome }, 0);
    }
  }

  start(): void {
    this.process.start();
  }

  stop(): void {
    this.process.stop();
  }

  /** From now on a scrape looks at these too. */
  open(sources: Sources): void {
    this.sources = sources;
  }

  claimed(kind: string, items: number): void {
    this.claims.inc({ kind }, items);
  }

  delivered({ instruction: name, became: outcome, seconds }: Delivered): void {
    const instruction = this.instructions.has(name) ? name : 'other';
    this.deliveries.inc({ instruction, outcome });
    if (seconds !== null) this.durations.observe({ instruction, outcome }, seconds);
    const mail = name === 'send_email' ? mailOutcomes[outcome] : undefined;
    if (mail) this.mails.inc({ outcome: mail });
  }

  lockLost(): void {
    this.lockLosses.inc();
  }

  swept(queues: number): void {
    if (queues === 0) return;
    this.sweeps.inc();
    this.sweptQueues.inc(queues);
  }

  recovered(items: number, failed: number): void {
    this.recoveries.inc(items);
    this.deaths.inc(failed);
  }

  answered({ method: said, route, status, seconds }: Answered): void {
    const method = methods.has(said) ? said : 'other';
    this.requests.inc({ method, route, status: String(status) });
    this.requestDurations.observe({ method, route }, seconds);
  }

  /** What Prometheus gets. While Redis is away, what is only known there is missing rather than old. */
  async scrape(): Promise<{ type: string; text: string }> {
    if (this.sources) await this.look(this.sources);
    return { type: this.registry.contentType, text: await this.registry.metrics() };
  }

  private async look({ ready, pulses, figures }: Sources): Promise<void> {
    const found = await ready();
    this.ready.set(found.ready ? 1 : 0);
    this.roundTrip.remove();
    if (found.ready) this.roundTrip.set(found.redisMs / 1_000);
    for (const pulse of pulses) this.feel(pulse());
    const known = found.ready ? await figures?.().catch(() => null) : null;
    this.fleet.show(known ?? null);
  }

  private feel({ crews, loops }: Pulse): void {
    for (const { kind, slots, free } of crews) {
      this.slots.set({ kind }, slots);
      this.busy.set({ kind }, slots - free);
    }
    const now = Date.now();
    for (const { name, silenceMs } of loops)
      this.progress.set({ part: name }, (now - silenceMs) / 1_000);
  }

  private counter<T extends string>(name: string, help: string, labelNames: readonly T[] = []) {
    return new Counter<T>({
      name: `andon_${name}_total`,
      help,
      labelNames,
      registers: [this.registry],
    });
  }

  private gauge<T extends string>(name: string, help: string, labelNames: readonly T[] = []) {
    return new Gauge<T>({ name: `andon_${name}`, help, labelNames, registers: [this.registry] });
  }
}
