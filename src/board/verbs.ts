import type { Caller } from '../accounts/caller.js';
import type { Transitions } from '../blocking/transitions.js';
import { Conflict, Forbidden, NotFound, ReasonNeeded } from '../errors.js';
import type { Finder } from '../queues/find.js';
import type { Item } from '../queues/item.js';
import type { QueueStatus } from '../queues/status.js';
import type { QueueName } from '../redis/keys.js';

/** What a verb acts on. */
export interface Act {
  readonly caller: Caller;
  /** The queue of the address, which the caller may see. @throws NotFound */
  queue(): QueueName;
  /** All queues the caller may see, as they are now. */
  queues(): Promise<QueueStatus[]>;
  /** Whether somebody may see a queue. */
  sees(caller: Caller, queue: QueueName): boolean;
  /** The item of the address, which the caller may see. @throws NotFound */
  item(): Promise<Item>;
  /** Who acts, with the rights of now: many items take a while. Null when they may act no more. */
  anew(): Promise<Caller | null>;
  /** The tab the verb was pressed on: "failed", "completed", "wait" … */
  readonly status: string;
  readonly finder: Finder;
  readonly transitions: Transitions;
}

/** One writing route of Bull Board, and what Andon does instead. */
export interface Verb {
  readonly method: 'put' | 'post' | 'patch';
  /** As Bull Board declares it; a test compares the table with the installed version. */
  readonly route: string;
  /** Does it through our transitions; answers Bull Board's body. Absent: refused. */
  readonly act?: (act: Act) => Promise<Record<string, unknown>>;
  /** Why it is refused, and what to do instead. */
  readonly refusal?: string;
}

const onQueue = '/api/queues/:queueName';
const onItem = `${onQueue}/:jobId`;

const keepsOrder = 'It would change the order in which items run, which Andon keeps.';

/** Every writing route that Bull Board 9.10 has. What is not in it is refused as well. */
export const verbs: readonly Verb[] = [
  { method: 'put', route: `${onItem}/retry`, act: retry },
  { method: 'put', route: `${onItem}/clean`, act: skip },
  { method: 'put', route: `${onItem}/promote`, act: retry },
  { method: 'put', route: `${onQueue}/retry/:queueStatus`, act: retryAll },
  { method: 'put', route: `${onQueue}/pause`, act: pause },
  { method: 'put', route: `${onQueue}/resume`, act: resume },
  { method: 'put', route: '/api/queues/pause', act: pauseAll },
  { method: 'put', route: '/api/queues/resume', act: resumeAll },
  {
    method: 'put',
    route: `${onQueue}/clean/:queueStatus`,
    refusal:
      'Andon deletes nothing here: finished items go by themselves, failed ones are retried, skipped or resolved. To skip many at once, use the console.',
  },
  {
    method: 'put',
    route: `${onQueue}/promote`,
    refusal: 'Only the head of a queue waits for its next try: press "Try now" on that item.',
  },
  {
    method: 'put',
    route: `${onQueue}/empty`,
    refusal:
      'To skip everything that waits, use Clear on the queues page of the console: it asks for a reason and leaves a record.',
  },
  {
    method: 'put',
    route: `${onQueue}/obliterate`,
    refusal:
      'A queue belongs to its channel or source. To remove it, skip what waits, then delete the channel or source.',
  },
  {
    method: 'put',
    route: `${onQueue}/concurrency`,
    refusal: 'A blocking queue runs one item at a time; that is what keeps the order.',
  },
  {
    method: 'put',
    route: `${onQueue}/rate-limit`,
    refusal: 'The rate limit is a setting of the channel or source: change it there.',
  },
  {
    method: 'put',
    route: `${onQueue}/rate-limit/release`,
    refusal: 'The rate limit is a setting of the channel or source: change it there.',
  },
  {
    method: 'post',
    route: `${onQueue}/add`,
    refusal:
      'Items come in through the API, which checks them: POST /v1/items, or npx andon enqueue.',
  },
  {
    method: 'patch',
    route: `${onItem}/update-data`,
    refusal:
      'Edit the data on the item page of the console: it is checked there, and the old data stays.',
  },
  { method: 'patch', route: `${onItem}/delay`, refusal: keepsOrder },
  { method: 'patch', route: `${onItem}/priority`, refusal: keepsOrder },
  {
    method: 'put',
    route: `${onItem}/remove-unprocessed-children`,
    refusal: 'Items of Andon have no children.',
  },
  {
    method: 'put',
    route: `${onQueue}/job-schedulers/:schedulerId/remove`,
    refusal: 'Andon has no schedulers.',
  },
  {
    method: 'patch',
    route: `${onQueue}/job-schedulers/:schedulerId`,
    refusal: 'Andon has no schedulers.',
  },
  {
    method: 'put',
    route: `${onQueue}/job-schedulers/:schedulerId/run`,
    refusal: 'Andon has no schedulers.',
  },
];

