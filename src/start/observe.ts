import { createRequire } from 'node:module';
import type { Redis } from 'ioredis';
import type { Config } from '../config/load.js';
import type { Part } from '../lifecycle.js';
import type { Log } from '../log.js';
import { type Figures, readFigures } from '../observability/figures.js';
import { HealthServer } from '../observability/health-server.js';
import { Metrics, type Pulse } from '../observability/metrics.js';
import { PresenceKeeper } from '../observability/presence-keeper.js';
import { Readiness, type Standstill } from '../observability/readiness.js';
import type { Keys } from '../redis/keys.js';
import { Presence } from '../redis/presence.js';
import { Scripts } from '../redis/script.js';
import { Tracing } from './tracing.js';

const bullmq = (createRequire(import.meta.url)('bullmq/package.json') as { version: string })
  .version;

export interface ObservationOptions {
  readonly version: string;
  readonly roles: readonly string[];
  readonly instructions: ReadonlySet<string>;
  readonly log: Log;
}

/** A part of this process that should get on. */
export interface Observed {
  readonly standstill: Standstill;
  readonly pulse: () => Pulse;
}

/**
 * What a process tells about itself. Its port opens before Redis is there and closes last: whoever
 * probes the process finds it alive while it waits, and not ready while it ends.
 */
export class Observation implements Part {
  readonly name = 'observation';
  readonly readiness = new Readiness();
  readonly metrics: Metrics;
  private readonly config: Config;
  private readonly options: ObservationOptions;
  private readonly server: HealthServer | null;
  private readonly tracing: Tracing | null;
  private presence: PresenceKeeper | null = null;

  constructor(config: Config, options: ObservationOptions) {
    this.config = config;
    this.options = options;
    this.metrics = new Metrics({ ...options, bullmq });
    this.tracing = config.tracing ? new Tracing(options) : null;
    const answers = {
      version: options.version,
      ready: () => this.readiness.look(),
      metrics: () => this.metrics.scrape(),
    };
    this.server = config.health && new HealthServer(answers, config.health, options.log);
  }

  /** Where the health port listens, once it does. */
  get url(): string | null {
    return this.server?.url ?? null;
  }

  async start(): Promise<void> {
    this.metrics.start();
    await this.tracing?.start();
    await this.server?.start();
  }

  /** The roles run: from now on the process is ready whenever Redis is, and its parts get on. */
  async open(redis: Redis, keys: Keys, observed: readonly Observed[]): Promise<void> {
    const write = async () => {
      await redis.set(keys.registry.probe, Date.now(), 'PX', 60_000);
    };
    this.readiness.open({ write, standstills: observed.map((one) => one.standstill) });
    this.metrics.open({
      ready: () => this.readiness.look(),
      pulses: observed.map((one) => one.pulse),
      ...(this.tellsOfAll && { figures: this.figuresFrom(redis, keys) }),
    });
    this.presence = new PresenceKeeper(new Presence(redis, keys), this.options, this.options.log);
    await this.presence.start();
  }

  /** Workers come and go by the dozen; what is the same everywhere is told by the others. */
  private get tellsOfAll(): boolean {
    return this.options.roles.some((role) => role !== 'worker');
  }

  private figuresFrom(redis: Redis, keys: Keys): () => Promise<Figures> {
    const scripts = new Scripts(redis, keys);
    const holdGraceMs = this.config.file.hold.graceMs;
    return () => readFigures({ redis, scripts, keys, holdGraceMs });
  }

  /** The process is about to end, and still answers. */
  close(): void {
    this.readiness.close();
  }

  /** While Redis is there still: this process is no more. */
  async leave(): Promise<void> {
    await this.presence?.stop();
  }

  async stop(): Promise<void> {
    await this.server?.stop();
    await this.tracing?.stop();
    this.metrics.stop();
  }
}
