import { type Entity, parseEntity } from '../instructions/entity.js';
import type { JsonObject } from '../json.js';
import { isBlocking } from '../redis/keys.js';

export type ItemState =
  | 'waiting'
  | 'active'
  | 'backing-off'
  | 'failed'
  | 'completed'
  | 'skipped'
  | 'resolved';

/** One line of an item's history; more fields than these say how the action was meant. */
export interface HistoryEntry {
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly [detail: string]: unknown;
}

/** One thing of an item that succeeded or failed by itself. */
export interface Part {
  readonly kind: string;
  readonly key: string;
  readonly state: 'done' | 'failed';
  readonly message?: string;
}

/** One queued instruction with its data, as it is stored. Times are ISO 8601, UTC. */
export interface Item {
  readonly queueId: number;
  readonly queue: string;
  readonly mode: 'blocking' | 'non-blocking';
  readonly state: ItemState;
  readonly instruction: string;
  readonly title: string;
  readonly client: string | null;
  readonly source: string | null;
  readonly channel: string | null;
  readonly entity: Entity | null;
  readonly data: JsonObject;
  /** Starts so far, over all runs. */
  readonly attempts: number;
  /** Failed tries in the present run: what automatic retries are counted by. */
  readonly tries: number;
  /** How many items go before it; null when it was not looked up or does not queue. */
  readonly position: number | null;
  readonly enqueuedAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly error: {
    readonly message: string;
    readonly cause: string;
    readonly status?: number;
    readonly at: string | null;
  } | null;
  /** Set while the item is on hold, also while its far side is asked: why, since when, how often asked. */
  readonly held: {
    readonly since: string | null;
    readonly times: number;
    readonly reason: string;
    readonly cause: string;
  } | null;
  /** How many workers died or hung while it ran. */
  readonly deaths: number;
  /** How often in succession the far side answered a ping and the item failed all the same. */
  readonly answered: number;
  /**
   * An attempt was begun, and what became of it nobody knows: `yes`, or `retried` when a person has
   * said since that it is to run again.
   */
  readonly begun: 'no' | 'yes' | 'retried';
  /** Its data was changed since that attempt. */
  readonly changed: boolean;
  /** It has waited for room in a rate limit before. */
  readonly rated: boolean;
  /** What attempts have reported, part by part, oldest first. */
  readonly parts: readonly Part[];
  /** How far it is, as its connector says it: a share from 0 to 100, or anything that says more. */
  readonly progress: unknown;
  /** The item whose success caused this one. */
  readonly causedBy: number | null;
  /** How many items the success of this one has caused. */
  readonly caused: number;
  readonly outcome: Readonly<Record<string, unknown>> | null;
  /** W3C `traceparent` of its enqueue, when that was traced. */
  readonly trace: string | null;
  /** What the attempt that succeeded asked of the far side, in a few words. */
  readonly request: string | null;
  readonly history: readonly HistoryEntry[];
  /** False for an item that came from a plain BullMQ producer and was not seen by Andon yet. */
  readonly adopted: boolean;
}

/** What is left to say of an item that somebody removed with plain BullMQ while it blocked its queue. */
export const removedItem = {
  title: '(removed)',
  failedReason:
    'this item was removed with plain BullMQ and still blocks its queue: skip or resolve it to let the queue go on',
};

