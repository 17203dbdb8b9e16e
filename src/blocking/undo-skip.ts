import { Conflict } from '../errors.js';
import type { Item } from '../queues/item.js';
import { whoseElse } from '../queues/owner.js';
import type { Registry } from '../queues/registry.js';
import { isBlocking } from '../redis/keys.js';
import type { Transitions } from './transitions.js';

/**
 * Takes a skip back as `Transitions.undoSkip` does, where that would not put it into a queue that was deleted since,
 * or that is another client's by now and would be blocked by an item which nobody there may see.
 * @param items of one queue
 * @throws Conflict
 */
export async function undoSkip(
  { registry, transitions }: { registry: Registry; transitions: Transitions },
  items: readonly Item[],
  actor: string,
  reason?: string,
): Promise<void> {
  const queue = items[0]?.queue;
  if (queue !== undefined && isBlocking(queue)) {
    const [endpoint] = await registry.getMany([queue]);
    if (!endpoint) throw new Conflict(`${queue} was deleted: put it again, or send the item anew`);
    for (const item of items) {
      const whose = whoseElse(item, endpoint);
      if (whose) throw new Conflict(whose, { state: item.state });
    }
  }
  await transitions.undoSkip(items, actor, reason);
}
