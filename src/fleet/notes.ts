import type { Claimed, Deliveries } from '../blocking/deliveries.js';
import type { PartOfItem } from '../connectors/connector.js';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import { patiently } from './patience.js';

/** What a delivery tells while it runs: what became of its parts, and how far it is. */
export class Notes {
  private readonly claim: Claimed;
  private readonly deliveries: Deliveries;
  private readonly signal: AbortSignal;
  private readonly log: Log;
  private next: { value: unknown } | null = null;
  private writing = false;

  constructor(claim: Claimed, deliveries: Deliveries, signal: AbortSignal, log: Log) {
    this.claim = claim;
    this.deliveries = deliveries;
    this.signal = signal;
    this.log = log;
  }

  /** Resolves when it is stored; while Redis is away it waits, as long as the delivery may go on. */
  report(part: PartOfItem): Promise<void> {
    return patiently(this.signal, () => this.deliveries.report(this.claim, part));
  }

  /** Only the newest counts: what comes while one is being written replaces what waits. */
  progress(value: unknown): void {
    this.next = { value };
    if (!this.writing) void this.write();
  }

  private async write(): Promise<void> {
    this.writing = true;
    for (let now = this.next; now; now = this.next) {
      this.next = null;
      await this.deliveries
        .progress(this.claim, now.value)
        .catch((error) => this.log.warn({ error: messageOf(error) }, 'progress was not stored'));
    }
    this.writing = false;
  }
}
