import type { Caller } from '../accounts/caller.js';
import { type Endpoint, endpointName } from '../queues/registry.js';
import type { QueueStatus } from '../queues/status.js';
import { PARALLEL } from '../redis/keys.js';
import type { ConsoleServices } from './services.js';

/** A queue as it is now, with its channel or source; none for the parallel queue. */
export interface SeenQueue {
  readonly status: QueueStatus;
  readonly endpoint: Endpoint | null;
}

/** The queues that somebody may see. */
export async function queuesSeenBy(
  caller: Caller,
  { registry, status }: Pick<ConsoleServices, 'registry' | 'status'>,
): Promise<SeenQueue[]> {
  const endpoints = (await registry.list()).filter(
    (one) => one.kind !== 'service' && caller.seesEndpoint(one),
  );
  const byName = new Map(endpoints.map((one) => [endpointName(one.kind, one.id), one]));
  const names = [...byName.keys(), ...(caller.unlimited ? [PARALLEL] : [])];
  const statuses = await status(names);
  return statuses.map((one) => ({ status: one, endpoint: byName.get(one.name) ?? null }));
}
