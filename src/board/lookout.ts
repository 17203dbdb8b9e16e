import type { MetricsType, QueueMetrics } from '@bull-board/api/dist/types.js';
import type { Redis } from 'ioredis';
import type { Catalogue } from '../instructions/catalogue.js';
import type { Finder } from '../queues/find.js';
import type { Item } from '../queues/item.js';
import { idsAt, type Place } from '../queues/places.js';
import type { Registry } from '../queues/registry.js';
import { type ItemView, showItems } from '../queues/view.js';
import type { Keys, QueueName } from '../redis/keys.js';

export interface LookoutParts {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly finder: Finder;
  readonly registry: Registry;
  readonly catalogue: Catalogue;
}

/** Whether whoever asks may see an item; those of others in a queue are left out. */
type Sees = (item: Item) => boolean;

/** Reads for the board what the snapshot of all queues does not hold: items, logs, throughput. */
export class Lookout {
  private readonly parts: LookoutParts;

  constructor(parts: LookoutParts) {
    this.parts = parts;
  }

  async items(
    queue: QueueName,
    place: Place,
    start: number,
    end: number,
    sees: Sees,
  ): Promise<ItemView[]> {
    const { redis, keys, finder } = this.parts;
    const ids = await idsAt(redis, keys, queue, place, start, end);
    const items = await finder.items(ids.map((id) => [queue, id]));
    return this.shown(items.filter(sees));
  }

  async item(queue: QueueName, queueId: number, sees: Sees): Promise<ItemView | null> {
    const item = await this.find(queue, queueId, sees);
    return item && ((await this.shown([item]))[0] ?? null);
  }

  /** What connectors wrote, then what people and the fleet did. */
  async logs(queue: QueueName, queueId: number, sees: Sees): Promise<string[]> {
    const item = await this.find(queue, queueId, sees);
    if (!item) return [];
    const written = await this.parts.finder.logs(item);
    return [
      ...written,
      ...item.history.map(({ at, actor, action }) => `${at} ${action} by ${actor}`),
    ];
  }

  /** As BullMQ keeps it: a number for each minute, newest first. */
  async metrics(
    queue: QueueName,
    type: MetricsType,
    start: number,
    end: number,
  ): Promise<QueueMetrics> {
    const { redis, keys } = this.parts;
    const key = keys.metrics(queue, type);
    const [meta, data, count] = await Promise.all([
      redis.hmget(key, 'count', 'prevTS', 'prevCount'),
      redis.lrange(`${key}:data`, start, end),
      redis.llen(`${key}:data`),
    ]);
    const [total, prevTS, prevCount] = meta.map(Number);
    return {
      meta: { count: total ?? 0, prevTS: prevTS ?? 0, prevCount: prevCount ?? 0 },
      data: data.map(Number),
      count,
    };
  }

  redisInfo(): Promise<string> {
    return this.parts.redis.info();
  }

  private async find(queue: QueueName, queueId: number, sees: Sees): Promise<Item | null> {
    const item = await this.parts.finder.item(queueId);
    return item?.queue === queue && sees(item) ? item : null;
  }

  private shown(items: readonly Item[]): Promise<ItemView[]> {
    return showItems(items, this.parts.registry, this.parts.catalogue);
  }
}
