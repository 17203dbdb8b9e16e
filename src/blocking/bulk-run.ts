import type { Item } from '../queues/item.js';
import type { SkipScope } from './transitions.js';

export const bulkVerbs = ['retry', 'skip'] as const;
export type BulkVerb = (typeof bulkVerbs)[number];

/** An item as somebody saw it: when it fails anew it is another failure, which nobody has looked at. */
export interface Chosen {
  readonly queueId: number;
  readonly errorAt: string | null;
}

/** What somebody wants done with many failed items. */
export interface BulkWish {
  readonly verb: BulkVerb;
  /** In the order in which they are to run. */
  readonly chosen: readonly Chosen[];
  /** So many first; the rest only when all of these went well. 0: none. */
  readonly canary: number;
  readonly actor: string;
  readonly reason?: string | undefined;
  /** How far each skip reaches; only the item when unset. */
  readonly scope?: SkipScope | undefined;
  /** What they have in common, for those who look on. */
  readonly title: string;
}

/**
 * `done`: all that was there to do is done; `stopped`: one failed anew, or did not end in time, and the rest
 * was left; `cancelled`: by a person; `interrupted`: the process that did it has ended.
 */
export type BulkState = 'running' | 'done' | 'stopped' | 'cancelled' | 'interrupted';

/** What became of one item of a run. */
export interface BulkResult {
  /** `released`: retried or skipped, and what follows is awaited; `left`: not touched. */
  readonly kind: 'released' | 'done' | 'failed' | 'left';
  readonly say?: string | undefined;
}

export interface BulkRun extends BulkWish {
  readonly id: string;
  readonly state: BulkState;
  readonly phase: 'canary' | 'rest';
  /** Why it stands, where that is not clear from the state. */
  readonly why: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** By queue id; none for those that were not reached. */
  readonly results: ReadonlyMap<number, BulkResult>;
}

/** Items of a run that were not reached. */
export const untouched = (run: BulkRun): Chosen[] =>
  run.chosen.filter(({ queueId }) => !run.results.has(queueId));

/** First the canary, then portions that each must go well before the next is begun. */
export function portions(wish: Pick<BulkWish, 'chosen' | 'canary'>, size: number): Chosen[][] {
  const { chosen, canary } = wish;
  const first = canary > 0 ? [chosen.slice(0, canary)] : [];
  const rest: Chosen[][] = [];
  for (let at = Math.max(0, canary); at < chosen.length; at += size) {
    rest.push(chosen.slice(at, at + size));
  }
  return [...first, ...rest].filter((portion) => portion.length > 0);
}

/** Why an item is not what was chosen any more; null while it is. */
export function changedSince(chosen: Chosen, item: Item | null): string | null {
  if (!item) return 'is gone';
  if (item.state !== 'failed') return `is ${item.state} now`;
  return (item.error?.at ?? null) === chosen.errorAt ? null : 'has failed anew since it was shown';
}
