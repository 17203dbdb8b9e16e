import type { Redis } from 'ioredis';
import type { Config } from './config/load.js';
import type { Part } from './lifecycle.js';
import type { Log } from './log.js';
import { HealthServer } from './observability/health-server.js';
import { Readiness, type Standstill } from './observability/readiness.js';
import type { Keys } from './redis/keys.js';

/**
 * What a process tells about itself. Its port opens before Redis is there and closes last: whoever
 * probes the process finds it alive while it waits, and not ready while it ends.
 */
export class Observation implements Part {
  readonly name = 'observation';
  readonly readiness = new Readiness();
  private readonly server: HealthServer | null;

  constructor(config: Config, version: string, log: Log) {
    const answers = {
      version,
      ready: () => this.readiness.look(),
      metrics: () => this.metrics(),
    };
    this.server = config.health && new HealthServer(answers, config.health, log);
  }

  /** Where the health port listens, once it does. */
  get url(): string | null {
    return this.server?.url ?? null;
  }

  async start(): Promise<void> {
    await this.server?.start();
  }

  /** The roles run: from now on the process is ready whenever Redis is, and its parts get on. */
  open(redis: Redis, keys: Keys, standstills: readonly Standstill[]): void {
    const write = async () => {
      await redis.set(keys.registry.probe, Date.now(), 'PX', 60_000);
    };
    this.readiness.open({ write, standstills });
  }

  /** The process is about to end, and still answers. */
  close(): void {
    this.readiness.close();
  }

  async stop(): Promise<void> {
    await this.server?.stop();
  }

  async metrics(): Promise<{ type: string; text: string }> {
    return { type: 'text/plain; version=0.0.4; charset=utf-8', text: '' };
  }
}
