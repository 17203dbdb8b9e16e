import { breach, endedBy, type Item, type Queue, type Rule, refused } from './story.js';

/** A neighbour may wait this many times as long as when nothing is blocked. */
const FACTOR = 2;

/** While a queue is blocked, the others are picked up as quickly as ever. */
export const neighbours: Rule = function* ({ queues, settings }) {
  if (settings.baselineP99Ms === undefined) return;
  const blocks = queues.filter((queue) => queue.blocking).flatMap(blocksOf);
  for (const queue of queues) {
    const beside = spans(blocks.filter((one) => one.item.queue !== queue.name));
    const waits = pickUps(queue).filter(({ from }) => covers(beside, from));
    const worst = p99(waits.map(({ ms }) => ms));
    if (worst <= settings.baselineP99Ms * FACTOR) continue;
    const { item, ms } = waits.reduce((a, b) => (b.ms > a.ms ? b : a));
    yield breach(
      item,
      `waited ${Math.round(ms)} ms beside a blocked queue; its p99 is ${Math.round(worst)} ms`,
      ...item.requests,
      item.starts[0],
    );
  }
};

interface Span {
  readonly from: number;
  readonly till: number;
}

/** The same times as spans that do not touch, in order. */
function spans(all: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const { from, till } of all.toSorted((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last && from <= last.till)
      joined[joined.length - 1] = { from: last.from, till: Math.max(last.till, till) };
    else joined.push({ from, till });
  }
  return joined;
}

function covers(joined: readonly Span[], at: number): boolean {
  let [low, high] = [0, joined.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (joined[middle]!.from <= at) low = middle + 1;
    else high = middle;
  }
  return low > 0 && at < joined[low - 1]!.till;
}

/** Each time from which an item could have run until it did: asked for, and the one before it over. */
export function pickUps({ blocking, items }: Queue): { item: Item; from: number; ms: number }[] {
  let over = 0;
  return items.flatMap((item) => {
    const [first] = item.starts;
    const [request] = item.requests;
    const from = Math.max(request?.asked ?? 0, blocking ? over : 0);
    over = Math.max(item.starts.at(-1)?.end?.at ?? 0, ...item.verbs.map((verb) => verb.answered));
    return first && request ? [{ item, from, ms: Math.max(0, first.at - from) }] : [];
  });
}

export function p99(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
}

/** From the answer that failed an item until a person dealt with it. */
const blocksOf = ({ items }: Queue) =>
  items.flatMap((item) =>
    item.starts.filter(refused).flatMap((start) => {
      const from = start.end!.at;
      const lifted = item.verbs.find((verb) => verb.answer !== 'refused' && verb.asked >= from);
      return endedBy(start, from)
        ? [{ item, from, till: lifted?.asked ?? Number.POSITIVE_INFINITY }]
        : [];
    }),
  );
