import type { Redis } from 'ioredis';
import { Conflict } from '../errors.js';
import type { Keys, ShardKeys } from '../redis/keys.js';
import type { Scripts } from '../redis/script.js';

/** Why nothing starts anywhere. */
export interface FleetPause {
  /** ISO 8601. */
  readonly at: string;
  readonly by: string;
  readonly reason: string;
}

export interface FleetState {
  /** Null while the fleet runs. */
  readonly paused: FleetPause | null;
  /** Items that are being delivered now; after a pause they are finished. What a dead worker left behind is none. */
  readonly running: number;
}

/**
 * Stops and starts the whole fleet, for maintenance: one fact beside those of the queues, which every claim
 * asks. It is set shard by shard; once `pause` has answered, nothing starts in any of them.
 */
export class FleetSwitch {
  private readonly redis: Redis;
  private readonly scripts: Scripts;
  private readonly keys: Keys;

  constructor(redis: Redis, scripts: Scripts, keys: Keys) {
    this.redis = redis;
    this.scripts = scripts;
    this.keys = keys;
  }

  /** @throws Conflict when it is paused everywhere already; one that was interrupted is completed */
  async pause(actor: string, reason: string): Promise<FleetState> {
    const verdicts = await this.onAll((shard, first) =>
      this.scripts.run('fleet-pause', shard, [actor, reason, first]),
    );
    const state = await this.state();
    if (!verdicts.includes('ok')) {
      const { by, at } = state.paused ?? { by: 'somebody', at: 'just now' };
      throw new Conflict(`the fleet is paused already, by ${by} since ${at}`, { state: 'paused' });
    }
    return state;
  }

  /** Lifts no block, hold or pause of a queue. @throws Conflict when it runs everywhere */
  async resume(actor: string): Promise<FleetState> {
    const verdicts = await this.onAll((shard, first) =>
      this.scripts.run('fleet-resume', shard, [actor, first]),
    );
    if (!verdicts.includes('ok'))
      throw new Conflict('the fleet is not paused', { state: 'running' });
    return this.state();
  }

  async state(): Promise<FleetState> {
    const found = await Promise.all(
      this.keys.shards.map(async (shard) => ({
        facts: await this.redis.hgetall(this.keys.ours(shard, 'fleetPause')),
        running: await this.runningIn(shard),
      })),
    );
    const facts = found.map((one) => one.facts).find((one) => one['at'] !== undefined);
    return {
      paused: facts
        ? {
            at: new Date(Number(facts['at'])).toISOString(),
            by: facts['by'] ?? '',
            reason: facts['reason'] ?? '',
          }
        : null,
      running: found.reduce((sum, one) => sum + one.running, 0),
    };
  }

  /**
   * Deliveries whose lock still lives. One is kept in the index until a worker finds its lock over, and
   * there may be none left to look: a migration waits for a fleet that is stopped.
   */
  private async runningIn(shard: ShardKeys): Promise<number> {
    const inflight = this.keys.ours(shard, 'inflight');
    const [seconds, microseconds] = await this.redis.time();
    const now = Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
    const [alive, over] = await Promise.all([
      this.redis.zcount(inflight, `(${now}`, '+inf'),
      this.redis.zrangebyscore(inflight, '-inf', now),
    ]);
    // The index may be behind: a stock worker renews its lock alone.
    const kept = await Promise.all(
      over.map((member) => {
        const [queue = '', queueId = ''] = member.split(' ');
        return this.redis.exists(this.keys.lock(queue, queueId));
      }),
    );
    return kept.reduce((sum, one) => sum + one, alive);
  }

  /** The first word of what each shard answered. */
  private async onAll(
    ask: (shard: ShardKeys, first: 1 | 0) => Promise<unknown>,
  ): Promise<string[]> {
    const verdicts: string[] = [];
    for (const shard of this.keys.shards) {
      const [verdict] = (await ask(shard, shard.index === 0 ? 1 : 0)) as [string];
      verdicts.push(verdict);
    }
    return verdicts;
  }
}
