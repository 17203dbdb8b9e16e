import { type Endpoint, endpointName, type Registry } from '../queues/registry.js';
import type { QueueStatus } from '../queues/status.js';
import { type QueueView, showQueue } from '../queues/view.js';
import { PARALLEL, type QueueName } from '../redis/keys.js';

/** A queue as the board lists it; its endpoint is null for the parallel queue. */
export interface Listed {
  readonly view: QueueView;
  readonly endpoint: Endpoint | null;
}

/** How old what the board shows may be, in milliseconds: one look at Redis serves everybody who polls. */
const FRESH_MS = 1_000;

/** All queues as they were a moment ago, read in one go however many there are. */
export class Snapshot {
  private readonly registry: Registry;
  private readonly status: (names: readonly string[]) => Promise<QueueStatus[]>;
  private taken: { at: number; queues: Promise<ReadonlyMap<QueueName, Listed>> } | null = null;

  constructor(registry: Registry, status: (names: readonly string[]) => Promise<QueueStatus[]>) {
    this.registry = registry;
    this.status = status;
  }

  queues(): Promise<ReadonlyMap<QueueName, Listed>> {
    const now = performance.now();
    if (!this.taken || now - this.taken.at > FRESH_MS) {
      const queues = this.take();
      const taken = { at: now, queues };
      this.taken = taken;
      queues.catch(() => {
        // The next look tries again; whoever waits for this one gets the error.
        if (this.taken === taken) this.taken = null;
      });
    }
    return this.taken.queues;
  }

  /** Somebody changed something: the next look is a new one. */
  forget(): void {
    this.taken = null;
  }

  private async take(): Promise<ReadonlyMap<QueueName, Listed>> {
    const endpoints = (await this.registry.list()).filter((one) => one.kind !== 'service');
    const names = [...endpoints.map((one) => endpointName(one.kind, one.id)), PARALLEL];
    const statuses = await this.status(names);
    return new Map(
      statuses.map((status, n) => {
        const endpoint = endpoints[n] ?? null;
        return [status.name, { view: showQueue(status, endpoint), endpoint }];
      }),
    );
  }
}
