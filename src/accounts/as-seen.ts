import type { Standing } from '../queues/standing.js';
import type { QueueStatus } from '../queues/status.js';
import type { Caller } from './caller.js';

/** Stands for an item that the caller may not see, where it matters that there is one. */
export const SOMEBODY_ELSES = 'an item of somebody else';

/**
 * Queues as the caller may know them. A queue may be the caller's and yet hold items of somebody else, since
 * before it changed hands: of such an item there is only that it stands in the way.
 */
export async function statusAsSeen<Status extends QueueStatus>(
  caller: Caller,
  statuses: readonly Status[],
  standing: Pick<Standing, 'glance'>,
): Promise<Status[]> {
  if (caller.unlimited) return [...statuses];
  const inTheWay = statuses.flatMap(({ blockedBy, heldBy }) =>
    [blockedBy?.queueId, heldBy].filter((id) => typeof id === 'number'),
  );
  if (inTheWay.length === 0) return [...statuses];
  const glances = await standing.glance(inTheWay);
  const isHidden = (queueId: number | null | undefined) => {
    const item = typeof queueId === 'number' ? glances.get(queueId) : undefined;
    // Of one that was removed with plain BullMQ there is nothing to tell.
    return item !== undefined && item.instruction !== '' && !caller.seesItem(item);
  };
  return statuses.map((status) => ({
    ...status,
    ...(isHidden(status.blockedBy?.queueId) ? { blockedBy: null } : {}),
    ...(isHidden(status.heldBy)
      ? { heldBy: null, heldCause: null, heldReason: `${SOMEBODY_ELSES} waits` }
      : {}),
  }));
}
