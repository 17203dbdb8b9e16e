import { now } from './clock.js';

/** What a campaign is to reach; it goes on until it has all of it, or its time is over. */
export interface Aims {
  readonly deliveries: number;
  readonly faults: number;
}

/** How far a campaign has come. */
export class Extent {
  deliveries = 0;
  faults = 0;
  private readonly ms: number;
  private readonly aims: Aims | null;
  private struck = Number.POSITIVE_INFINITY;

  /** @param ms how long faults are made, at most */
  constructor(ms: number, aims: Aims | null) {
    this.ms = ms;
    this.aims = aims;
  }

  /** The faults begin. */
  begin(): void {
    this.struck = now();
  }

  /** From 0 to 1, when it is over. */
  get share(): number {
    const time = Math.max(0, (now() - this.struck) / this.ms);
    if (!this.aims) return Math.min(1, time);
    const { deliveries, faults } = this.aims;
    return Math.min(
      1,
      Math.max(time, Math.min(reached(this.deliveries, deliveries), reached(this.faults, faults))),
    );
  }

  get over(): boolean {
    return this.share >= 1;
  }
}

const reached = (n: number, of: number): number => (of === 0 ? 1 : n / of);