async function retry({ item, caller, transitions }: Act): Promise<Record<string, never>> {
  await transitions.retry(await item(), caller.actor);
  return {};
}

async function skip({ item, caller, transitions }: Act): Promise<Record<string, never>> {
  const found = await item();
  try {
    await transitions.skip(found, { actor: caller.actor, door: 'skipped on Bull Board' });
  } catch (error) {
    if (!(error instanceof ReasonNeeded)) throw error;
    // Its dialog has no field for one.
    throw new Conflict(
      `Skipping this add or delete needs a reason, which Bull Board cannot ask for. Nothing was skipped: skip it in the console, /items/${found.queueId}/skip.`,
    );
  }
  return {};
}

/**
 * Each retry goes to the head, so the newest is retried first: on the parallel queue too they then run
 * in the order in which they came.
 */
async function retryAll(act: Act): Promise<Record<string, unknown>> {
  if (act.status !== 'failed') throw new Conflict('only failed items can be retried', {});
  const name = act.queue();
  const failed: Item[] = [];
  const filter = { state: 'failed', queue: name } as const;
  for await (const item of act.finder.all(filter, (one) => act.caller.seesItem(one)))
    failed.push(item);
  let retried = 0;
  for (const item of failed) {
    const now = await stillActs(
      act,
      () => `${retried} of ${failed.length} items were retried, the rest is left`,
    );
    if (!now.seesItem(item)) continue;
    try {
      await act.transitions.retry(item, act.caller.actor);
      retried += 1;
    } catch (error) {
      // Somebody else dealt with it in the meantime.
      if (!(error instanceof Conflict || error instanceof NotFound)) throw error;
    }
  }
  return { retried, skipped: failed.length - retried };
}

async function pause({ queue, caller, transitions }: Act): Promise<Record<string, never>> {
  await transitions.pause(queue(), caller.actor, 'on Bull Board');
  return {};
}

async function resume({ queue, caller, transitions }: Act): Promise<Record<string, never>> {
  await transitions.resume(queue(), caller.actor);
  return {};
}

async function pauseAll(act: Act): Promise<Record<string, never>> {
  return each(
    act,
    (one) => !one.paused,
    (name) => act.transitions.pause(name, act.caller.actor, 'on Bull Board'),
  );
}

/** Lifts pauses and nothing else: blocked queues stay blocked. */
async function resumeAll(act: Act): Promise<Record<string, never>> {
  return each(
    act,
    (one) => one.paused && !one.blocked,
    (name) => act.transitions.resume(name, act.caller.actor),
  );
}

async function each(
  act: Act,
  fits: (queue: QueueStatus) => boolean,
  turn: (name: QueueName) => Promise<unknown>,
): Promise<Record<string, never>> {
  const queues = (await act.queues()).filter(fits);
  for (const [n, { name }] of queues.entries()) {
    const now = await stillActs(
      act,
      () => `${n} of ${queues.length} queues were reached, the rest is left`,
    );
    if (act.sees(now, name)) await turn(name).catch(unlessDone);
  }
  return {};
}

/** Who acts, with the rights of now. @throws Forbidden, telling how far it came, when they were taken away */
async function stillActs(act: Act, reached: () => string): Promise<Caller> {
  const now = await act.anew();
  if (!now?.may('operate')) throw new Forbidden(`you may not do this any more: ${reached()}`);
  return now;
}

function unlessDone(error: unknown): void {
  if (!(error instanceof Conflict)) throw error;
}

/** @throws Forbidden for somebody who may only look */
export function mayAct(caller: Caller): void {
  if (!caller.may('operate')) throw new Forbidden('you may look, but not retry, skip or pause');
}
