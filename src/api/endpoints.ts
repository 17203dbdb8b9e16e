import type { Caller } from '../accounts/caller.js';
import type { EndpointInput } from '../config/endpoint-schema.js';
import { Conflict, InvalidInput, NotFound } from '../errors.js';
import { type AuditChange, changeOf, secretsChanged } from '../queues/audit-change.js';
import type { Item } from '../queues/item.js';
import {
  type Endpoint,
  type EndpointKind,
  endpointKinds,
  endpointName,
  type SecretSettings,
} from '../queues/registry.js';
import { showEndpoint } from '../queues/view.js';
import { PARALLEL } from '../redis/keys.js';
import { isReference, type References } from '../secrets/references.js';
import * as answers from './answers/endpoints.js';
import { endpointBody, endpointsQuery, idParams } from './input.js';
import { pageOf } from './page.js';
import { type Route, route } from './route.js';
import type { Services } from './services.js';

/** Channels, sources and services: the same calls for each kind. */
export function endpointRoutes(services: Services): Route[] {
  return endpointKinds.flatMap((kind) => routesOf(kind, services));
}

function routesOf(kind: EndpointKind, services: Services): Route[] {
  const { registry, audit } = services;
  const base = `/v1/${kind}s`;
  const Kind = kind.replace(/^./, (letter) => letter.toUpperCase());
  /** Services carry out the items of all clients. */
  const unlimitedOnly = kind === 'service';
  const find = async (id: string, caller: Caller): Promise<Endpoint> => {
    const endpoint = await registry.get(kind, id);
    if (!endpoint || !caller.seesEndpoint(endpoint))
      throw new NotFound(`there is no ${kind} "${id}"`);
    return endpoint;
  };
  return [
    route({
      method: 'get',
      path: base,
      name: `${kind}s`,
      answer: answers.endpointPage,
      scope: 'read',
      summary: `The ${kind}s.`,
      query: endpointsQuery,
      async handle({ query, caller }) {
        const seen = (await registry.list(kind)).filter((one) => caller.seesEndpoint(one));
        const page = pageOf(seen, (one) => one.id, query);
        return { ...page, items: page.items.map(showEndpoint) };
      },
    }),
    route({
      method: 'get',
      path: `${base}/:id`,
      name: kind,
      answer: answers.oneEndpoint,
      refuses: [404],
      scope: 'read',
      summary: `One ${kind}.`,
      params: idParams,
      handle: async ({ params, caller }) => showEndpoint(await find(params.id, caller)),
    }),
    route({
      method: 'put',
      path: `${base}/:id`,
      name: `put${Kind}`,
      answer: answers.putEndpointAnswer,
      refuses: unlimitedOnly ? [] : [404, 409],
      scope: 'admin',
      summary: `Create a ${kind}, or set all of it anew: what is null or not given (client, recordUrl, retry …) is cleared; secrets and headers stay while the address is the same. A signing secret that is made here is shown this once.`,
      mayCreate: true,
      unlimitedOnly,
      params: idParams,
      body: endpointBody,
      async handle({ params, body, caller, response }) {
        const before = await registry.get(kind, params.id);
        if (before && !caller.seesEndpoint(before))
          throw new NotFound(`there is no ${kind} "${params.id}"`);
        if (!caller.seesEndpoint({ kind, id: params.id, client: body.client ?? null })) {
          const detail = `this key may put the ${kind}s of its own client, channels and sources only`;
          throw new InvalidInput([{ pointer: '/client', detail }]);
        }
        refuseReferences(body.connector, caller, services.references);
        if (before) await refuseWhileItsItemsAreOpen(services, before, body.client ?? null);
        const { endpoint, created, newSecret, change } = await putEndpoint(
          services,
          kind,
          params.id,
          body,
        );
        await audit.write(caller.actor, created ? 'create' : 'change', {
          endpoint: endpointName(kind, params.id),
          client: endpoint.client,
          ...change,
        });
        response.status(created ? 201 : 200);
        return { ...showEndpoint(endpoint), ...(newSecret ? { secret: newSecret } : {}) };
      },
    }),
    route({
      method: 'delete',
      path: `${base}/:id`,
      name: `delete${Kind}`,
      answer: answers.oneEndpoint,
      refuses: [404, 409],
      scope: 'admin',
      summary: `Remove a ${kind} that has no open items.`,
      unlimitedOnly,
      params: idParams,
      async handle({ params, caller }) {
        const endpoint = await find(params.id, caller);
        if (kind !== 'service') await refuseWhileInUse(services, endpoint);
        if (!(await registry.delete(kind, params.id)))
          throw new Conflict(`the ${kind} "${params.id}" is built in and stays`);
        await audit.write(caller.actor, 'delete', {
          endpoint: endpointName(kind, params.id),
          client: endpoint.client,
          ...changeOf(settingsOf(endpoint), null),
        });
        return showEndpoint(endpoint);
      },
    }),
  ];
}

/**
 * Settings may name secrets that stand elsewhere. What is named is sent to the address in the same
 * settings, so a key of one client must not name what may be another's.
 */
function refuseReferences(
  connector: EndpointInput['connector'],
  caller: Caller,
  references: References,
): void {
  const faults = textsAt(connector).flatMap(([pointer, text]) => {
    if (!isReference(text)) return [];
    const detail = caller.unlimited
      ? references.refusal(text)
      : 'only a key that is limited to no client may name secrets as env: or file:';
    return detail ? [{ pointer: `/connector${pointer}`, detail }] : [];
  });
  if (faults.length > 0) throw new InvalidInput(faults);
}

