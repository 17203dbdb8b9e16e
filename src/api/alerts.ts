import type { Caller } from '../accounts/caller.js';
import type { OverrideInput } from '../config/alerts-schema.js';
import { type Fault, InvalidInput, NotFound } from '../errors.js';
import { routeTo } from '../incidents/routing.js';
import { type NotificationType, notificationTypes } from '../incidents/types.js';
import {
  clientsUntold,
  overrideFaults,
  unknownEndpoints,
  unknownWebhooks,
  untoldSentence,
} from '../incidents/warnings.js';
import { changeOf } from '../queues/audit-change.js';
import { endpointName } from '../queues/registry.js';
import * as answers from './answers/alerts.js';
import { listBody, overrideBody, overrideParams, routeQuery } from './input-alerts.js';
import { type Route, route } from './route.js';
import type { Services } from './services.js';

/** Who is told of what: the top level of each client, overrides, and what a notification would do. */
export function alertRoutes(services: Services): Route[] {
  const { recipients, incidents, registry, audit, catalogue } = services;
  let known: ReadonlyMap<string, NotificationType> | null = null;
  const types = () => {
    known ??= notificationTypes(catalogue);
    return known;
  };
  const override = async (id: string, caller: Caller) => {
    const found = await recipients.override(id);
    if (!found || !caller.ownsClient(found.client))
      throw new NotFound(`there is no override "${id}"`);
    return found;
  };
  return [
    route({
      method: 'get',
      path: '/v1/alerts/types',
      name: 'notificationTypes',
      answer: answers.notificationTypePage,
      scope: 'read',
      summary: 'The notifications there are, and what each can be narrowed by.',
      handle: async () => ({ items: [...types().values()], nextCursor: null }),
    }),
    route({
      method: 'get',
      path: '/v1/alerts/recipients',
      name: 'alertLists',
      answer: answers.alertListPage,
      scope: 'read',
      summary: 'The top level of each client: who gets everything that no override takes away.',
      async handle({ caller }) {
        const { lists } = await recipients.all();
        return { items: lists.filter((one) => caller.ownsClient(one.client)), nextCursor: null };
      },
    }),
    route({
      method: 'put',
      path: '/v1/alerts/recipients',
      name: 'putAlertList',
      answer: answers.alertList,
      scope: 'admin',
      summary:
        'Set the top level of a client as a whole; without a client, of what belongs to none.',
      body: listBody,
      async handle({ body, caller }) {
        refuseStranger(caller, body.client ?? null);
        const everybody = [...body.recipients, ...(body.escalation?.recipients ?? [])];
        const faults = await unknownWebhooks(everybody, services.webhooks, (one) =>
          caller.seesEndpoint(one),
        );
        if (faults.length > 0) throw new InvalidInput(faults);
        const { lists } = await recipients.all();
        const before = lists.find((one) => one.client === (body.client ?? null)) ?? null;
        const list = await recipients.putList(body);
        await audit.write(caller.actor, 'change', {
          recipients: list.client ?? '',
          client: list.client,
          ...changeOf(before, list),
        });
        return list;
      },
    }),
    route({
      method: 'get',
      path: '/v1/alerts/overrides',
      name: 'overrides',
      answer: answers.overridePage,
      scope: 'read',
      summary: 'The overrides.',
      async handle({ caller }) {
        const { overrides } = await recipients.all();
        return {
          items: overrides.filter((one) => caller.ownsClient(one.client)),
          nextCursor: null,
        };
      },
    }),
    route({
      method: 'post',
      path: '/v1/alerts/overrides',
      name: 'createOverride',
      answer: answers.oneOverride,
      scope: 'admin',
      summary: 'Make an override: these notifications go to others than the top level.',
      status: 201,
      body: overrideBody,
      async handle({ body, caller }) {
        await check(body, types(), services, caller);
        const made = await recipients.putOverride(body);
        await audit.write(caller.actor, 'create', {
          override: made.id,
          client: made.client,
          ...changeOf(null, made),
        });
        return made;
      },
    }),
    route({
      method: 'put',
      path: '/v1/alerts/overrides/:id',
      name: 'changeOverride',
      answer: answers.oneOverride,
      refuses: [404],
      scope: 'admin',
      summary: 'Change an override, as a whole.',
      params: overrideParams,
      body: overrideBody,
      async handle({ params, body, caller }) {
        const before = await override(params.id, caller);
        await check(body, types(), services, caller);
        const changed = await recipients.putOverride(body, params.id);
        await audit.write(caller.actor, 'change', {
          override: params.id,
          client: changed.client,
          ...changeOf(before, changed),
        });
        return changed;
      },
    }),
    route({
      method: 'delete',
      path: '/v1/alerts/overrides/:id',
      name: 'deleteOverride',
      answer: answers.oneOverride,
      refuses: [404],
      scope: 'admin',
      summary: 'Remove an override: its notifications go to the top level again.',
      params: overrideParams,
      async handle({ params, caller }) {
        const removed = await override(params.id, caller);
        await recipients.deleteOverride(params.id);
        await audit.write(caller.actor, 'delete', {
          override: params.id,
          client: removed.client,
          ...changeOf(removed, null),
        });
        return removed;
      },
    }),
    route({
      method: 'get',
      path: '/v1/alerts/route',
      name: 'alertRoute',
      answer: answers.alertRoute,
      scope: 'read',
      summary:
        'Who would be told of a notification and why, and who lost it through which override.',
      query: routeQuery,
      async handle({ query, caller }) {
        if (!types().has(query.type)) throw unknownType(query.type, types());
        const [channel, source] = await registry.getMany([
          endpointName('channel', query.channel ?? ''),
          endpointName('source', query.source ?? ''),
        ]);
        const client = query.client ?? channel?.client ?? source?.client ?? null;
        refuseStranger(caller, client);
        const concern = {
          client,
          channel: query.channel ?? null,
          source: query.source ?? null,
        };
        const verdict = routeTo(await recipients.all(), [query.type], concern);
        // Who stands in belongs to another list than the client's own.
        const told = verdict.standIn && !caller.ownsClient(null) ? [] : verdict.told;
        return { ...concern, type: query.type, ...verdict, told };
      },
    }),
    route({
      method: 'get',
      path: '/v1/alerts/warnings',
      name: 'alertWarnings',
      answer: answers.alertWarningPage,
      scope: 'read',
      summary:
        'What is wrong with the alerts themselves: clients without recipients, mails that failed.',
      async handle({ caller }) {
        const untold = clientsUntold(await recipients.all(), await registry.list());
        const warnings: object[] = untold
          .filter((client) => caller.ownsClient(client))
          .map((client) => ({ type: 'no-recipients', client, detail: untoldSentence(client) }));
        const undelivered = caller.unlimited ? await incidents.undelivered() : null;
        if (undelivered) {
          const detail = `${undelivered.count} mails of the alerts could not be delivered: look at items ${undelivered.queueIds.join(', ')}`;
          warnings.push({ type: 'undelivered', ...undelivered, detail });
        }
        return { items: warnings, nextCursor: null };
      },
    }),
  ];
}

function refuseStranger(caller: Caller, client: string | null): void {
  if (caller.ownsClient(client)) return;
  const { clients, channels, sources } = caller.limits;
  const detail =
    clients && !channels && !sources
      ? `this key is limited to the clients ${clients.join(', ')}: name one of them`
      : 'this key is limited to some channels or sources';
  throw new InvalidInput([{ pointer: '/client', detail }]);
}

async function check(
  body: OverrideInput,
  types: ReadonlyMap<string, NotificationType>,
  { registry, webhooks }: Services,
  caller: Caller,
): Promise<void> {
  refuseStranger(caller, body.client ?? null);
  const faults: Fault[] = [
    ...overrideFaults(body, types),
    ...(await unknownEndpoints(body, registry, (one) => caller.seesEndpoint(one))),
    ...(await unknownWebhooks(body.recipients, webhooks, (one) => caller.seesEndpoint(one))),
  ];
  if (faults.length > 0) throw new InvalidInput(faults);
}

function unknownType(name: string, types: ReadonlyMap<string, NotificationType>): InvalidInput {
  const detail = `there is no notification "${name}"; there are ${[...types.keys()].join(', ')}`;
  return new InvalidInput([{ pointer: '/type', detail }]);
}
