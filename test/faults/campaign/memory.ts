import type { Place } from './processes.js';
import type { Store } from './store.js';

/** Who needed how much at most, in MB. */
export interface Memory {
  readonly who: string;
  readonly maxMb: number;
}

const EVERY_MS = 2_000;

/** Looks at what every process needs, and Redis, all the time. */
export class Memories {
  private readonly most = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;
  private looking = false;

  constructor(places: readonly Place[], store: Store) {
    this.timer = setInterval(async () => {
      for (const place of places) this.note(place.role, place.memory());
      this.note('campaign', Math.round(process.memoryUsage.rss() / 1e6));
      if (this.looking) return;
      this.looking = true;
      await this.lookAt(store).catch(() => {}); // one that is away is asked again soon
      this.looking = false;
    }, EVERY_MS);
  }

  private async lookAt(store: Store): Promise<void> {
    for (const master of await store.masters())
      this.note('redis', Math.round(Number(await master.info('used_memory')) / 1e6));
  }

  private note(who: string, mb: number): void {
    if (mb > (this.most.get(who) ?? 0)) this.most.set(who, mb);
  }

  get all(): Memory[] {
    return [...this.most].map(([who, maxMb]) => ({ who, maxMb }));
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
