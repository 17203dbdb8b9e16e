import type { Caller } from '../accounts/caller.js';
import { Conflict, InvalidInput, NotFound, Unauthorized } from '../errors.js';
import type { Item } from '../queues/item.js';
import { showItems } from '../queues/view.js';
import * as answers from './answers/items.js';
import { bulkRetryBody, bulkSkipBody } from './input.js';
import { refuseBeyondLimits } from './items.js';
import { type Route, route } from './route.js';
import type { Services } from './services.js';

/** Nothing of a bulk is done when one of its skips would be refused. */
const ASKED =
  'is needed: there are adds or deletes among what would go, and what they leave undone stays different in the two systems. Say why it may be left, or narrow the filter; dryRun lists the items';

interface Wanted {
  readonly canary?: number | undefined;
  readonly dryRun: boolean;
  readonly [filter: string]: unknown;
}

/** The operator verbs over everything that a filter finds among the failed items. */
export function bulkRoutes(services: Services): Route[] {
  const { transitions } = services;
  return [
    route({
      method: 'post',
      path: '/v1/items/retry',
      name: 'retryMany',
      answer: answers.bulkAnswer,
      scope: 'operate',
      summary: 'Retry every failed item that fits; dryRun only lists them.',
      body: bulkRetryBody,
      handle: ({ body, caller }) =>
        inBulk(services, caller, body, (item) => transitions.retry(item, caller.actor)),
    }),
    route({
      method: 'post',
      path: '/v1/items/skip',
      name: 'skipMany',
      answer: answers.bulkAnswer,
      scope: 'operate',
      summary:
        'Skip every failed item that fits; dryRun only lists them. With an add or a delete among what would go, a reason is needed.',
      body: bulkSkipBody,
      handle: ({ body: { reason, scope, ...wanted }, caller }) =>
        inBulk(
          services,
          caller,
          wanted,
          (item) => transitions.skip(item, { actor: caller.actor, reason, scope }),
          async (chosen) => {
            refuseBeyondLimits(caller, chosen, scope);
            const { needsReason } = await services.skipTotals(reason?.trim() ? [] : chosen);
            if (needsReason[scope]) throw new InvalidInput([{ pointer: '/reason', detail: ASKED }]);
          },
        ),
    }),
  ];
}

async function inBulk(
  services: Services,
  caller: Caller,
  { canary, dryRun, ...filter }: Wanted,
  act: (item: Item) => Promise<unknown>,
  /** Asked before the first is touched. @throws what speaks against it */
  ask: (chosen: readonly Item[]) => Promise<void> = async () => {},
): Promise<unknown> {
  if (Object.values(filter).every((value) => value === undefined)) {
    const detail =
      'say which items: give a queue, an instruction, part of the error …; {"state": "failed"} means all';
    throw new InvalidInput([{ pointer: '', detail }]);
  }
  const found: Item[] = [];
  const search = { state: 'failed', ...filter } as const;
  for await (const item of services.finder.all(search, (one) => caller.seesItem(one)))
    found.push(item);
  const oldestFirst = found.reverse();
  const chosen = canary === undefined ? oldestFirst : oldestFirst.slice(0, canary);
  if (!dryRun) await ask(chosen);
  // Each goes to its queue's head, so the last one done ends up first: done newest first, they run oldest first.
  if (!dryRun)
    for (const [done, item] of [...chosen].reverse().entries()) {
      if (await mayStill(services, caller, item, done, chosen.length))
        await unlessDealtWith(() => act(item));
    }
  const now = dryRun ? chosen : await again(services, chosen);
  return {
    dryRun,
    matched: found.length,
    remaining: found.length - chosen.length,
    items: await showItems(now, services.registry, services.catalogue),
  };
}

/**
 * Many items take a while, in which a key may be revoked: what is done then is done, and the rest left.
 * @throws Unauthorized
 */
async function mayStill(
  { anew }: Services,
  caller: Caller,
  item: Item,
  done: number,
  all: number,
): Promise<boolean> {
  const now = await anew(caller);
  if (now?.may('operate')) return now.seesItem(item);
  throw new Unauthorized(
    `this key was revoked meanwhile: ${done} of ${all} items were reached, and the rest is left as it was`,
  );
}

/** Somebody else may have dealt with an item since it was found: then there is nothing to do. */
async function unlessDealtWith(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Conflict || error instanceof NotFound)) throw error;
  }
}

async function again(services: Services, items: readonly Item[]): Promise<Item[]> {
  const now: Item[] = [];
  for (const { queueId } of items) {
    const item = await services.finder.item(queueId);
    if (item) now.push(item);
  }
  return now;
}
