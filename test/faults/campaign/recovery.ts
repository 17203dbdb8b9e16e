import type { Line } from '../checker/history.js';
import { groupBy } from '../checker/story.js';
import type { PlannedFault } from './plan.js';

export interface DoneFault extends PlannedFault {
  readonly from: number;
  readonly till: number;
  /** Who had to come back: a place, 'redis' or 'shop'. */
  readonly subject: string;
  /** The process that stood there when it was over. */
  readonly address: string | null;
  /** The process that stood there when it began. */
  readonly before: string | null;
}

export interface Recovery {
  readonly kind: string;
  readonly times: number;
  readonly medianMs: number;
  readonly maxMs: number;
  /** Milliseconds; null where nothing was promised. */
  readonly goalMs: number | null;
  /** The longest one's beginning, on the clock of the history. */
  readonly worstAt: number;
}

/** What was promised, by the beginning of a kind's name; `lock` is added to it where it is named. */
const goals: readonly [string, number, 'lock'?][] = [
  ['worker kill, its items', 5_000, 'lock'],
  ['redis kill', 10_000],
  ['redis tail cut', 10_000],
  ['redis slow load', 10_000],
  ['link half-open', 20_000],
  ['master kill', 20_000],
  ['master kill, replicas lag', 20_000],
  ['master hang', 20_000],
  ['master steps down', 20_000],
];

/**
 * How long each fault was felt after it was lifted. Of a worker: until it delivers again. Of an API
 * process: until it accepts again. Of Redis: until something is accepted and something is delivered.
 * Of a worker's death besides: until the items it held run again. One on top of which another one of
 * Redis or of the shop came counts when it was within its goal all the same, or beyond it before; else nobody
 * could say whose time it is.
 */
export function recoveries(
  done: readonly DoneFault[],
  lines: readonly Line[],
  lockMs = 0,
): Recovery[] {
  const starts = lines
    .filter((line) => line.by === 'witness')
    .filter((line) => line.did === 'started')
    .sort((a, b) => a.at - b.at);
  const byProcess = groupBy(starts, (start) => start.process ?? '');
  const byItem = groupBy(starts, (start) => start.id);
  const broken = lines
    .filter((line) => line.by === 'witness')
    .filter((line) => line.did === 'broken')
    .sort((a, b) => a.at - b.at);
  const startOf = new Map(starts.map((start) => [start.delivery, start]));
  const wide = done.filter((one) => one.lane === 'redis' || one.lane === 'shop');
  const felt = new Map<string, { ms: number; at: number }[]>();
  const add = (one: DoneFault, kind: string, at: number, till: number | undefined) => {
    if (till === undefined) return;
    const others = wide.filter(
      (other) => other !== one && other.from < till && other.till > one.from - AFTERMATH_MS,
    );
    // Disturbed, it is no shorter than it was: within its goal it counts, and so does what was too long before.
    const undisturbed = Math.min(till, ...others.map((other) => Math.max(at, other.from)));
    const goal = goalOf(kind, lockMs);
    const within = goal !== null && till - at <= goal;
    const late = goal !== null && undisturbed - at > goal;
    if (others.length > 0 && !within && !late) return;
    const ms = Math.max(0, (late ? undisturbed : till) - at);
    felt.set(kind, [...(felt.get(kind) ?? []), { ms, at }]);
  };
  const accepted = lines
    .filter((line) => line.by === 'producer')
    .filter((line) => line.did === 'accepted')
    .sort((a, b) => a.answered - b.answered);
  const acceptedBy = groupBy(accepted, (one) => `api ${(one.place ?? -1) + 1}`);

  for (const one of done) {
    if (one.kind.startsWith('master')) {
      add(one, one.kind, one.till, one.till + longestGap(starts, one.till, one.till + GAP_MS));
    } else if (one.subject === 'redis') {
      const delivered = first(starts, (start) => start.at, one.till)?.at;
      const taken = first(accepted, (answer) => answer.answered, one.till)?.answered;
      if (delivered !== undefined && taken !== undefined)
        add(one, one.kind, one.till, Math.max(delivered, taken));
    } else if (one.subject === 'shop') {
      add(one, one.kind, one.till, first(starts, (start) => start.at, one.till)?.at);
    } else if (one.subject.startsWith('api ')) {
      add(
        one,
        one.kind,
        one.till,
        first(acceptedBy.get(one.subject) ?? [], (answer) => answer.answered, one.till)?.answered,
      );
    } else {
      add(
        one,
        one.kind,
        one.till,
        first(byProcess.get(one.address ?? '') ?? [], (s) => s.at, one.till)?.at,
      );
      if (one.kind !== 'worker kill') continue;
      // What broke in that moment and was its own.
      for (const end of broken.filter(
        (line) => line.at >= one.from - 5 && line.at <= one.from + 150,
      )) {
        const start = startOf.get(end.delivery);
        if (!start || start.process !== one.before) continue;
        const again = (byItem.get(start.id) ?? []).find((next) => next.fence > start.fence);
        add(one, 'worker kill, its items', one.from, again?.at);
      }
    }
  }
  return [...felt]
    .map(([kind, all]) => {
      const sorted = all.toSorted((a, b) => a.ms - b.ms);
      const worst = sorted.at(-1)!;
      return {
        kind,
        times: sorted.length,
        medianMs: Math.round(sorted[Math.floor(sorted.length / 2)]!.ms),
        maxMs: Math.round(worst.ms),
        goalMs: goalOf(kind, lockMs),
        worstAt: worst.at,
      };
    })
    .sort((a, b) => a.kind.localeCompare(b.kind));
}

/** Milliseconds; null where nothing was promised. */
function goalOf(kind: string, lockMs: number): number | null {
  const goal = goals.find(([name]) => kind === name);
  return goal ? goal[1] + (goal[2] ? lockMs : 0) : null;
}

/** A fault of Redis or of the shop is felt for so long after it, in milliseconds. */
const AFTERMATH_MS = 2_000;
/** For so long after a failover its effect is looked for, in milliseconds. */
const GAP_MS = 25_000;

/** The longest time without any start, in milliseconds: work that was under way may go on for a moment. */
function longestGap(starts: readonly { at: number }[], from: number, till: number): number {
  let [last, longest] = [from, 0];
  for (const { at } of starts) {
    if (at < from || at > till) continue;
    longest = Math.max(longest, at - last);
    last = at;
  }
  return longest;
}

/** The first from a time on, in a list by time. */
function first<T>(all: readonly T[], timeOf: (one: T) => number, from: number): T | undefined {
  let [low, high] = [0, all.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeOf(all[middle]!) < from) low = middle + 1;
    else high = middle;
  }
  return all[low];
}
