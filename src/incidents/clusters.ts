import { createHash } from 'node:crypto';
import type { Catalogue } from '../instructions/catalogue.js';
import { route } from '../instructions/route.js';
import type { Failure } from '../queues/failures.js';
import type { Item } from '../queues/item.js';
import type { Registry } from '../queues/registry.js';
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
  readonly items: readonly Failure[];
  readonly queues: readonly string[];
  /** When its first and its last failure was. */
  readonly since: string;
  readonly last: string;
}

/** Failed items, put together by what went wrong: the largest cluster first. */
export async function clustersOf(
  failures: readonly Failure[],
  registry: Registry,
  catalogue: Catalogue,
): Promise<Cluster[]> {
  const names = failures.map((one) => carrierName(catalogue, one));
  const unique = [...new Set(names)];
  const endpoints = await registry.getMany(unique);
  const farSides = new Map(
    unique.map((name, n) => {
      const endpoint = endpoints[n] ?? null;
      return [
        name,
        { farSide: farSideOf(endpoint, name), connector: endpoint?.connector.type ?? null },
      ];
    }),
  );
  const groups = new Map<string, { of: Of; items: Failure[] }>();
  for (const [n, failure] of failures.entries()) {
    const name = names[n] ?? failure.queue;
    const of = identify(failure, farSides.get(name) ?? { farSide: name, connector: null });
    const same = JSON.stringify([of.farSide, of.instruction, of.pattern]);
    const group = groups.get(same);
    if (group) group.items.push(failure);
    else groups.set(same, { of, items: [failure] });
  }
  return [...groups]
    .map(([same, { of, items }]) => clusterOf(same, of, items))
    .sort((a, b) => b.items.length - a.items.length || (a.last < b.last ? 1 : -1));
}

type Of = Pick<Cluster, 'pattern' | 'instruction' | 'farSide' | 'connector'>;

function identify(
  { instruction, title, entity, error }: Failure,
  behind: Pick<Cluster, 'farSide' | 'connector'>,
): Of {
  return { instruction, pattern: normalised(error.message, [entity?.key ?? '', title]), ...behind };
}

function clusterOf(same: string, of: Of, failures: readonly Failure[]): Cluster {
  const items = [...failures].sort((a, b) => a.at - b.at || a.queueId - b.queueId);
  return {
    ...of,
    key: createHash('sha256').update(same).digest('base64url').slice(0, 16),
    items,
    queues: [...new Set(items.map(({ queue }) => queue))].sort(),
    since: new Date(items[0]?.at ?? 0).toISOString(),
    last: new Date(items.at(-1)?.at ?? 0).toISOString(),
  };
}

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
