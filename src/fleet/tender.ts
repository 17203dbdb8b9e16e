import type { Deliveries } from '../blocking/deliveries.js';
import type { Log } from '../log.js';
import type { Keys } from '../redis/keys.js';
import type { Meter } from './meter.js';
import { Routine } from './routine.js';

/** Lets go what time has freed: holds that are over, items whose worker died. Every worker does it. */
export class Tender extends Routine {
  readonly name = 'tender';
  protected readonly everyMs: number;
  private readonly deliveries: Deliveries;
  private readonly keys: Keys;
  private readonly maxDeaths: number;
  private readonly meter: Meter;

  constructor(
    deliveries: Deliveries,
    keys: Keys,
    options: { everyMs: number; maxDeaths: number },
    meter: Meter,
    log: Log,
  ) {
    super(log);
    this.meter = meter;
    this.deliveries = deliveries;
    this.keys = keys;
    this.everyMs = options.everyMs;
    this.maxDeaths = options.maxDeaths;
  }

  protected async turn(): Promise<void> {
    for (const shard of this.keys.shards) {
      const { recovered, failed } = await this.deliveries.tend(shard, this.maxDeaths);
      this.meter.recovered(recovered, failed);
      if (recovered > 0) this.log.warn({ recovered }, 'items of dead workers are back at the head');
      if (failed > 0) this.log.error({ failed }, 'items failed because their workers keep dying');
    }
  }
}
