import type { Became, SlotKind } from '../blocking/deliveries.js';

/** What one delivery came to, for whoever counts. */
export interface Delivered {
  readonly instruction: string;
  /** `refused`: the lock was lost meanwhile, so its result was not stored. `handed-back`: ended from inside. */
  readonly became: Became | 'refused' | 'handed-back';
  /** From the claim's turn to its outcome; null when nothing was sent. Seconds. */
  readonly seconds: number | null;
}

/** What a worker tells whoever counts. Called for every item, so it must be quick and never throw. */
export interface Meter {
  /** Items that were taken, by a crew or along with the settling of the one before. */
  claimed(kind: SlotKind, items: number): void;
  delivered(one: Delivered): void;
  lockLost(): void;
  /** A sweep found so many queues with work that nobody had announced. */
  swept(queues: number): void;
  /** Items of dead workers that are back at the head, and those that failed as they keep killing workers. */
  recovered(items: number, failed: number): void;
}

export const noMeter: Meter = {
  claimed() {},
  delivered() {},
  lockLost() {},
  swept() {},
  recovered() {},
};
