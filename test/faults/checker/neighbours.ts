import type { Span } from './history.js';
import {
  breach,
  covered,
  type Item,
  mayHaveWorked,
  type Queue,
  type Rule,
  type Story,
  setAsideAt,
  succeeded,
} from './story.js';

/** A neighbour may wait so many times as long as when nothing is blocked, or so much longer where that is next to nothing. */
const FACTOR = 2;
const SLACK_MS = 100;
/** More of the few waits of one queue, and of the longest of all: a machine has its moods. */
const MEDIAN_SLACK_MS = 200;
const LONGEST_SLACK_MS = 1_500;
/** Fewer waits tell nothing of one queue. */
const ENOUGH = 4;

/**
 * While some queues are blocked on purpose and nothing else is done to the system, the others are picked up
 * as quickly as before: p99 over all of them, as far as their number can tell it from chance, the longest, and
 * the usual wait (the median) of each.
 */
export const neighbours: Rule = function* (story) {
  const { quiet } = story.settings;
  if (!quiet) return;
  const before = story.queues.flatMap((queue) => waitsIn(queue, quiet.before, story));
  const usual = percentile(before, 0.99);
  const limit = (slackMs: number) => Math.max(usual * FACTOR, usual + slackMs);
  const beside = new Map(
    story.queues.map((queue) => [queue, waitsIn(queue, quiet.beside, story)] as const),
  );
  const all = [...beside.values()].flat();
  if (before.length < ENOUGH || all.length === 0) return;
  const says = (what: string, ms: number) =>
    `${what} is ${Math.round(ms)} ms beside blocked queues, and p99 was ${Math.round(usual)} ms before`;
  const p99 = percentile(all, 0.99);
  const beyond = all.filter(({ ms }) => ms > limit(SLACK_MS)).length;
  if (beyond > byChance(all.length) || p99 > limit(LONGEST_SLACK_MS)) {
    const { item } = all.reduce((a, b) => (b.ms > a.ms ? b : a));
    yield breach(item, says('p99 of all waits', p99), ...item.requests, item.starts[0]);
  }
  for (const waits of beside.values()) {
    const median = percentile(waits, 0.5);
    if (waits.length < ENOUGH || median <= limit(MEDIAN_SLACK_MS)) continue;
    const { item } = waits.reduce((a, b) => (b.ms > a.ms ? b : a));
    yield breach(item, says('the usual wait', median), ...item.requests, item.starts[0]);
  }
};

/** How many of so many waits may lie beyond a limit that one in a hundred may pass: five deviations, as they come in crowds. */
const byChance = (waits: number): number => waits * 0.01 + 5 * Math.sqrt(waits * 0.01) + 1;

/** p99 of the waits before and beside blocked queues, in milliseconds; null when too few could be told from the machine's own. */
export function compared(story: Story): { beforeP99Ms: number; besideP99Ms: number } | null {
  const { quiet } = story.settings;
  if (!quiet) return null;
  const [before, beside] = [quiet.before, quiet.beside].map((span) =>
    story.queues.flatMap((queue) => waitsIn(queue, span, story)),
  ) as [Wait[], Wait[]];
  if (before.length < ENOUGH || beside.length < ENOUGH) return null;
  const p99 = (waits: readonly Wait[]) => Math.round(percentile(waits, 0.99));
  return { beforeP99Ms: p99(before), besideP99Ms: p99(beside) };
}

interface Wait {
  readonly item: Item;
  readonly from: number;
  readonly ms: number;
}

/** Waits that began in a time, less what of them Redis or a process did not get to run then: that is the machine's doing. */
function waitsIn(queue: Queue, { from, till }: Span, story: Story): Wait[] {
  const stood = [...story.lapses.locks.values()]
    .flat()
    .filter((one) => one.from < till)
    .sort((one, other) => one.from - other.from);
  return pickUps(queue, till, story)
    .filter((wait) => wait.from >= from && wait.from < till)
    .map((wait) => ({ ...wait, ms: wait.ms - covered(stood, wait.from, wait.from + wait.ms) }));
}

/**
 * Each time from which an item could have run until it did: asked for, and the one before it over. One that never
 * ran, though nothing stood before it, has waited until `till` at least.
 */
function pickUps({ blocking, items }: Queue, till: number, story: Story): Wait[] {
  let over = 0;
  return items.flatMap((item) => {
    const [first] = item.starts;
    const [request] = item.requests;
    if (!request) return [];
    const from = Math.max(request.asked, blocking ? over : 0);
    over = overAt(item);
    if (!Number.isFinite(from) || (!first && setAsideAt(item, story) < till)) return [];
    return [{ item, from, ms: Math.max(0, (first?.at ?? till) - from) }];
  });
}

/** From when the next one may run; never when it is not known to be done. */
function overAt({ starts, verbs }: Item): number {
  const last = starts.at(-1);
  const done = last && succeeded(last) ? (last.end?.at ?? 0) : Number.POSITIVE_INFINITY;
  const dealtWith = verbs
    .filter((verb) => verb.did !== 'retry' && mayHaveWorked(verb))
    .map((verb) => verb.answered);
  return dealtWith.length > 0 ? Math.min(done, Math.max(...dealtWith)) : done;
}

function percentile(waits: readonly Wait[], share: number): number {
  const sorted = waits.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
}
