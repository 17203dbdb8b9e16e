/**
 * A history: what three writers who do not know of each other wrote down, and how everything ended.
 * One JSON object a line. Times are milliseconds of the one monotonic clock of the machine.
 */
export type Line = Started | Answered | Broken | Enqueued | Verb | Ended;

/** The witness, a shop of ours, was asked to carry an item out. */
export interface Started {
  readonly by: 'witness';
  readonly did: 'started';
  readonly at: number;
  /** Ties what follows to this line. */
  readonly delivery: number;
  readonly queue: string;
  readonly id: number;
  /** What the producer calls it; carried in the data, so the product has no say in it. */
  readonly item: string;
  readonly key: string;
  readonly attempt: number;
  readonly fence: number;
}

/** It answered. */
export interface Answered {
  readonly by: 'witness';
  readonly did: 'answered';
  readonly at: number;
  readonly delivery: number;
  readonly status: number;
}

/** The worker hung up before there was an answer. */
export interface Broken {
  readonly by: 'witness';
  readonly did: 'broken';
  readonly at: number;
  readonly delivery: number;
}

/** A producer asked for an item to be queued. */
export interface Enqueued {
  readonly by: 'producer';
  readonly did: 'accepted' | 'refused' | 'unknown';
  readonly asked: number;
  readonly answered: number;
  readonly queue: string;
  readonly item: string;
  /** Asking again under the same key must not queue it again. */
  readonly idempotencyKey: string | null;
  /** Items of one request, in its order. */
  readonly batch: string | null;
  /** Whether the answer promised that the item outlives the loss of a Redis. */
  readonly durable: boolean;
  /** The number it was accepted under: these grow in the order of acceptance. Null unless accepted. */
  readonly id: number | null;
}

/** An operator dealt with an item; `unknown` may have worked, at once or later. */
export interface Verb {
  readonly by: 'operator';
  readonly did: 'retry' | 'skip' | 'resolve';
  readonly asked: number;
  readonly answered: number;
  readonly answer: 'done' | 'refused' | 'unknown';
  readonly queue: string;
  readonly id: number;
}

/** Where an item was found when all was over. */
export interface Ended {
  readonly by: 'end';
  readonly queue: string;
  readonly id: number;
  readonly item: string;
  readonly state: string;
}

/** What is known of the system beforehand. */
export interface Settings {
  /** A living worker loses no item sooner. */
  readonly lockMs: number;
  /** An item that this many workers died of fails without an answer. */
  readonly maxDeaths?: number;
  /** Queues whose items run side by side. */
  readonly parallel?: readonly string[];
  /** Pick-up of an item when nothing is blocked; without it neighbours are not judged. */
  readonly baselineP99Ms?: number;
}

export const toText = (lines: readonly Line[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('');

export const fromText = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
