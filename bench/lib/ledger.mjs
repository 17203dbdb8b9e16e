/**
 * Watches that every item runs exactly once and in the order of its queue. A figure from a run that
 * broke this is worth nothing, so the run fails.
 */
export class Ledger {
  /** @param {number} queues @param {number} each items of a queue, numbered from 0 */
  constructor(queues, each) {
    this.each = each;
    this.total = queues * each;
    this.next = new Array(queues).fill(0);
    this.settled = 0;
    this.faults = [];
    this.allSettled = new Promise((resolve) => {
      this.resolve = resolve;
    });
    if (this.total === 0) this.resolve();
  }

  /** Item `n` of a queue begins to run. */
  begin(queue, n) {
    const due = this.next[queue];
    if (n !== due && this.faults.length < 10) {
      this.faults.push(`queue ${queue}: item ${n} ran when it was the turn of ${due}`);
    }
    this.next[queue] = n + 1;
  }

  /** An item has been stored as done. */
  settle() {
    this.settled += 1;
    if (this.settled === this.total) this.resolve();
  }

  /** Resolves when all items are done; throws when that takes too long. */
  async done(deadlineMs = 120_000) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${this.settled} of ${this.total} items done in ${deadlineMs} ms`)),
        deadlineMs,
      );
    });
    await Promise.race([this.allSettled, late]).finally(() => clearTimeout(timer));
  }

  /**
   * Waits a moment for what runs twice, then throws unless all is as it should be: what this process
   * saw, and what Redis holds.
   */
  async check(line) {
    await new Promise((wake) => setTimeout(wake, 200));
    if (this.settled !== this.total)
      this.faults.push(`${this.settled} of ${this.total} items done`);
    for (const [queue, ran] of this.next.entries()) {
      if (ran !== this.each) this.faults.push(`queue ${queue}: ${ran} of ${this.each} items ran`);
    }
    for (const [queue, { completed, left }] of (await line.counts(this.next.length)).entries()) {
      if (completed !== this.each || left !== 0) {
        this.faults.push(`queue ${queue}: ${completed} completed, ${left} left in Redis`);
      }
    }
    if (this.faults.length > 0)
      throw new Error(`wrong result: ${this.faults.slice(0, 10).join('; ')}`);
  }
}
