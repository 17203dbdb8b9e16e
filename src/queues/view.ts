import { type Catalogue, describe } from '../instructions/catalogue.js';
import { traceIdOf } from '../traces.js';
import type { Item } from './item.js';
import { type Endpoint, endpointName, type Registry } from './registry.js';
import type { QueueStatus } from './status.js';

/** An item with what it is in plain words ("Add product to Cape Shopify") and where its record can be seen. */
export type ItemView = Omit<
  Item,
  'adopted' | 'answered' | 'begun' | 'changed' | 'deaths' | 'rated' | 'trace'
> & {
  /** Where its enqueue and attempts are found in a tracing tool. */
  readonly traceId: string | null;
  readonly description: string;
  readonly recordUrl: string | null;
};

/** Items as people see them: described in the words of their channel or source, with a link to the record. */
export async function showItems(
  items: readonly Item[],
  registry: Registry,
  catalogue: Catalogue,
): Promise<ItemView[]> {
  const names = [...new Set(items.flatMap(endpointNames))];
  const found = await registry.getMany(names);
  const endpoints = new Map(names.map((name, n) => [name, found[n] ?? null]));
  return items.map((item) => {
    const endpointOf = (kind: 'channel' | 'source', id: string | null) =>
      id === null ? null : (endpoints.get(endpointName(kind, id)) ?? null);
    const channel = endpointOf('channel', item.channel);
    const source = endpointOf('source', item.source);
    const entry = catalogue.get(item.instruction);
    const {
      adopted: _,
      answered: _answered,
      deaths: _deaths,
      begun: _begun,
      changed: _c,
      rated: _rated,
      trace,
      ...shown
    } = item;
    return {
      ...shown,
      traceId: traceIdOf(trace),
      description: entry
        ? describe(entry, {
            channel: channel?.description ?? item.channel,
            source: source?.description ?? item.source,
          })
        : item.instruction,
      // An order is looked at where it was created, also when the shop it came from is known.
      recordUrl: recordUrl(item, entry?.target === 'source' ? source : (channel ?? source)),
    };
  });
}

const endpointNames = (item: Item): string[] => [
  ...(item.channel ? [endpointName('channel', item.channel)] : []),
  ...(item.source ? [endpointName('source', item.source)] : []),
];

/** Fills `{key}` and `{<field of the data>}`; no link when a field is missing. */
function recordUrl(item: Item, endpoint: Endpoint | null): string | null {
  if (!endpoint?.recordUrl) return null;
  let whole = true;
  const url = endpoint.recordUrl.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = name === 'key' ? item.entity?.key : item.data[name];
    if (typeof value === 'string' || typeof value === 'number') return encodeURIComponent(value);
    whole = false;
    return '';
  });
  return whole ? url : null;
}

/** An endpoint as the API shows it: never a secret. */
export function showEndpoint(endpoint: Endpoint): Record<string, unknown> {
  const queue = endpoint.kind === 'service' ? null : endpointName(endpoint.kind, endpoint.id);
  const { clientSince: _, ...shown } = endpoint;
  return { ...shown, queue };
}

/** A queue with the name and client of its endpoint. */
export type QueueView = QueueStatus & {
  readonly description: string;
  readonly client: string | null;
};

export function showQueue(status: QueueStatus, endpoint: Endpoint | null): QueueView {
  const description =
    endpoint?.description ?? (status.kind === 'parallel' ? 'Parallel items' : status.name);
  return { ...status, description, client: endpoint?.client ?? null };
}
