import type { Caller } from '../accounts/caller.js';
import { edited } from '../blocking/edit.js';
import type { SkipScope } from '../blocking/transitions.js';
import { undoSkip } from '../blocking/undo-skip.js';
import { Forbidden, NotFound } from '../errors.js';
import type { JsonObject } from '../json.js';
import type { Item } from '../queues/item.js';
import { showItems } from '../queues/view.js';
import * as answers from './answers/items.js';
import { editBody, queueIdParams, resolveBody, searchQuery, skipBody, undoBody } from './input.js';
import { type Route, route } from './route.js';
import type { Services } from './services.js';

export function itemRoutes(services: Services): Route[] {
  const { finder, transitions, registry, catalogue } = services;
  const show = async (queueId: number, caller: Caller) => {
    const item = await itemFor(services, queueId, caller);
    const [shown] = await showItems([item], registry, catalogue);
    return { ...shown, logs: await finder.logs(item) };
  };
  const preview = async (item: Item, scope: SkipScope, caller: Caller) => {
    const { skips, needs, next, ...rest } = await services.previewSkip(item, scope, (one) =>
      caller.seesItem(one),
    );
    const shown = (items: readonly Item[]) => showItems(items, registry, catalogue);
    return {
      dryRun: true,
      ...rest,
      skips: await shown(skips),
      needs: await shown(needs),
      next: next && (await shown([next]))[0],
    };
  };
  return [
    route({
      method: 'get',
      path: '/v1/items',
      name: 'search',
      answer: answers.itemPage,
      scope: 'read',
      summary: 'Search items, newest first.',
      query: searchQuery,
      async handle({ query: { limit, cursor, ...filter }, caller }) {
        const before = cursor === undefined ? undefined : Number(cursor);
        const page = await finder.search(filter, limit, before, (item) => caller.seesItem(item));
        return { ...page, items: await showItems(page.items, registry, catalogue) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/items/:queueId',
      name: 'item',
      answer: answers.oneItem,
      refuses: [404],
      scope: 'read',
      summary: 'One item: state, error, data, log and history.',
      params: queueIdParams,
      handle: ({ params, caller }) => show(params.queueId, caller),
    }),
    route({
      method: 'patch',
      path: '/v1/items/:queueId',
      name: 'edit',
      answer: answers.oneItem,
      refuses: [404, 409],
      scope: 'operate',
      summary: 'Change the data of a waiting or failed item; the old data stays in its history.',
      params: queueIdParams,
      body: editBody,
      async handle({ params, body, caller }) {
        const item = await itemFor(services, params.queueId, caller);
        await transitions.edit(item, {
          actor: caller.actor,
          ...edited(catalogue, item, body.data as JsonObject),
        });
        return show(params.queueId, caller);
      },
    }),
    route({
      method: 'post',
      path: '/v1/items/:queueId/retry',
      name: 'retry',
      answer: answers.oneItem,
      refuses: [404, 409],
      scope: 'operate',
      summary: 'Run a failed item again, before everything behind it.',
      params: queueIdParams,
      async handle({ params, caller }) {
        await transitions.retry(await itemFor(services, params.queueId, caller), caller.actor);
        return show(params.queueId, caller);
      },
    }),
    route({
      method: 'post',
      path: '/v1/items/:queueId/skip',
      name: 'skip',
      answer: answers.skipAnswer,
      refuses: [404, 409],
      scope: 'operate',
      summary:
        'Leave a failed item undone and let its queue go on. An add or a delete is skipped with a reason only.',
      params: queueIdParams,
      body: skipBody,
      bodyOptional: true,
      async handle({ params, body, caller }) {
        const item = await itemFor(services, params.queueId, caller);
        const { dryRun, ...request } = body;
        refuseBeyondLimits(caller, [item], request.scope);
        if (dryRun) return preview(item, request.scope ?? 'item', caller);
        const skipped = await transitions.skip(item, {
          ...request,
          actor: caller.actor,
          until: body.until ? new Date(body.until) : undefined,
        });
        return { ...(await show(params.queueId, caller)), skippedIds: skipped };
      },
    }),
    route({
      method: 'post',
      path: '/v1/items/:queueId/undo-skip',
      name: 'undoSkip',
      answer: answers.oneItem,
      refuses: [404, 409],
      scope: 'operate',
      summary: 'Take a skip back, while nothing newer of its entity has run.',
      params: queueIdParams,
      body: undoBody,
      bodyOptional: true,
      async handle({ params, body, caller }) {
        const item = await itemFor(services, params.queueId, caller);
        await undoSkip(services, [item], caller.actor, body.reason);
        return show(params.queueId, caller);
      },
    }),
    route({
      method: 'post',
      path: '/v1/items/:queueId/resolve',
      name: 'resolve',
      answer: answers.oneItem,
      refuses: [404, 409],
      scope: 'operate',
      summary: 'Record that a failed item was put right by hand, under a reference.',
      params: queueIdParams,
      body: resolveBody,
      bodyOptional: true,
      async handle({ params, body, caller }) {
        const item = await itemFor(services, params.queueId, caller);
        await transitions.resolve(item, { ...body, actor: caller.actor });
        return show(params.queueId, caller);
      },
    }),
  ];
}

/** A scope may take more than is seen: on the parallel queue, all that a client has of an entity. @throws Forbidden */
export function refuseBeyondLimits(
  caller: Caller,
  items: readonly Item[],
  scope: SkipScope = 'item',
): void {
  const beyond = scope === 'item' ? undefined : items.find((item) => !caller.ownsEntityOf(item));
  if (beyond)
    throw new Forbidden(
      `item ${beyond.queueId} is on the parallel queue, where the scope ${scope} takes items of its whole client: a key for some of its channels or sources may skip the item only`,
    );
}

/** The item, if there is one that the caller may see. @throws NotFound */
async function itemFor(services: Services, queueId: number, caller: Caller): Promise<Item> {
  const item = await services.finder.item(queueId);
  if (!item || !caller.seesItem(item)) throw new NotFound(`there is no item ${queueId}`);
  return item;
}
