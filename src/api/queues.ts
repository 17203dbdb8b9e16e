import { statusAsSeen } from '../accounts/as-seen.js';
import type { Caller } from '../accounts/caller.js';
import { NotFound } from '../errors.js';
import { endpointName } from '../queues/registry.js';
import type { QueueStatus } from '../queues/status.js';
import { type QueueView, showQueue } from '../queues/view.js';
import { PARALLEL } from '../redis/keys.js';
import * as answers from './answers/queues.js';
import { clearBody, pauseBody, queueParams, queuesQuery } from './input.js';
import { pageOf } from './page.js';
import { type Route, route } from './route.js';
import type { Services } from './services.js';

export function queueRoutes(services: Services): Route[] {
  const { registry, transitions, status, standing } = services;

  /** Names of the queues the caller may see, in the order they are listed. */
  const visible = async (caller: Caller): Promise<string[]> => {
    const endpoints = (await registry.list()).filter((one) => one.kind !== 'service');
    const names = endpoints
      .filter((one) => caller.seesEndpoint(one))
      .map((one) => endpointName(one.kind, one.id));
    return caller.unlimited ? [...names, PARALLEL] : names;
  };
  const show = async (found: readonly QueueStatus[], caller: Caller) => {
    const statuses = await statusAsSeen(caller, found, standing);
    const endpoints = await registry.getMany(statuses.map((one) => one.name));
    return statuses.map((one, n) => showQueue(one, endpoints[n] ?? null));
  };
  const one = async (name: string, caller: Caller): Promise<QueueStatus> => {
    const [endpoint = null] = await registry.getMany([name]);
    const [found] = caller.seesQueue(name, endpoint) ? await status([name]) : [];
    if (!found) throw new NotFound(`there is no queue ${name}`);
    return found;
  };
  const showOne = async (name: string, caller: Caller) =>
    (await show([await one(name, caller)], caller))[0];

  return [
    route({
      method: 'get',
      path: '/v1/queues',
      name: 'queues',
      answer: answers.queuePage,
      scope: 'read',
      summary: 'The queues: state, counts, what blocks them, how old their oldest item is.',
      query: queuesQuery,
      async handle({ query, caller }) {
        const page = pageOf(await visible(caller), (name) => name, query);
        return { ...page, items: await show(await status(page.items), caller) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/queues/:name',
      name: 'queue',
      answer: answers.oneQueue,
      refuses: [404],
      scope: 'read',
      summary: 'One queue.',
      params: queueParams,
      handle: ({ params, caller }) => showOne(params.name, caller),
    }),
    route({
      method: 'post',
      path: '/v1/queues/:name/pause',
      name: 'pause',
      answer: answers.oneQueue,
      refuses: [404, 409],
      scope: 'operate',
      summary: 'Stop a queue by hand; the running item is finished.',
      params: queueParams,
      body: pauseBody,
      bodyOptional: true,
      async handle({ params, body, caller }) {
        await one(params.name, caller);
        await transitions.pause(params.name, caller.actor, body.reason);
        return showOne(params.name, caller);
      },
    }),
    route({
      method: 'post',
      path: '/v1/queues/:name/resume',
      name: 'resume',
      answer: answers.oneQueue,
      refuses: [404, 409],
      scope: 'operate',
      summary: 'Let a paused queue run again. Never lifts a block.',
      params: queueParams,
      async handle({ params, caller }) {
        await one(params.name, caller);
        await transitions.resume(params.name, caller.actor);
        return showOne(params.name, caller);
      },
    }),
    route({
      method: 'post',
      path: '/v1/queues/:name/clear',
      name: 'clear',
      answer: answers.clearedQueue,
      refuses: [404],
      scope: 'admin',
      summary: 'Skip everything that waits in a queue; a failed item stays.',
      params: queueParams,
      body: clearBody,
      async handle({ params, body, caller }) {
        const before = await one(params.name, caller);
        const { waiting, backingOff } = before.counts;
        // What comes from now on stays. A blocking queue's head waits for its next try in the queue itself.
        const inQueue = params.name === PARALLEL ? waiting : waiting + backingOff;
        const skipped = await transitions.clear(params.name, caller.actor, body.reason, inQueue);
        return { ...(await showOne(params.name, caller)), cleared: skipped };
      },
    }),
    route({
      method: 'get',
      path: '/v1/summary',
      name: 'summary',
      answer: answers.summary,
      scope: 'read',
      summary: 'Per client and queue: waiting, failed, blocked, oldest.',
      async handle({ caller }) {
        return summarise(await show(await status(await visible(caller)), caller));
      },
    }),
  ];
}

interface Line {
  readonly client: string | null;
  readonly queue: string;
  readonly description: string;
  readonly state: string;
  readonly waiting: number;
  readonly failed: number;
  readonly blocked: boolean;
  /** Class of the failure that stops the queue: of its failed head, or of what holds it. */
  readonly cause: string | null;
  /** On hold for so long that a person should look. */
  readonly overdue: boolean;
  readonly oldestWaitingAt: string | null;
}

function summarise(queues: readonly QueueView[]): unknown {
  const lines = queues.map(
    (queue): Line => ({
      client: queue.client,
      queue: queue.name,
      description: queue.description,
      state: queue.state,
      waiting: queue.counts.waiting + queue.counts.backingOff,
      failed: queue.counts.failed,
      blocked: queue.blocked,
      cause: queue.blockedBy?.cause ?? queue.heldCause,
      overdue: queue.overdue,
      oldestWaitingAt: queue.oldestWaitingAt,
    }),
  );
  const oldest = lines.flatMap((one) => one.oldestWaitingAt ?? []).sort()[0] ?? null;
  return {
    items: lines,
    totals: {
      queues: lines.length,
      blocked: lines.filter((one) => one.blocked).length,
      held: lines.filter((one) => one.state === 'held').length,
      overdue: lines.filter((one) => one.overdue).length,
      waiting: lines.reduce((sum, one) => sum + one.waiting, 0),
      failed: lines.reduce((sum, one) => sum + one.failed, 0),
      oldestWaitingAt: oldest,
    },
  };
}
