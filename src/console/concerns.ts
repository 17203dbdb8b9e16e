import { SOMEBODY_ELSES, statusAsSeen } from '../accounts/as-seen.js';
import type { Caller } from '../accounts/caller.js';
import { describe } from '../instructions/catalogue.js';
import type { Entity } from '../instructions/entity.js';
import { endpointName } from '../queues/registry.js';
import type { Glance } from '../queues/standing.js';
import type { QueueStatus } from '../queues/status.js';
import { PARALLEL } from '../redis/keys.js';
import type { ConsoleServices } from './services.js';

export const concernKinds = ['blocked', 'failed', 'held', 'paused'] as const;
export type ConcernKind = (typeof concernKinds)[number];

/** One thing that somebody should know of: a failed item, an item on hold, or a queue that was paused. */
export interface Concern {
  /** Stays the same as long as the matter does. */
  readonly key: string;
  readonly kind: ConcernKind;
  /** ISO 8601. */
  readonly since: string;
  readonly queue: string;
  readonly queueName: string;
  readonly queueId: number | null;
  /** "Add product to Cape Shopify" */
  readonly what: string;
  readonly instruction: string;
  readonly title: string;
  readonly entity: Entity | null;
  readonly client: string | null;
  readonly error: string;
  readonly cause: string | null;
  /** Null for an item of the parallel queue: it stops nothing. */
  readonly status: QueueStatus | null;
}

export interface ConcernFilter {
  readonly client?: string | undefined;
  readonly cause?: string | undefined;
  readonly kind?: ConcernKind | undefined;
  /** In what it is, its queue, queue id, key or error; capitals or not. */
  readonly text?: string | undefined;
}

export interface Concerns {
  readonly all: readonly Concern[];
  /** Failed items that were not looked at, since there are so many. */
  readonly unread: number;
}

/** Failed items that are shown at most, and looked through for those that one may see. */
const SHOWN = 2_000;
const LOOKED_THROUGH = 20_000;

type Parts = Pick<ConsoleServices, 'standing' | 'status' | 'registry' | 'catalogue'>;

/** Everything over all queues that needs somebody and that the caller may see, the newest first. */
export async function concernsOf(caller: Caller, parts: Parts): Promise<Concerns> {
  const { standing, status, registry } = parts;
  const [stopped, held, failedCount] = await Promise.all([
    standing.queues(),
    standing.held(),
    standing.countFailed(),
  ]);
  const names = [...new Set([...stopped, ...held.map((one) => one.queue)])].filter(isQueue);
  const endpoints = await registry.getMany(names);
  const seen = names.filter((name, n) => caller.seesQueue(name, endpoints[n] ?? null));
  const known = await statusAsSeen(caller, await status(seen), standing);
  const statuses = new Map(known.map((one) => [one.name, one]));

  const blockers = [...statuses.values()].flatMap((one) => one.blockedBy?.queueId ?? []);
  const heldIds = held.map((one) => one.queueId);
  const glances = await standing.glance([...blockers, ...heldIds]);
  const failures = await otherFailures(caller, parts, new Set(blockers));
  for (const one of failures.items) glances.set(one.queueId, one);
  const say = await speaker(parts, seen, [...glances.values()]);

  const concerns: Concern[] = [];
  for (const one of statuses.values()) {
    if (one.blockedBy) concerns.push(blocked(one, one.blockedBy, glances, say));
    else if (one.blocked) concerns.push(blockedByAnother(one, say));
    else if (one.paused) concerns.push(paused(one, say));
  }
  for (const { queueId, queue, since } of held) {
    const item = glances.get(queueId);
    if (!item || !caller.seesItem(item) || statuses.get(queue)?.blocked) continue;
    const why = item.held ?? item.error;
    concerns.push({
      ...say.item(item),
      kind: 'held',
      since: new Date(since).toISOString(),
      error: why.reason,
      cause: why.cause,
      status: queue === PARALLEL ? null : (statuses.get(queue) ?? null),
    });
  }
  for (const item of failures.items) {
    concerns.push({
      ...say.item(item),
      kind: 'failed',
      since: item.failedAt ?? '',
      error: item.error.reason,
      cause: item.error.cause,
      status: null,
    });
  }
  return {
    all: concerns.sort((a, b) => (a.since < b.since ? 1 : a.since > b.since ? -1 : 0)),
    unread: Math.max(0, failedCount - failures.looked),
  };
}

export function fitting(concerns: readonly Concern[], filter: ConcernFilter): Concern[] {
  const text = filter.text?.toLowerCase();
  return concerns.filter(
    (one) =>
      (!filter.client || one.client === filter.client) &&
      (!filter.cause || one.cause === filter.cause) &&
      (!filter.kind || one.kind === filter.kind) &&
      (!text || wordsOf(one).toLowerCase().includes(text)),
  );
}

const wordsOf = (one: Concern) =>
  [
    one.what,
    one.title,
    one.instruction,
    one.entity?.key,
    one.queue,
    one.queueName,
    one.queueId,
    one.client,
    one.error,
  ].join('\n');

