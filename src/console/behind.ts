import type { QueueStatus } from '../queues/status.js';

type Words = readonly [one: string, more: string];
/** By kind of entity. A map, as a producer may call a kind of theirs "constructor". */
const names: ReadonlyMap<string, Words> = new Map([
  ['sku', ['product change', 'product changes']],
  ['order', ['order', 'orders']],
  ['customer', ['customer change', 'customer changes']],
]);
const plain: Words = ['item', 'items'];

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
  if (sum !== waiting) return counted(waiting, plain);
  const told = left.map(([kind, count]) => {
    if (kind === '') return counted(count, left.length > 1 ? ['other item', 'other items'] : plain);
    return counted(count, names.get(kind) ?? [`${kind} item`, `${kind} items`]);
  });
  const last = told.pop() ?? '';
  return told.length > 0 ? `${told.join(', ')} and ${last}` : last;
}

function counted(count: number, [one, more]: Words): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : more}`;
}
