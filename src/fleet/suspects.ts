import type { Claimed } from '../blocking/deliveries.js';
import type { Attempt } from './execute.js';

/** How long a suspect waits before it asks for its turn again, in milliseconds. */
const TURN_MS = 500;

/**
 * When a worker dies, every item that it was delivering may have been the reason, and each of them gets a
 * death. One more would make some of them fail: these are *suspects*. A process delivers one of them at a
 * time, and the others are not under way meanwhile, so that the last death is told to the one that died.
 */
export class Suspects {
  private readonly from: number;
  private running = false;

  /** @param maxDeaths deaths with which an item fails */
  constructor(maxDeaths: number) {
    this.from = Math.max(1, maxDeaths - 1);
  }

  /** Called when the delivery is over; null: another suspect runs in this process. */
  enter({ item }: Claimed): (() => void) | null {
    if (item.deaths < this.from) return () => {};
    if (this.running) return null;
    this.running = true;
    return () => {
      this.running = false;
    };
  }
}

/** Nothing was sent; its queue waits for a moment. */
export const notItsTurn: Attempt = {
  endpoint: null,
  outcome: {
    kind: 'rate',
    forMs: TURN_MS,
    failure: {
      message:
        'workers died while this item ran, and another such item runs now: one at a time, to find out which it is',
      cause: 'bug',
    },
  },
};
