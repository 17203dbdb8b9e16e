import type { OverrideInput } from '../config/alerts-schema.js';
import type { Fault } from '../errors.js';
import { type Endpoint, endpointName, type Registry } from '../queues/registry.js';
import type { Webhook } from '../queues/webhooks.js';
import { type Routing, topLevelOf } from './routing.js';
import type { NotificationType } from './types.js';

/** Clients whose failures nobody of theirs would be told; null stands for what belongs to no client. */
export function clientsUntold(
  routing: Routing,
  endpoints: readonly Pick<Endpoint, 'kind' | 'client'>[],
): (string | null)[] {
  const clients = new Set(
    endpoints.filter((one) => one.kind !== 'service').map((one) => one.client),
  );
  return [...clients]
    .filter((client) => topLevelOf(routing, client).length === 0)
    .sort((a, b) => (a ?? '').localeCompare(b ?? ''));
}

/** The same in a sentence that says what to do. */
export function untoldSentence(client: string | null): string {
  const whose = client === null ? 'what belongs to no client' : `client ${client}`;
  const option = client === null ? '' : ` --client ${client}`;
  return `Nobody is told of failures of ${whose}: andon recipients set ADDRESS${option}`;
}

/** What is wrong with an override, pointers below it; empty when it may be stored. */
export function overrideFaults(
  { types, channels, sources }: OverrideInput,
  known: ReadonlyMap<string, NotificationType>,
): Fault[] {
  const faults: Fault[] = [];
  for (const [n, name] of types.entries()) {
    const type = known.get(name);
    if (!type) {
      const detail = `there is no notification "${name}"; there are ${[...known.keys()].join(', ')}`;
      faults.push({ pointer: `/types/${n}`, detail });
      continue;
    }
    for (const [kind, ids] of [
      ['channel', channels],
      ['source', sources],
    ] as const) {
      if (ids.length > 0 && !type.narrowedBy.includes(kind)) {
        const detail = `${name} cannot be narrowed by ${kind}: it concerns none`;
        faults.push({ pointer: `/${kind}s`, detail });
      }
    }
  }
  return faults;
}

/** Channels and sources of an override that there are not, for somebody who `sees` only some. */
export async function unknownEndpoints(
  { channels, sources }: Pick<OverrideInput, 'channels' | 'sources'>,
  registry: Pick<Registry, 'getMany'>,
  sees: (endpoint: Endpoint) => boolean,
): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const [kind, ids] of [
    ['channel', channels],
    ['source', sources],
  ] as const) {
    const found = await registry.getMany(ids.map((id) => endpointName(kind, id)));
    for (const [n, id] of ids.entries()) {
      const endpoint = found[n];
      if (!endpoint || !sees(endpoint))
        faults.push({ pointer: `/${kind}s/${n}`, detail: `no ${kind} "${id}" is registered` });
    }
  }
  return faults;
}

/** Whether a webhook that takes these events (null: all) would be told of any incident. */
export const takesAlerts = (events: readonly string[] | null): boolean =>
  events === null || events.some((name) => name.startsWith('incident.'));

const idIn = (address: string): string | undefined =>
  /^(?:webhook|slack|teams):(.+)$/.exec(address)?.[1];

/** Whether alerts are told to this webhook. */
export function isTold({ lists, overrides }: Routing, webhookId: string): boolean {
  const all = [
    ...lists.flatMap((one) => [...one.recipients, ...(one.escalation?.recipients ?? [])]),
    ...overrides.flatMap((one) => one.recipients),
  ];
  return all.some(({ address }) => idIn(address) === webhookId);
}

/** Recipients that name a webhook there is not, or that takes no alerts, for somebody who `sees` only some. */
export async function unknownWebhooks(
  recipients: readonly { readonly address: string }[],
  webhooks: { get(id: string): Promise<Pick<Webhook, 'id' | 'client' | 'events'> | null> },
  sees: (endpoint: Pick<Endpoint, 'kind' | 'id' | 'client'>) => boolean,
): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const [n, { address }] of recipients.entries()) {
    const id = idIn(address);
    if (id === undefined) continue;
    const webhook = await webhooks.get(id);
    const pointer = `/recipients/${n}`;
    if (!webhook || !sees({ kind: 'service', id, client: webhook.client })) {
      const detail = `no webhook "${id}" is registered: andon webhook put ${id} comes first`;
      faults.push({ pointer, detail });
    } else if (!takesAlerts(webhook.events)) {
      const detail = `the webhook "${id}" takes ${webhook.events?.join(', ')} only: let it take incident.opened too`;
      faults.push({ pointer, detail });
    }
  }
  return faults;
}