function textsAt(value: unknown, at = ''): [string, string][] {
  if (typeof value === 'string') return [[at, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) =>
    textsAt(one, `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`),
  );
}

/**
 * Stores an endpoint, its connector's settings checked by the connector's type and the secret ones
 * kept apart. A signing secret is made at the first time. What is not given again stays, headers and
 * a module's secrets only as long as the far side is the same: a token must not travel elsewhere unasked.
 */
export async function putEndpoint(
  { registry, connectorTypes }: Pick<Services, 'registry' | 'connectorTypes'>,
  kind: EndpointKind,
  id: string,
  input: EndpointInput,
): Promise<{
  endpoint: Endpoint;
  created: boolean;
  newSecret: string | null;
  change: AuditChange;
}> {
  const type = connectorTypes.get(input.connector.type);
  const whole = await registry.whole(kind, id);
  const before = whole?.secrets ?? {};
  const former = whole?.endpoint ?? null;
  const kept = keptSecrets(before, former, input);
  const settings = type.parse({ ...kept, ...input.connector }) as Record<string, unknown>;
  const secrets = Object.fromEntries(type.secrets.map((name) => [name, settings[name]]));
  const shown = Object.entries(settings).filter(([name]) => !type.secrets.includes(name));
  const client = input.client ?? null;
  const clientSince = former && former.client === client ? former.clientSince : Date.now();
  const endpoint: Endpoint = {
    kind,
    id,
    description: input.description,
    client,
    ...(clientSince !== undefined && { clientSince }),
    connector: { ...Object.fromEntries(shown), type: type.type },
    retry: input.retry ?? null,
    rateLimit: input.rateLimit ?? null,
    resendUnknown: input.resendUnknown ?? false,
    recordUrl: input.recordUrl ?? null,
  };
  const created = await registry.put(endpoint, secrets);
  const secret = secrets['secret'];
  const made =
    typeof secret === 'string' && secret !== before['secret'] && !input.connector['secret'];
  return {
    endpoint,
    created,
    newSecret: made ? secret : null,
    change: changeBetween(created ? null : former, endpoint, secretsChanged(before, secrets)),
  };
}

/** What the audit keeps of it; that a secret changed as well, and of no secret what it is. */
function changeBetween(
  before: Endpoint | null,
  after: Endpoint,
  secrets: ReturnType<typeof secretsChanged>,
): AuditChange {
  const whole = (endpoint: Endpoint, marks: Record<string, string>) => {
    const { connector, ...rest } = settingsOf(endpoint);
    return { ...rest, connector: { ...connector, ...marks } };
  };
  return changeOf(before && whole(before, secrets.before), whole(after, secrets.after));
}

const settingsOf = ({ kind: _kind, id: _id, clientSince: _since, ...settings }: Endpoint) =>
  settings;

function keptSecrets(
  before: SecretSettings,
  endpoint: Endpoint | null,
  { connector }: EndpointInput,
): SecretSettings {
  const sameFarSide =
    endpoint?.connector.type === connector.type &&
    endpoint.connector['path'] === connector['path'] &&
    originOf(endpoint.connector['url']) === originOf(connector['url']);
  if (sameFarSide) return before;
  return before['secret'] === undefined ? {} : { secret: before['secret'] };
}

const originOf = (url: unknown): string | null =>
  typeof url === 'string' && URL.canParse(url) ? new URL(url).origin : null;

/**
 * Items stay those of the client that they were enqueued for: given to another one meanwhile, the queue would
 * hold what its people may not see, and the new far side would be sent it.
 */
async function refuseWhileItsItemsAreOpen(
  services: Services,
  { kind, id, client }: Endpoint,
  next: string | null,
): Promise<void> {
  if (kind === 'service' || client === next) return;
  const name = endpointName(kind, id);
  const { open, counts } = await openItems(services, name);
  const parallel = await services.finder.search(
    { queue: PARALLEL },
    1,
    undefined,
    (item) => item[kind] === id && !isSettled(item),
  );
  if (open === 0 && parallel.items.length === 0) return;
  const whose = client === null ? 'no client' : `client "${client}"`;
  const what = open > 0 ? `${open} open items` : 'open items on the parallel queue';
  throw new Conflict(
    `${name} belongs to ${whose} and has ${what}: let them run, or skip or clear them, before it changes hands`,
    { counts },
  );
}

const isSettled = ({ state }: Item): boolean =>
  state === 'completed' || state === 'skipped' || state === 'resolved';

async function openItems(services: Services, name: string) {
  const [status] = await services.status([name]);
  if (!status) return { open: 0, counts: null };
  const { waiting, active, backingOff, failed } = status.counts;
  return { open: waiting + active + backingOff + failed, counts: status.counts };
}

async function refuseWhileInUse(services: Services, endpoint: Endpoint): Promise<void> {
  const name = endpointName(endpoint.kind, endpoint.id);
  const { open, counts } = await openItems(services, name);
  if (open > 0) {
    throw new Conflict(
      `${name} has ${open} open items: let them run, or skip or clear them first`,
      { counts },
    );
  }
}
