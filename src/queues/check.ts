import { faultsIn } from '../config/faults.js';
import { type Fault, InvalidInput } from '../errors.js';
import type { Catalogue } from '../instructions/catalogue.js';
import { dataSchemas } from '../instructions/data.js';
import { entityOf, titleOf } from '../instructions/entity.js';
import { route as routeOf } from '../instructions/route.js';
import type { JsonObject } from '../json.js';
import type { Accepted } from './enqueue.js';
import type { NewItem } from './new-item.js';
import { type Endpoint, endpointName, type Registry } from './registry.js';
import { webhookFaults } from './webhook-check.js';
import type { Webhooks } from './webhooks.js';

/** Who asks for it: a caller of the API, or an item that causes others. What it may not see there is not. */
export interface Requester {
  /** Null is no limit. */
  readonly limits: { readonly clients: readonly string[] | null };
  /** It may enqueue for certain channels and sources only. */
  readonly targetsOnly: boolean;
  /** Whose idempotency keys it meets. No blanks. */
  readonly keySpace: string;
  /** The one client that everything it enqueues belongs to; null when there is no or more than one. */
  readonly onlyClient: string | null;
  seesClient(client: string | null): boolean;
  seesItem(item: Pick<Accepted, 'client' | 'channel' | 'source'>): boolean;
  seesEndpoint(endpoint: Pick<Endpoint, 'kind' | 'id' | 'client'>): boolean;
}

/** Where it is looked up what there is. */
export interface Books {
  readonly registry: Registry;
  readonly catalogue: Catalogue;
  /** Without them, what is for a webhook is judged when it is sent. */
  readonly webhooks?: Webhooks;
}

/** Checks and routes items. @throws InvalidInput with everything that is wrong, over all items */
export async function check(
  items: readonly NewItem[],
  pointers: readonly string[],
  books: Books,
  caller: Requester,
): Promise<Accepted[]> {
  const endpoints = await endpointsOf(items, books, caller);
  const webhooks = await webhookFaults(items, books, caller);
  const faults: Fault[] = [];
  const accepted = items.flatMap((item, n) => {
    const one = checkOne(item, books, endpoints, caller);
    const wrong = webhooks.get(n);
    const result = wrong ? [...(Array.isArray(one) ? one : []), wrong] : one;
    if (!Array.isArray(result)) return [result];
    faults.push(...result.map((f) => ({ ...f, pointer: `${pointers[n]}${f.pointer}` })));
    return [];
  });
  if (faults.length > 0) throw new InvalidInput(faults);
  return accepted;
}

/** Every endpoint that the items name, as far as the caller may see it. */
async function endpointsOf(
  items: readonly NewItem[],
  { registry, catalogue }: Books,
  caller: Requester,
): Promise<Map<string, Endpoint>> {
  const names = new Set<string>();
  for (const { instruction, channel, source } of items) {
    if (channel) names.add(endpointName('channel', channel));
    if (source) names.add(endpointName('source', source));
    const service = catalogue.get(instruction)?.service;
    if (service) names.add(endpointName('service', service));
  }
  const asked = [...names];
  const found = await registry.getMany(asked);
  return new Map(
    asked.flatMap((name, n): [string, Endpoint][] => {
      const endpoint = found[n];
      const seen = endpoint && (endpoint.kind === 'service' || caller.seesEndpoint(endpoint));
      return endpoint && seen ? [[name, endpoint]] : [];
    }),
  );
}

const notThere = (kind: 'channel' | 'source', id: string): string =>
  `no ${kind} "${id}" is registered: andon ${kind} put ${id} (or PUT /v1/${kind}s/${id}) comes first`;

function checkOne(
  item: NewItem,
  { catalogue }: Books,
  endpoints: ReadonlyMap<string, Endpoint>,
  caller: Requester,
): Accepted | Fault[] {
  const entry = catalogue.get(item.instruction);
  if (!entry) {
    return [
      {
        pointer: '/instruction',
        detail: `there is no instruction "${item.instruction}"; there are ${catalogue.names.join(', ')}`,
      },
    ];
  }
  const faults: Fault[] = [];
  const way = routeOf(entry, item);
  if ('pointer' in way) faults.push(way);
  for (const kind of ['channel', 'source'] as const) {
    const id = item[kind];
    if (id !== undefined && !endpoints.has(endpointName(kind, id)))
      faults.push({ pointer: `/${kind}`, detail: notThere(kind, id) });
  }
  if (entry.service && !endpoints.has(endpointName('service', entry.service))) {
    faults.push({
      pointer: '/instruction',
      detail: `${entry.instruction} is carried out by the service "${entry.service}", which is not registered`,
    });
  }
  faults.push(...faultsIn(dataSchemas[entry.data], item.data, '/data'));
  const data = item.data as JsonObject;
  const target = 'endpoint' in way ? endpoints.get(way.endpoint) : undefined;
  const client = caller.targetsOnly
    ? clientOfTarget(item, target, endpoints, caller)
    : clientOf(item, target, caller);
  if (typeof client === 'object' && client !== null) faults.push(client);
  if (faults.length > 0 || 'pointer' in way || (typeof client === 'object' && client !== null)) {
    return faults;
  }
  const entity = item.entity ?? entityOf(entry, data);
  return {
    queue: way.queue,
    instruction: entry.instruction,
    data,
    title: item.title ?? titleOf(entity, data),
    entity,
    barrier: entry.barrier,
    channel: item.channel ?? null,
    source: item.source ?? null,
    client,
    idempotencyKey: item.idempotencyKey ? `${caller.keySpace} ${item.idempotencyKey}` : null,
  };
}

/** The client an item belongs to: that of its channel or source, else the one named, else the key's own. */
function clientOf(
  item: NewItem,
  target: Endpoint | undefined,
  caller: Requester,
): string | null | Fault {
  const own = target?.kind === 'service' ? null : (target?.client ?? null);
  const client = own ?? item.client ?? caller.onlyClient;
  if (item.client && item.client !== client) {
    return { pointer: '/client', detail: `this ${target?.kind} belongs to client "${own}"` };
  }
  if (!caller.seesClient(client)) {
    const theirs = caller.limits.clients?.map((one) => `"${one}"`).join(', ');
    return { pointer: '/client', detail: `this key may enqueue for client ${theirs} only` };
  }
  return client;
}

/** For whom only some channels and sources are there: the client of the one that the item goes to or names. */
function clientOfTarget(
  item: NewItem,
  target: Endpoint | undefined,
  endpoints: ReadonlyMap<string, Endpoint>,
  caller: Requester,
): string | null | Fault {
  const named = (['channel', 'source'] as const).flatMap((kind) => {
    const id = item[kind];
    return (id !== undefined && endpoints.get(endpointName(kind, id))) || [];
  });
  const own = target && target.kind !== 'service' ? target : named[0];
  const client = own?.client ?? null;
  const { channel = null, source = null } = item;
  if (!own || !caller.seesItem({ client, channel, source })) {
    const detail = 'this key may enqueue for its own channels and sources only: name one of them';
    return { pointer: item.source === undefined ? '/channel' : '/source', detail };
  }
  if (item.client && item.client !== client) {
    const whose = client === null ? 'no client' : `client "${client}"`;
    return { pointer: '/client', detail: `${own.kind} "${own.id}" belongs to ${whose}` };
  }
  return client;
}
