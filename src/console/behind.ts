import type { QueueStatus } from '../queues/status.js';

const names: Readonly<Record<string, readonly [one: string, more: string]>> = {
  sku: ['product change', 'product changes'],
  order: ['order', 'orders'],
  customer: ['customer change', 'customer changes'],
  '': ['item', 'items'],
};

/**
 * "1,204 product changes and 3 orders": what waits in a queue, told by kind where the counters agree with the
 * queue, else as a plain number. The failed item that blocks it is not among them; the head of a held queue,
 * which is late as well, is.
 * @param kinds items not dealt with by kind of entity
 * @param blockerKind the blocking item's kind of entity; null when nothing blocks
 */
export function waitingInWords(
  { counts }: QueueStatus,
  kinds: ReadonlyMap<string, number> | undefined,
  blockerKind: string | null,
): string | null {
  const waiting = counts.waiting + counts.backingOff;
  if (waiting === 0) return null;
  const byKind = new Map(kinds);
  if (blockerKind !== null) byKind.set(blockerKind, (byKind.get(blockerKind) ?? 0) - 1);
  const left = [...byKind].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
  const sum = left.reduce((total, [, count]) => total + count, 0);
  // Something runs, more has failed, or others put items in: then the kinds are not those that wait.
  if (sum !== waiting) return counted(waiting, names['']);
  const told = left.map(([kind, count]) => {
    const known = names[kind] ?? [`${kind} item`, `${kind} items`];
    return counted(count, kind === '' && left.length > 1 ? ['other item', 'other items'] : known);
  });
  const last = told.pop() ?? '';
  return told.length > 0 ? `${told.join(', ')} and ${last}` : last;
}

function counted(
  count: number,
  [one, more]: readonly [string, string] = ['item', 'items'],
): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : more}`;
}