/** Makes an item from the fields of its hash. BullMQ's own names: atm, ats, timestamp, processedOn … */
export function readItem(
  queue: string,
  queueId: number,
  state: ItemState,
  position: number,
  hash: Readonly<Record<string, string>>,
): Item {
  const [kind, id] = queue.split('.', 2);
  return {
    queueId,
    queue,
    mode: isBlocking(queue) ? 'blocking' : 'non-blocking',
    state,
    instruction: hash['name'] ?? '',
    title: hash['title'] ?? '',
    client: hash['client'] || null,
    source: hash['source'] || (kind === 'source' ? (id ?? null) : null),
    channel: hash['channel'] || (kind === 'channel' ? (id ?? null) : null),
    entity: hash['entity'] ? parseEntity(hash['entity']) : null,
    data: object(hash['data']),
    attempts: Number(hash['ats'] ?? 0),
    tries: Number(hash['tries'] ?? 0),
    position: position < 0 ? null : position,
    enqueuedAt: time(hash['timestamp']) ?? new Date(0).toISOString(),
    startedAt: time(hash['processedOn']),
    finishedAt: time(hash['finishedOn']),
    error: readError(hash, state),
    held: readHeld(hash, state),
    deaths: Number(hash['deaths'] ?? 0),
    answered: Number(hash['answered'] ?? 0),
    begun: hash['begun'] === 'yes' || hash['begun'] === 'retried' ? hash['begun'] : 'no',
    changed: hash['changed'] === '1',
    rated: hash['rated'] === '1',
    parts: readParts(hash),
    progress: parse(hash['progress']) ?? null,
    causedBy: Number(hash['causedBy'] ?? 0) || null,
    caused: Number(hash['caused'] ?? 0),
    outcome: readOutcome(hash, state),
    trace: hash['trace'] || null,
    request: hash['request'] || null,
    history: (hash['history'] ?? '').split('\n').filter(Boolean).map(readHistory),
    adopted: hash['title'] !== undefined,
  };
}

/** The last error stays with an item until it is done: it is why it waits, failed or was set aside. */
export function readError(
  hash: Readonly<Record<string, string | undefined>>,
  state: ItemState,
): Item['error'] {
  if (state === 'completed') return null;
  const stored = object(hash['error']);
  const message = stored['message'] ?? hash['failedReason'];
  if (typeof message !== 'string') return null;
  return {
    message,
    cause: typeof stored['cause'] === 'string' ? stored['cause'] : 'bug',
    ...(typeof stored['status'] === 'number' ? { status: stored['status'] } : {}),
    at: time(hash['errorAt']),
  };
}

/** Each stands in a field of its own, `part:<kind>:<key>`, as its number and JSON: one is written without the others. */
function readParts(hash: Readonly<Record<string, string>>): Part[] {
  return Object.entries(hash)
    .filter(([name]) => name.startsWith('part:'))
    .sort(([, a], [, b]) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map(([, text]) => object(text.slice(text.indexOf(' '))) as unknown as Part);
}

const mayBeHeld: readonly ItemState[] = ['waiting', 'active', 'backing-off'];

function readHeld(hash: Readonly<Record<string, string>>, state: ItemState): Item['held'] {
  if (hash['heldSince'] === undefined || !mayBeHeld.includes(state)) return null;
  return {
    since: time(hash['heldSince']),
    times: Number(hash['heldTimes'] ?? 1),
    ...readFailure(hash['heldWhy']),
  };
}

/** A stored failure: {message, cause}. */
export function readFailure(text: string | undefined): { reason: string; cause: string } {
  const { message, cause } = object(text);
  return {
    reason: typeof message === 'string' ? message : 'no error was recorded',
    cause: typeof cause === 'string' ? cause : 'bug',
  };
}

function readOutcome(hash: Readonly<Record<string, string>>, state: ItemState): Item['outcome'] {
  if (state === 'completed') {
    const result = parse(hash['returnvalue']);
    return { result: result === undefined ? null : result };
  }
  if (state !== 'skipped' && state !== 'resolved') return null;
  const { at, actor, reason, reference } = object(hash['outcomeDetails']);
  return {
    by: actor,
    at: time(String(at)),
    ...(reason ? { reason } : {}),
    ...(reference ? { reference } : {}),
  };
}

function readHistory(line: string): HistoryEntry {
  const { at, actor, action, before, ...details } = object(line);
  return {
    at: time(String(at)) ?? '',
    actor: String(actor),
    action: String(action),
    ...details,
    ...(typeof before === 'string' ? { before: parse(before) } : {}),
  };
}

/** Milliseconds since 1970, as text, to ISO 8601. */
export function time(milliseconds: string | undefined): string | null {
  const ms = Number(milliseconds || Number.NaN);
  return Number.isFinite(ms) ? new Date(ms).toISOString() : null;
}

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text; // a plain producer may store anything
  }
}

function object(text: string | undefined): JsonObject {
  const value = parse(text);
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as JsonObject)
    : {};
}

/** The flat list that HGETALL gives inside a script, as a record. */
export function pairs(flat: readonly unknown[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) record[String(flat[i])] = String(flat[i + 1]);
  return record;
}
