import type { Verb } from './history.js';
import {
  answerMayBeLost,
  breach,
  byStart,
  type Delivery,
  endedBy,
  type Item,
  lockMayBeLost,
  mayBeClaimedBefore,
  mayBeUndone,
  mayHaveWorked,
  type Queue,
  type Rule,
  refused,
  type Story,
  sentTwice,
  setAsideAt,
  succeeded,
  undoneBy,
} from './story.js';

/** First starts follow the order of acceptance: none is passed over unless a person set it aside. */
export const order: Rule = function* (story) {
  for (const { item, start, other, last } of meetings(story)) {
    if (!last) yield breach(item, `started before ${other.name}`, ...other.requests, start);
  }
};

/** One delivery at a time; only who lost the lock may be overlapped, by the same item's higher fence. */
export const overlap: Rule = function* (story) {
  for (const { item, start, other, last } of meetings(story)) {
    if (last && !endedBy(last, start.at))
      yield breach(item, `started while ${other.name} ran`, last, start);
  }
  for (const { item, before, start } of restarts(story)) {
    if (endedBy(before, start.at) || mayBeUndone(before, start, story)) continue;
    if (!lockMayBeLost(before, start, story))
      yield breach(item, 'started twice, although no lock can have been lost', before, start);
  }
};

const TAKEN = ['active', 'backing-off'];

/** Behind an item that did not succeed nothing starts, nor itself again, until a person dealt with it. */
export const block: Rule = function* (story) {
  for (const { item, start, other, last } of meetings(story)) {
    if (last && endedBy(last, start.at))
      yield breach(item, `started behind ${other.name}, which is not done`, last, start);
  }
  const used = new Set<Verb>();
  for (const { item, before, start } of restarts(story)) {
    if (!refused(before) || !endedBy(before, start.at)) continue;
    const retry = item.verbs.find(
      (verb) =>
        verb.did === 'retry' &&
        mayHaveWorked(verb) &&
        !used.has(verb) &&
        verb.asked <= start.at &&
        (verb.answer === 'unknown' || verb.answered >= before.end!.at),
    );
    if (retry) used.add(retry);
    else if (!excused(before, start, story))
      yield breach(item, 'started again although nobody retried it', before, start);
  }
  for (const { blocking, items } of story.queues) {
    const failed = items.filter((item) => item.ends.at(-1)?.state === 'failed');
    if (blocking && failed[1])
      yield breach(failed[1], `failed behind ${failed[0]!.name}`, ...failed.flatMap((x) => x.ends));
    // One that was taken and never sent, the witness has not seen.
    const taken = items.find(
      ({ id, ends }) => failed[0] && id > failed[0].id && TAKEN.includes(ends.at(-1)?.state ?? ''),
    );
    if (blocking && taken)
      yield breach(taken, `was taken behind ${failed[0]!.name}`, ...failed[0]!.ends, ...taken.ends);
  }
};

/** Nothing after a recorded success, nor after a person set the item aside. */
export const again: Rule = function* (story) {
  const startsOf = new Map(
    story.queues.filter((one) => one.blocking).map((queue) => [queue.name, inOrder(queue)]),
  );
  for (const { item, before, start } of restarts(story)) {
    if (!succeeded(before) || !endedBy(before, start.at)) continue;
    if (undoneInItsTurn(item, before, start, startsOf.get(item.queue) ?? [], story)) continue;
    const since = firstOther(startsOf.get(item.queue) ?? [], item, before.end!.at, start.at);
    // The queue went on, so the success was written down; or the lock cannot have been lost so soon.
    if (since)
      yield breach(item, 'started again after its success', before, before.end, since, start);
    else if (!excused(before, start, story))
      yield breach(item, 'started again right after its success', before, before.end, start);
  }
  for (const item of story.items) {
    const aside = item.verbs.find((verb) => verb.did !== 'retry' && verb.answer === 'done');
    const late = aside && item.starts.find((start) => start.at > aside.answered);
    if (late) yield breach(item, `started after its ${aside.did}`, aside, late);
  }
};

