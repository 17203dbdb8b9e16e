import type { Finder } from '../queues/find.js';
import type { Item } from '../queues/item.js';
import type { QueueStatus } from '../queues/status.js';
import type { BulkResult, BulkVerb } from './bulk-run.js';

/** Where it is looked up. */
export interface Sight {
  readonly finder: Finder;
  status(names: readonly string[]): Promise<QueueStatus[]>;
}

/** An item of a run that was retried or skipped. */
export interface Taken {
  readonly item: Item;
  /** Of its queue, before. */
  readonly completed: number;
}

/** What it came to. */
export interface End extends BulkResult {
  /** Another item than the one that was let go. */
  readonly by?: number;
}

/** What became of items that were let go; null where that is not known yet. */
export const becameOf = (
  sight: Sight,
  verb: BulkVerb,
  taken: readonly Taken[],
): Promise<(End | null)[]> => (verb === 'retry' ? ofRetried(sight, taken) : ofQueues(sight, taken));

async function ofRetried(
  { finder, status }: Sight,
  taken: readonly Taken[],
): Promise<(End | null)[]> {
  const found = await finder.items(taken.map(({ item }) => [item.queue, item.queueId]));
  const now = new Map(found.map((item) => [item.queueId, item]));
  const paused = await pausedOf(status, taken);
  return taken.map(({ item }) => {
    const is = now.get(item.queueId);
    // Only what was dealt with is ever removed.
    if (!is || is.state === 'completed') return { kind: 'done' };
    if (is.state === 'skipped' || is.state === 'resolved') {
      return { kind: 'done', say: `somebody has ${is.state} it` };
    }
    if (is.state === 'failed') return { kind: 'failed', say: is.error?.message ?? '' };
    const anew = is.error !== null && is.error.at !== item.error?.at;
    if (anew || is.held) {
      return { kind: 'failed', say: is.held?.reason ?? is.error?.message ?? '' };
    }
    const stands = is.state === 'waiting' && paused.has(is.queue);
    return stands ? { kind: 'released', say: 'waits, as its queue is paused' } : null;
  });
}

async function pausedOf(status: Sight['status'], taken: readonly Taken[]): Promise<Set<string>> {
  const names = [...new Set(taken.map(({ item }) => item.queue))];
  const all = await status(names);
  return new Set(all.filter(({ paused }) => paused).map(({ name }) => name));
}

/** Whether the queues of skipped items go on, or the next item fails too. */
async function ofQueues({ status }: Sight, taken: readonly Taken[]): Promise<(End | null)[]> {
  const names = [...new Set(taken.map(({ item }) => item.queue))];
  const all = new Map((await status(names)).map((one) => [one.name, one]));
  return taken.map(({ item, completed }) => {
    const queue = all.get(item.queue);
    if (queue?.mode !== 'blocking' || queue.paused) return { kind: 'done' };
    if (queue.blockedBy) {
      const { queueId, error } = queue.blockedBy;
      return { kind: 'failed', by: queueId, say: `behind the skipped one: ${error}` };
    }
    const empty = queue.counts.waiting === 0 && queue.counts.active === 0;
    const moved = queue.counts.completed > completed;
    return empty || moved || queue.heldBy !== null ? { kind: 'done' } : null;
  });
}
