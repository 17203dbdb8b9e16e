import { z } from 'zod';
import { statusAsSeen } from '../accounts/as-seen.js';
import type { Caller } from '../accounts/caller.js';
import { NotFound } from '../errors.js';
import type { Item } from '../queues/item.js';
import type { Endpoint } from '../queues/registry.js';
import type { QueueStatus } from '../queues/status.js';
import { type ItemView, showItems } from '../queues/view.js';
import { PARALLEL } from '../redis/keys.js';
import type { ConsoleServices } from './services.js';

/** `:queueId` in the path of a page. */
export const itemParams = z.object({
  queueId: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'a queue id is a whole number')
    .transform(Number),
});

/** An item with all that its pages tell of it. */
export interface SeenItem {
  readonly item: Item;
  readonly shown: ItemView;
  /** "Add product to Cape Shopify · TSH-RED-M" */
  readonly name: string;
  readonly status: QueueStatus;
  /** Of its queue; none for the parallel queue. */
  readonly endpoint: Endpoint | null;
  /** "Cape Shopify" */
  readonly queueName: string;
}

/** The item, if there is one that the caller may see. @throws NotFound */
export async function itemFor(
  { finder }: Pick<ConsoleServices, 'finder'>,
  queueId: number,
  caller: Caller,
): Promise<Item> {
  const item = await finder.item(queueId);
  if (!item || !caller.seesItem(item)) throw new NotFound(`there is no item ${queueId}`);
  return item;
}

export async function seenItem(
  services: ConsoleServices,
  queueId: number,
  caller: Caller,
): Promise<SeenItem> {
  const { registry, catalogue } = services;
  const item = await itemFor(services, queueId, caller);
  const [[shown], [status], [endpoint = null]] = await Promise.all([
    showItems([item], registry, catalogue),
    services.status([item.queue]).then((all) => statusAsSeen(caller, all, services.standing)),
    registry.getMany([item.queue]),
  ]);
  if (!shown || !status) throw new NotFound(`there is no item ${queueId}`);
  const queueName =
    endpoint?.description ?? (item.queue === PARALLEL ? 'the parallel queue' : item.queue);
  return { item, shown, name: nameOf(shown), status, endpoint, queueName };
}

/** "Add product to Cape Shopify · TSH-RED-M" */
export const nameOf = ({ description, title }: Pick<ItemView, 'description' | 'title'>): string =>
  [description, title].filter(Boolean).join(' · ');
