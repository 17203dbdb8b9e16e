import { createHash } from 'node:crypto';
import type { Catalogue } from '../instructions/catalogue.js';
import { route } from '../instructions/route.js';
import type { Item } from '../queues/item.js';
import type { Endpoint, Registry } from '../queues/registry.js';
import { farSideOf, normalised } from './cause.js';

/** Failures with the same error of the same instruction at the same far side. */
export interface Cluster {
  /** The same as long as error, instruction and far side are; short enough for an address. */
  readonly key: string;
  /** The error without what differs from item to item. */
  readonly pattern: string;
  readonly instruction: string;
  /** Connector and host behind it: "http shop.example". */
  readonly farSide: string;
  /** Type of the connector; null when its channel, source or service is gone. */
  readonly connector: string | null;
  /** Oldest failure first. */
  readonly items: readonly Item[];
  readonly queues: readonly string[];
  /** When its first and its last failure was. */
  readonly since: string;
  readonly last: string;
}

/** Failed items, put together by what went wrong: the largest cluster first. */
export async function clustersOf(
  items: readonly Item[],
  registry: Registry,
  catalogue: Catalogue,
): Promise<Cluster[]> {
  const names = items.map((item) => carrierName(catalogue, item));
  const unique = [...new Set(names)];
  const endpoints = await registry.getMany(unique);
  const byName = new Map(unique.map((name, n) => [name, endpoints[n] ?? null]));
  const groups = new Map<string, { of: Of; items: Item[] }>();
  for (const [n, item] of items.entries()) {
    const name = names[n] ?? item.queue;
    const of = identify(item, byName.get(name) ?? null, name);
    const group = groups.get(of.key) ?? { of, items: [] };
    group.items.push(item);
    groups.set(of.key, group);
  }
  return [...groups.values()]
    .map(({ of, items }) => clusterOf(of, items))
    .sort((a, b) => b.items.length - a.items.length || b.last.localeCompare(a.last));
}

type Of = Pick<Cluster, 'key' | 'pattern' | 'instruction' | 'farSide' | 'connector'>;

function identify(item: Item, endpoint: Endpoint | null, name: string): Of {
  const own = [item.entity?.key ?? '', item.title];
  const pattern = normalised(item.error?.message ?? '', own);
  const farSide = farSideOf(endpoint, name);
  const parts = JSON.stringify([farSide, item.instruction, pattern]);
  const key = createHash('sha256').update(parts).digest('base64url').slice(0, 16);
  const connector = endpoint?.connector.type ?? null;
  return { key, pattern, instruction: item.instruction, farSide, connector };
}

function clusterOf(of: Of, items: readonly Item[]): Cluster {
  const oldestFirst = [...items].sort(
    (a, b) => failedAt(a).localeCompare(failedAt(b)) || a.queueId - b.queueId,
  );
  const [first, last] = [oldestFirst[0], oldestFirst.at(-1)];
  return {
    ...of,
    items: oldestFirst,
    queues: [...new Set(oldestFirst.map(({ queue }) => queue))].sort(),
    since: first ? failedAt(first) : '',
    last: last ? failedAt(last) : '',
  };
}

const failedAt = (item: Item): string => item.error?.at ?? item.enqueuedAt;

/** Who carries an item out, as the registry names it: `channel.12`, `service.fulfillment`. */
export function carrierName(
  catalogue: Catalogue,
  item: Pick<Item, 'instruction' | 'channel' | 'source' | 'queue'>,
): string {
  const entry = catalogue.get(item.instruction);
  const { channel, source } = item;
  const way = entry && route(entry, { channel: channel ?? undefined, source: source ?? undefined });
  return way && 'endpoint' in way ? way.endpoint : item.queue;
}
