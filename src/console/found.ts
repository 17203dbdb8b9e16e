import type { Caller } from '../accounts/caller.js';
import type { Entity } from '../instructions/entity.js';
import { type Endpoint, endpointName } from '../queues/registry.js';
import { type ItemView, showItems } from '../queues/view.js';
import { PARALLEL } from '../redis/keys.js';
import type { ConsoleServices } from './services.js';

/** What of each group is shown at most. */
export const SHOWN = 20;
/** Failed items, and items that came last, that are looked at. */
export const FAILED_LOOKED = 20_000;
export const NEWEST_LOOKED = 5_000;
/** Entities beginning with a text that are looked through for those that somebody sees, at most. */
const ENTITIES_LOOKED = 500;

export interface Found {
  readonly item: ItemView | null;
  readonly entities: readonly Entity[];
  readonly queues: readonly FoundQueue[];
  /** Failed items with that text in their error or instruction, newest first. */
  readonly failures: Group;
  /** Of the items that came last, those with that text in title or instruction. */
  readonly newest: Group;
}

export interface FoundQueue {
  readonly name: string;
  readonly endpoint: Endpoint | null;
}

interface Group {
  readonly items: readonly ItemView[];
  /** How many fit; more than are shown. */
  readonly fit: number;
  readonly looked: number;
}

/** Everything that one text may mean and that the caller sees. */
export async function find(
  text: string,
  caller: Caller,
  services: ConsoleServices,
): Promise<Found> {
  const { seeker } = services;
  const [item, entities, queues, failures, newest] = await Promise.all([
    byId(text, caller, services),
    entitiesFor(text, caller, services),
    queuesFor(text, caller, services),
    seeker.failures(text, FAILED_LOOKED).then((one) => grouped(one, caller, services)),
    seeker.newest(text, NEWEST_LOOKED).then((one) => grouped(one, caller, services)),
  ]);
  return { item, entities, queues, failures, newest };
}

async function byId(
  text: string,
  caller: Caller,
  { finder, registry, catalogue }: ConsoleServices,
): Promise<ItemView | null> {
  const digits = /^#?([1-9]\d{0,14})$/.exec(text)?.[1];
  const item = digits === undefined ? null : await finder.item(Number(digits));
  if (!item || !caller.seesItem(item)) return null;
  return (await showItems([item], registry, catalogue))[0] ?? null;
}

/** "TSH", "sku:TSH": by how the key begins, of that kind where one is named. */
async function entitiesFor(
  text: string,
  caller: Caller,
  services: ConsoleServices,
): Promise<Entity[]> {
  const { seeker } = services;
  const [, kind, key] = /^([a-z]+):\s*(.+)$/.exec(text) ?? [];
  const found: Entity[] = [];
  const seekAll = async (begins: string, only?: string) => {
    for (let at = 0; at < ENTITIES_LOOKED && found.length < SHOWN; at += SHOWN) {
      const page = await seeker.entities(begins, at, SHOWN);
      const fit = page.filter((one) => only === undefined || one.kind === only);
      const seen = await Promise.all(fit.map((one) => seesEntity(one, caller, services)));
      found.push(...fit.filter((_, n) => seen[n]));
      if (page.length < SHOWN) return;
    }
  };
  await seekAll(text);
  if (kind !== undefined && key !== undefined) await seekAll(key, kind);
  return found.slice(0, SHOWN);
}

/** An entity exists for those who see one of its newest items. */
async function seesEntity(
  entity: Entity,
  caller: Caller,
  { seeker, standing }: ConsoleServices,
): Promise<boolean> {
  if (caller.unlimited) return true;
  const glances = await standing.glance(await seeker.itemsOf(entity, 50));
  return [...glances.values()].some((one) => caller.seesItem(one));
}

async function queuesFor(
  text: string,
  caller: Caller,
  { registry }: ConsoleServices,
): Promise<FoundQueue[]> {
  const wanted = text.toLowerCase();
  const fits = (...words: (string | null)[]) =>
    words.some((word) => word?.toLowerCase().includes(wanted));
  const found: FoundQueue[] = (await registry.list())
    .filter((one) => one.kind !== 'service' && caller.seesEndpoint(one))
    .map((endpoint) => ({ name: endpointName(endpoint.kind, endpoint.id), endpoint }))
    .filter(({ name, endpoint }) => fits(name, endpoint.description, endpoint.client));
  if (caller.unlimited && fits(PARALLEL)) found.push({ name: PARALLEL, endpoint: null });
  // The one whose id or name is exactly that comes first.
  const exact = ({ name, endpoint }: FoundQueue) =>
    [name, endpoint?.id, endpoint?.description].some((word) => word?.toLowerCase() === wanted);
  return [...found.filter(exact), ...found.filter((one) => !exact(one))];
}

async function grouped(
  sifted: { readonly queueIds: readonly number[]; readonly looked: number },
  caller: Caller,
  { standing, finder, registry, catalogue }: ConsoleServices,
): Promise<Group> {
  const glances = caller.unlimited ? null : await standing.glance(sifted.queueIds);
  const seen = sifted.queueIds.filter((id) => {
    const one = glances?.get(id);
    return glances === null || (one !== undefined && caller.seesItem(one));
  });
  const shown = seen.slice(0, SHOWN);
  const where = glances ?? (await standing.glance(shown));
  const items = await finder.items(
    shown.flatMap((id): [string, number][] => {
      const queue = where.get(id)?.queue;
      return queue ? [[queue, id]] : [];
    }),
  );
  return {
    items: await showItems(items, registry, catalogue),
    fit: seen.length,
    looked: sifted.looked,
  };
}
