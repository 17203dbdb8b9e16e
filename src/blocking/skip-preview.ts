import type { Redis } from 'ioredis';
import type { Catalogue } from '../instructions/catalogue.js';
import type { Finder } from '../queues/find.js';
import type { Item } from '../queues/item.js';
import { idsAt } from '../queues/places.js';
import type { Keys } from '../redis/keys.js';
import type { SkipScope } from './transitions.js';

/** What a skip would do, told before it is done. Between the look and the skip things may change. */
export interface SkipPreview {
  /** All that would be skipped, the item itself first. */
  readonly skips: readonly Item[];
  /** Items of the same entity that stay queued and build on what the item would have done. */
  readonly needs: readonly Item[];
  /** What would run next; null when nothing waits, and when it is not for whoever asks. */
  readonly next: Item | null;
  /** Something would run next, and it is not for whoever asks to see. */
  readonly nextHidden: boolean;
  /** The queue would not go on all the same: it is paused, or blocked by another item. */
  readonly stopped: 'paused' | 'blocked' | null;
  /** A rule would go on skipping the entity's updates until its next add. */
  readonly rule: boolean;
  /** An add or a delete would go: it is skipped only with a reason. */
  readonly needsReason: boolean;
}

interface Sight {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly finder: Finder;
  readonly catalogue: Catalogue;
}

/** How many of a queue's items the search for the next one looks at. */
const LOOK_AHEAD = 200;

/** What skipping `item` with `scope` would do. Changes nothing. @param sees whether the one who asks may see an item */
export async function previewSkip(
  sight: Sight,
  item: Item,
  scope: SkipScope,
  sees: (item: Item) => boolean,
): Promise<SkipPreview> {
  const { redis, keys, finder, catalogue } = sight;
  const barrier = (one: Item) => catalogue.get(one.instruction)?.barrier ?? 'other';
  const queued = await queuedOfEntity(finder, item);
  const upToAdd = queued.slice(0, untilAdd(queued, barrier));
  const others = scope === 'item' ? [] : scope === 'entity' ? queued : upToAdd;
  const skips = [item, ...others];
  const skipped = new Set(skips.map(({ queueId }) => queueId));
  const ahead = await idsAt(redis, keys, item.queue, 'waiting', 0, LOOK_AHEAD + others.length);
  const nextId = ahead.find((id) => !skipped.has(id));
  const next = nextId === undefined ? null : await finder.item(nextId);
  const facts = await redis.hmget(keys.line(item.queue), 'blockedBy', 'pausedAt');
  const blockedByOther = facts[0] !== null && facts[0] !== String(item.queueId);
  return {
    skips,
    needs: barrier(item) === 'add' ? upToAdd.filter((one) => !skipped.has(one.queueId)) : [],
    next: next && sees(next) ? next : null,
    nextHidden: next !== null && !sees(next),
    stopped: blockedByOther ? 'blocked' : facts[1] ? 'paused' : null,
    rule: scope === 'entity-until-add' && upToAdd.length === queued.length && item.entity !== null,
    needsReason: skips.some((one) => catalogue.isGrave(one.instruction)),
  };
}

/** How many items would go with each scope, when many are skipped at once. */
export interface SkipTotals extends Readonly<Record<SkipScope, number>> {
  /** Items that stay queued and need one of those, when only these are skipped. */
  readonly needs: number;
  /** Whether an add or a delete would go: then it is done only with a reason. */
  readonly needsReason: Readonly<Record<SkipScope, boolean>>;
}

/** Looked up at the same time. */
const AT_ONCE = 20;

/** What skipping these items would take along, in numbers. */
export async function skipTotals(
  { finder, catalogue }: Pick<Sight, 'finder' | 'catalogue'>,
  items: readonly Item[],
): Promise<SkipTotals> {
  const barrier = (one: Item) => catalogue.get(one.instruction)?.barrier ?? 'other';
  const totals = { item: 0, entity: 0, 'entity-until-add': 0, needs: 0 };
  const grave = { item: false, entity: false, 'entity-until-add': false };
  const isGrave = (one: Item) => catalogue.isGrave(one.instruction);
  const count = async (item: Item) => {
    const queued = await queuedOfEntity(finder, item);
    const upToAdd = untilAdd(queued, barrier);
    totals.item += 1;
    totals.entity += 1 + queued.length;
    totals['entity-until-add'] += 1 + upToAdd;
    if (barrier(item) === 'add') totals.needs += upToAdd;
    grave.item ||= isGrave(item);
    grave.entity ||= isGrave(item) || queued.some(isGrave);
    grave['entity-until-add'] ||= isGrave(item) || queued.slice(0, upToAdd).some(isGrave);
  };
  for (let at = 0; at < items.length; at += AT_ONCE)
    await Promise.all(items.slice(at, at + AT_ONCE).map(count));
  return { ...totals, needsReason: grave };
}

/** Those of the same client, in the order in which they would run. */
async function queuedOfEntity(finder: Finder, item: Item): Promise<Item[]> {
  if (!item.entity) return [];
  const filter = { entity: item.entity, queue: item.queue, state: 'waiting' } as const;
  const found: Item[] = [];
  for await (const one of finder.all(filter, ({ client }) => client === item.client))
    found.push(one);
  return found.filter(({ queueId }) => queueId !== item.queueId).reverse();
}

/** Where the first item that adds the entity anew stands. */
function untilAdd(items: readonly Item[], barrier: (item: Item) => string): number {
  const add = items.findIndex((one) => barrier(one) === 'add');
  return add < 0 ? items.length : add;
}