const isQueue = (name: string) => name === PARALLEL || !name.startsWith('service.');

/** Failed items that block nothing. Who sees a part of all is shown that part, so more are looked through. */
async function otherFailures(
  caller: Caller,
  { standing }: Parts,
  blockers: ReadonlySet<number>,
): Promise<{ items: Glance[]; looked: number }> {
  const most = caller.unlimited ? SHOWN + blockers.size : LOOKED_THROUGH;
  const items: Glance[] = [];
  let looked = 0;
  while (looked < most && items.length < SHOWN) {
    const wanted = Math.min(SHOWN, most - looked);
    const noted = await standing.failed(looked, wanted);
    looked += noted.length;
    const ids = noted.map((one) => one.queueId).filter((id) => !blockers.has(id));
    const glances = await standing.glance(ids);
    for (const id of ids) {
      const item = glances.get(id);
      if (item && caller.seesItem(item)) items.push(item);
    }
    if (noted.length < wanted) break;
  }
  return { items, looked };
}

interface Speaker {
  queue(name: string): { queueName: string; client: string | null };
  item(
    glance: Glance,
  ): Pick<
    Concern,
    | 'key'
    | 'queue'
    | 'queueName'
    | 'queueId'
    | 'what'
    | 'instruction'
    | 'title'
    | 'entity'
    | 'client'
  >;
}

/** Says items and queues in the words of their channels and sources. */
async function speaker(
  { registry, catalogue }: Parts,
  queues: readonly string[],
  items: readonly Glance[],
): Promise<Speaker> {
  const names = new Set(queues);
  for (const { channel, source, queue } of items) {
    names.add(queue);
    if (channel) names.add(endpointName('channel', channel));
    if (source) names.add(endpointName('source', source));
  }
  const wanted = [...names];
  const found = await registry.getMany(wanted);
  const endpoints = new Map(wanted.map((name, n) => [name, found[n] ?? null]));
  const wordsFor = (kind: 'channel' | 'source', id: string | null) =>
    id && (endpoints.get(endpointName(kind, id))?.description ?? id);
  const queue = (name: string) => ({
    queueName: endpoints.get(name)?.description ?? (name === PARALLEL ? 'Parallel items' : name),
    client: endpoints.get(name)?.client ?? null,
  });
  return {
    queue,
    item(one) {
      const entry = catalogue.get(one.instruction);
      const words = {
        channel: wordsFor('channel', one.channel),
        source: wordsFor('source', one.source),
      };
      return {
        key: `item-${one.queueId}`,
        queue: one.queue,
        queueName: queue(one.queue).queueName,
        queueId: one.queueId,
        what: entry ? describe(entry, words) : one.instruction || 'An item',
        instruction: one.instruction,
        title: one.title,
        entity: one.entity,
        client: one.client ?? queue(one.queue).client,
      };
    },
  };
}

function blocked(
  status: QueueStatus,
  by: NonNullable<QueueStatus['blockedBy']>,
  glances: ReadonlyMap<number, Glance>,
  say: Speaker,
): Concern {
  const item = glances.get(by.queueId);
  const removed = item === undefined || item.instruction === '';
  const place = say.queue(status.name);
  return {
    key: `item-${by.queueId}`,
    queue: status.name,
    queueId: by.queueId,
    what: 'An item that was removed with plain BullMQ',
    instruction: by.instruction,
    title: '',
    entity: null,
    ...place,
    ...(item && !removed ? say.item(item) : {}),
    kind: 'blocked',
    since: by.since ?? '',
    error: removed
      ? 'It still blocks its queue: skip or resolve it to let the queue go on'
      : by.error,
    cause: removed ? null : by.cause,
    status,
  };
}

/** Its item is of another client: the queue is named, since it stands, and nothing else. */
function blockedByAnother(status: QueueStatus, say: Speaker): Concern {
  const place = say.queue(status.name);
  return {
    key: `queue-${status.name}`,
    kind: 'blocked',
    since: status.oldestWaitingAt ?? '',
    queue: status.name,
    queueId: null,
    what: `${place.queueName} is blocked`,
    instruction: '',
    title: '',
    entity: null,
    ...place,
    error: `Blocked by ${SOMEBODY_ELSES}: an admin of all clients can see to it`,
    cause: null,
    status,
  };
}

function paused(status: QueueStatus, say: Speaker): Concern {
  const { pausedBy } = status;
  const place = say.queue(status.name);
  return {
    key: `queue-${status.name}`,
    kind: 'paused',
    since: pausedBy?.at ?? status.oldestWaitingAt ?? '',
    queue: status.name,
    queueId: null,
    what: `${place.queueName} is paused`,
    instruction: '',
    title: '',
    entity: null,
    ...place,
    error: `Paused by ${pausedBy?.actor ?? 'somebody'}${pausedBy?.reason ? `: ${pausedBy.reason}` : ''}`,
    cause: null,
    status,
  };
}