/**
 * A master was lost that alone knew of it, and its heir ran it again before anything that comes after it: once the
 * heir has gone on, it knew.
 */
const undoneInItsTurn = (
  item: Item,
  before: Delivery,
  start: Delivery,
  starts: readonly { item: Item; start: Delivery }[],
  story: Story,
): boolean =>
  undoneBy(before, start, story).some(
    ({ till }) =>
      !starts.some(
        (later) =>
          later.item.id > item.id &&
          later.start.at > till &&
          later.start.at < start.at &&
          !mayBeClaimedBefore(till, later.start, story.lapses),
      ),
  );

/** It lost its lock, or never heard the answer. */
const excused = (before: Delivery, start: Delivery, story: Story): boolean =>
  lockMayBeLost(before, start, story) ||
  mayBeUndone(before, start, story) ||
  sentTwice(before, start, story) ||
  (start.fence > before.fence && answerMayBeLost(before, story));

/** The first start of another item from one time on and before another. */
function firstOther(
  starts: readonly { item: Item; start: Delivery }[],
  item: Item,
  from: number,
  till: number,
): Delivery | undefined {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle]!.start.at < from) low = middle + 1;
    else high = middle;
  }
  for (; low < starts.length && starts[low]!.start.at < till; low += 1)
    if (starts[low]!.item !== item) return starts[low]!.start;
  return undefined;
}

interface Meeting {
  readonly item: Item;
  readonly start: Delivery;
  /** An item that should have kept it from starting. */
  readonly other: Item;
  /** The other's valid delivery at that time; none when it never started. */
  readonly last: Delivery | undefined;
}

const found = new WeakMap<Story, Meeting[]>();

/** Every start in a blocking queue, with each other item that stood in its way; each of these once. */
function meetings(story: Story): readonly Meeting[] {
  const before = found.get(story);
  if (before) return before;
  const all = [...meet(story)];
  found.set(story, all);
  return all;
}

function* meet(story: Story): Generator<Meeting> {
  for (const queue of story.queues.filter((one) => one.blocking)) {
    const inTheWay = new Set<Item>();
    let next = 0;
    for (const { item, start } of inOrder(queue)) {
      for (; queue.items[next] && queue.items[next]!.id < item.id; next += 1)
        if (!mayBeLost(queue.items[next]!)) inTheWay.add(queue.items[next]!);
      const putBack: Item[] = [];
      for (const other of inTheWay) {
        if (other === item) continue;
        inTheWay.delete(other);
        const last = lastBefore(other, start);
        if (setAsideAt(other, story) <= start.at) {
          // What still runs cannot be set aside, unless it was lost.
          if (last && !endedBy(last, start.at) && !lockMayBeLost(last, start, story))
            yield { item, start, other, last };
          continue;
        }
        if (last && other.id > item.id && mayBeUndone(last, start, story)) {
          // The queue was put back to before the other had run: it will run again, in its turn.
          if (!succeeded(last)) putBack.push(other);
          continue;
        }
        if (!last || !succeeded(last) || !endedBy(last, start.at))
          yield { item, start, other, last };
      }
      for (const other of [...putBack, item]) inTheWay.add(other);
    }
  }
}

/** It was accepted without a promise that it outlives a failover, and it did not. */
const mayBeLost = (item: Item): boolean =>
  item.deliveries.length + item.ends.length === 0 && item.requests.every((one) => !one.durable);

const inOrder = ({ items }: Queue): { item: Item; start: Delivery }[] =>
  items
    .flatMap((item) => item.starts.map((start) => ({ item, start })))
    .sort((a, b) => byStart(a.start, b.start));

const lastBefore = (item: Item, start: Delivery): Delivery | undefined =>
  item.starts.findLast((one) => byStart(one, start) < 0);

/** Each start of an item but the first, with the one before it. */
function* restarts({ items }: Story) {
  for (const item of items) {
    for (const [n, start] of item.starts.entries()) {
      const before = item.starts[n - 1];
      if (before) yield { item, before, start };
    }
  }
}
