import type { Redis } from 'ioredis';
import type { Keys, QueueName } from '../redis/keys.js';

/** Events that are read at once; beyond, the rest is skipped: that something changed is known by then. */
const MOST = 500;

/** Follows the event streams for those who only want to know which queues changed. */
export class Changes {
  private readonly redis: Redis;
  private readonly streams: readonly string[];
  private last: string[] | null = null;

  constructor(redis: Redis, keys: Keys) {
    this.redis = redis;
    this.streams = keys.shards.map((shard) => keys.ours(shard, 'events'));
  }

  /** Queues that something happened in since it was asked last; none at the first time. */
  async changed(): Promise<QueueName[]> {
    if (!this.last) {
      this.last = await Promise.all(this.streams.map((stream) => this.newest(stream)));
      return [];
    }
    const { last } = this;
    const found = new Set<QueueName>();
    for (const [n, stream] of this.streams.entries()) {
      const entries = await this.redis.xrange(stream, `(${last[n]}`, '+', 'COUNT', MOST);
      for (const [, fields] of entries) {
        const queue = fields[fields.indexOf('queue') + 1];
        if (queue) found.add(queue);
      }
      const read = entries.at(-1)?.[0];
      if (read) last[n] = entries.length === MOST ? await this.newest(stream) : read;
    }
    return [...found];
  }

  /** The next `changed` begins anew. */
  forget(): void {
    this.last = null;
  }

  private async newest(stream: string): Promise<string> {
    const [newest] = await this.redis.xrevrange(stream, '+', '-', 'COUNT', 1);
    return newest?.[0] ?? '0-0';
  }
}
