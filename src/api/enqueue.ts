import type { Caller } from '../accounts/caller.js';
import { type Fault, InvalidInput } from '../errors.js';
import { dataSchemas } from '../instructions/data.js';
import { entityOf, titleOf } from '../instructions/entity.js';
import { route as routeOf } from '../instructions/route.js';
import type { JsonObject } from '../json.js';
import type { Accepted, Ticket } from '../queues/enqueue.js';
import { type Endpoint, endpointName } from '../queues/registry.js';
import { faultsIn } from './faults.js';
import { batchBody, type ItemInput, itemBody } from './input.js';
import { MIB, type Route, route } from './route.js';
import type { Services } from './services.js';

export function enqueueRoutes(services: Services): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/items',
      scope: 'enqueue',
      summary: 'Enqueue one item. Send an Idempotency-Key, so that sending it again is harmless.',
      status: 202,
      body: itemBody,
      async handle({ body, caller, idempotencyKey, response }) {
        const item = { ...body, idempotencyKey: idempotencyKey ?? undefined };
        const [accepted] = await check([item], [''], services, caller);
        if (!accepted) throw new Error('a checked item was lost');
        const [ticket] = await services.enqueuer.enqueue([accepted], ['']);
        if (!ticket) throw new Error('an accepted item has no ticket');
        response.location(`/v1/items/${ticket.queueId}`);
        if (ticket.replayed) response.set('Idempotent-Replayed', 'true');
        const { replayed: _, ...answer } = ticket;
        return answer;
      },
    }),
    route({
      method: 'post',
      path: '/v1/items/batch',
      scope: 'enqueue',
      summary:
        'Enqueue 1 to 1,000 items, all or none, in this order and without a stranger between.',
      status: 202,
      body: batchBody,
      bodyLimit: 10 * MIB,
      async handle({ body, caller, idempotencyKey, response }) {
        const items = body.items.map((item, n) => ({
          ...item,
          // The key of a whole batch gives each place in it a key of its own.
          idempotencyKey:
            item.idempotencyKey ?? (idempotencyKey ? `${idempotencyKey} ${n}` : undefined),
        }));
        const pointers = items.map((_, n) => `/items/${n}`);
        const accepted = await check(items, pointers, services, caller);
        // An item with a key of its own is the same request in any batch, and alone.
        const sealed = accepted.map((one, n) =>
          body.items[n]?.idempotencyKey ? one : { ...one, sealedWith: items.length },
        );
        const tickets = await services.enqueuer.enqueue(sealed);
        if (tickets.every((ticket: Ticket) => ticket.replayed)) {
          response.set('Idempotent-Replayed', 'true');
        }
        return { items: tickets };
      },
    }),
  ];
}

/** Checks and routes items. @throws InvalidInput with everything that is wrong, over all items */
async function check(
  items: readonly ItemInput[],
  pointers: readonly string[],
  services: Services,
  caller: Caller,
): Promise<Accepted[]> {
  const endpoints = await endpointsOf(items, services, caller);
  const faults: Fault[] = [];
  const accepted = items.flatMap((item, n) => {
    const result = checkOne(item, services, endpoints, caller);
    if (!Array.isArray(result)) return [result];
    faults.push(...result.map((f) => ({ ...f, pointer: `${pointers[n]}${f.pointer}` })));
    return [];
  });
  if (faults.length > 0) throw new InvalidInput(faults);
  return accepted;
}

/** Every endpoint that the items name, as far as the caller may see it. */
async function endpointsOf(
  items: readonly ItemInput[],
  { registry, catalogue }: Services,
  caller: Caller,
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

function checkOne(
  item: ItemInput,
  { catalogue }: Services,
  endpoints: ReadonlyMap<string, Endpoint>,
  caller: Caller,
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
      faults.push({ pointer: `/${kind}`, detail: `no ${kind} "${id}" is registered` });
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
  const client = clientOf(item, target, caller);
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
    idempotencyKey: item.idempotencyKey
      ? `${caller.onlyClient ?? ''} ${item.idempotencyKey}`
      : null,
  };
}

/** The client an item belongs to: that of its channel or source, else the one named, else the key's own. */
function clientOf(
  item: ItemInput,
  target: Endpoint | undefined,
  caller: Caller,
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
