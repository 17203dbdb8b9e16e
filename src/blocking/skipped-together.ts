import type { Finder } from '../queues/find.js';
import type { Item } from '../queues/item.js';

/**
 * All items that one skip took, the given one among them, oldest first: those of its entity and client in
 * its queue that were skipped at the same moment by the same person. Alone when it is not skipped.
 */
export async function skippedTogether(finder: Finder, item: Item): Promise<Item[]> {
  const { entity, queue, outcome } = item;
  if (item.state !== 'skipped' || !entity) return [item];
  const found: Item[] = [];
  const filter = { entity, queue, state: 'skipped' } as const;
  for await (const one of finder.all(filter, ({ client }) => client === item.client)) {
    if (one.outcome?.['at'] === outcome?.['at'] && one.outcome?.['by'] === outcome?.['by'])
      found.push(one);
  }
  return found.reverse();
}
