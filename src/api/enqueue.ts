import { check } from '../queues/check.js';
import type { Ticket } from '../queues/enqueue.js';
import * as answers from './answers/items.js';
import { batchBody, itemBody } from './input.js';
import { MIB, type Route, route } from './route.js';
import type { Services } from './services.js';

export function enqueueRoutes(services: Services): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/items',
      name: 'enqueue',
      answer: answers.accepted,
      takesKey: true,
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
        response.locals['queueId'] = ticket.queueId;
        if (ticket.replayed) response.set('Idempotent-Replayed', 'true');
        const { replayed: _, ...answer } = ticket;
        return answer;
      },
    }),
    route({
      method: 'post',
      path: '/v1/items/batch',
      name: 'enqueueBatch',
      answer: answers.acceptedBatch,
      takesKey: true,
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
        response.locals['queueId'] = tickets.map((ticket) => ticket.queueId);
        if (tickets.every((ticket: Ticket) => ticket.replayed)) {
          response.set('Idempotent-Replayed', 'true');
        }
        return { items: tickets };
      },
    }),
  ];
}
