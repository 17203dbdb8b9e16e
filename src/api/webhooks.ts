import type { Caller } from '../accounts/caller.js';
import { urlSchema } from '../connectors/http-settings.js';
import { makeSecret } from '../connectors/signature.js';
import { Conflict, InvalidInput, NotFound } from '../errors.js';
import { isTold, takesAlerts } from '../incidents/warnings.js';
import { changeOf } from '../queues/audit-change.js';
import { MASK } from '../queues/redact.js';
import type { Webhook } from '../queues/webhooks.js';
import * as answers from './answers/webhooks.js';
import { endpointsQuery, idParams } from './input.js';
import { rotateBody, webhookBody } from './input-webhooks.js';
import { pageOf } from './page.js';
import { type Route, route } from './route.js';
import type { Services } from './services.js';

const HOUR_MS = 3_600_000;

/** Webhooks: where `send_webhook` may send events, and nowhere else. */
export function webhookRoutes(services: Services): Route[] {
  const { webhooks, audit } = services;
  const base = '/v1/webhooks';
  const body = webhookBody(
    urlSchema({ refusal: (host) => services.connectorTypes.guard.refusal(host) }),
  );
  const find = async (id: string, caller: Caller): Promise<Webhook> => {
    const webhook = await webhooks.get(id);
    if (!webhook || !sees(caller, webhook)) throw new NotFound(`there is no webhook "${id}"`);
    return webhook;
  };
  return [
    route({
      method: 'get',
      path: base,
      name: 'webhooks',
      answer: answers.webhookPage,
      scope: 'read',
      summary: 'The webhooks.',
      query: endpointsQuery,
      async handle({ query, caller }) {
        const seen = (await webhooks.list()).filter((one) => sees(caller, one));
        return pageOf(seen, (one) => one.id, query);
      },
    }),
    route({
      method: 'get',
      path: `${base}/:id`,
      name: 'webhook',
      answer: answers.oneWebhook,
      refuses: [404],
      scope: 'read',
      summary: 'One webhook.',
      params: idParams,
      handle: ({ params, caller }) => find(params.id, caller),
    }),
    route({
      method: 'put',
      path: `${base}/:id`,
      name: 'putWebhook',
      answer: answers.putWebhookAnswer,
      refuses: [404],
      scope: 'admin',
      summary:
        'Create a webhook, or set all of it anew: without client or events it has none. Its signing secret is made here and shown this once.',
      mayCreate: true,
      params: idParams,
      body,
      async handle({ params: { id }, body: given, caller, response }) {
        const before = await webhooks.get(id);
        if (before && !sees(caller, before)) throw new NotFound(`there is no webhook "${id}"`);
        const { url, description, client = null, events = null } = given;
        const webhook = {
          id,
          url,
          description,
          client,
          events,
          disabled: before?.disabled ?? null,
        };
        if (!sees(caller, webhook)) {
          const detail = 'this key may put the webhooks of its own client only';
          throw new InvalidInput([{ pointer: '/client', detail }]);
        }
        await refuseDeaf(webhook, services);
        const secret = await webhooks.put(webhook, makeSecret());
        await audit.write(caller.actor, secret ? 'create' : 'change', {
          webhook: id,
          client,
          ...changeOf(secret ? null : before, webhook),
        });
        response.status(secret ? 201 : 200);
        return secret ? { ...webhook, secret } : webhook;
      },
    }),
    route({
      method: 'post',
      path: `${base}/:id/rotate`,
      name: 'rotateWebhook',
      answer: answers.rotatedWebhook,
      refuses: [404, 409],
      scope: 'admin',
      summary: 'Make a new signing secret, shown this once; for a while the old one signs as well.',
      params: idParams,
      body: rotateBody,
      bodyOptional: true,
      async handle({ params: { id }, body: { overlapHours }, caller }) {
        const webhook = await find(id, caller);
        const secret = makeSecret();
        const until = Date.now() + overlapHours * HOUR_MS;
        if (!(await webhooks.rotate(id, secret, until)))
          throw new Conflict(`the secret of webhook "${id}" was changed by somebody else just now`);
        await audit.write(caller.actor, 'rotate', {
          webhook: id,
          client: webhook.client,
          before: { secret: MASK },
          after: { secret: `${MASK} (new)`, formerSignsUntil: new Date(until).toISOString() },
        });
        return { ...webhook, secret, formerSignsUntil: new Date(until).toISOString() };
      },
    }),
    route({
      method: 'post',
      path: `${base}/:id/enable`,
      name: 'enableWebhook',
      answer: answers.oneWebhook,
      refuses: [404, 409],
      scope: 'operate',
      summary: 'Send to a webhook again that was disabled because it answered 410 Gone.',
      params: idParams,
      async handle({ params: { id }, caller }) {
        const webhook = await find(id, caller);
        if (!(await webhooks.disable(id, null)))
          throw new Conflict(`the webhook "${id}" was changed by somebody else just now`);
        await audit.write(caller.actor, 'enable', {
          webhook: id,
          client: webhook.client,
          before: { disabled: webhook.disabled },
          after: { disabled: null },
        });
        return find(id, caller);
      },
    }),
    route({
      method: 'delete',
      path: `${base}/:id`,
      name: 'deleteWebhook',
      answer: answers.oneWebhook,
      refuses: [404],
      scope: 'admin',
      summary: 'Remove a webhook.',
      params: idParams,
      async handle({ params: { id }, caller }) {
        const webhook = await find(id, caller);
        await webhooks.delete(id);
        await audit.write(caller.actor, 'delete', {
          webhook: id,
          client: webhook.client,
          ...changeOf(webhook, null),
        });
        return webhook;
      },
    }),
  ];
}

/** Who is told of incidents here would not be told any more, and nobody would notice. */
async function refuseDeaf(webhook: Webhook, { recipients }: Services): Promise<void> {
  if (takesAlerts(webhook.events) || !isTold(await recipients.all(), webhook.id)) return;
  const detail =
    'must hold incident.opened: alerts are told to this webhook; or take it out of their recipients first';
  throw new InvalidInput([{ pointer: '/events', detail }]);
}

const sees = (caller: Caller, { id, client }: Pick<Webhook, 'id' | 'client'>): boolean =>
  caller.seesEndpoint({ kind: 'service', id, client });
