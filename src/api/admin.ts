import { z } from 'zod';
import { NotFound } from '../errors.js';
import { changeOf } from '../queues/audit-change.js';
import { auditPage } from './answers/audit.js';
import * as keys from './answers/keys.js';
import type { KeyCard } from './api-keys.js';
import { auditQuery, keyBody } from './input.js';
import { type Route, route } from './route.js';
import type { Services } from './services.js';

const keyParams = z.strictObject({ id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/) });

/** What a key may do, and where. */
const grantOf = ({ id: _id, createdAt: _at, lastUsedAt: _used, ...grant }: KeyCard) => grant;

/** API keys and the audit: they reach over all clients, so no key that is limited may touch them. */
export function adminRoutes({ apiKeys, audit }: Services): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/keys',
      name: 'createKey',
      answer: keys.newKeyAnswer,
      scope: 'admin',
      unlimitedOnly: true,
      summary: 'Make an API key; it is shown whole this once.',
      status: 201,
      body: keyBody,
      async handle({ body, caller }) {
        const { key, card } = await apiKeys.create({
          scopes: body.scopes,
          description: body.description ?? '',
          client: body.client ?? null,
          channels: body.channels ?? null,
          sources: body.sources ?? null,
        });
        await audit.write(caller.actor, 'create', {
          key: card.id,
          scopes: card.scopes,
          ...changeOf(null, grantOf(card)),
        });
        return { ...card, key };
      },
    }),
    route({
      method: 'get',
      path: '/v1/keys',
      name: 'keys',
      answer: keys.keyPage,
      scope: 'admin',
      unlimitedOnly: true,
      summary: 'The API keys, without their secrets.',
      handle: async () => ({ items: await apiKeys.list(), nextCursor: null }),
    }),
    route({
      method: 'delete',
      path: '/v1/keys/:id',
      name: 'revokeKey',
      answer: keys.revokedKey,
      refuses: [404],
      scope: 'admin',
      unlimitedOnly: true,
      summary: 'Revoke an API key, at once.',
      params: keyParams,
      async handle({ params, caller }) {
        const card = (await apiKeys.list()).find(({ id }) => id === params.id);
        if (!card || !(await apiKeys.revoke(params.id)))
          throw new NotFound(`there is no key "${params.id}"`);
        await audit.write(caller.actor, 'delete', {
          key: params.id,
          ...changeOf(grantOf(card), null),
        });
        return { id: params.id, revoked: true };
      },
    }),
    route({
      method: 'get',
      path: '/v1/audit',
      name: 'audit',
      answer: auditPage,
      scope: 'admin',
      unlimitedOnly: true,
      summary: 'Who did what, newest first.',
      query: auditQuery,
      handle: ({ query }) => audit.read(query.limit, query.cursor),
    }),
  ];
}
