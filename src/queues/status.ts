import { standardHold } from '../config/schema.js';
import { type Keys, PARALLEL, type QueueName } from '../redis/keys.js';
import type { Scripts } from '../redis/script.js';
import { pairs, readFailure, time } from './item.js';

export type QueueState = 'running' | 'blocked' | 'paused' | 'held';

/** What a head waits for: its next try, the far side, or room in its rate limit. */
export type HeldKind = 'back-off' | 'hold' | 'rate';

/** What an operator sees of a queue. Blocked, paused and held are separate facts; `state` names the strongest. */
export interface QueueStatus {
  readonly name: QueueName;
  readonly kind: 'channel' | 'source' | 'parallel';
  readonly mode: 'blocking' | 'non-blocking';
  readonly state: QueueState;
  readonly blocked: boolean;
  readonly paused: boolean;
  readonly pausedBy: {
    readonly actor: string;
    readonly at: string | null;
    readonly reason?: string;
  } | null;
  /** Null while nothing holds the queue, and while the far side is being asked. */
  readonly heldUntil: string | null;
  /** Why the head waits: for its next try, for the far side, for room in its rate limit. */
  readonly heldReason: string | null;
  readonly heldCause: string | null;
  readonly heldKind: HeldKind | null;
  /** The head that waits. */
  readonly heldBy: number | null;
  /** Since when the head is on hold, however often the hold was prolonged; null for the other kinds. */
  readonly heldSince: string | null;
  /** How often the far side was found away in this hold. */
  readonly heldTimes: number;
  /** On hold for longer than `hold.graceMs`: now it is a matter for a person. */
  readonly overdue: boolean;
  readonly blockedBy: {
    readonly queueId: number;
    readonly instruction: string;
    readonly title: string;
    readonly error: string;
    readonly cause: string;
    readonly since: string | null;
  } | null;
  readonly counts: {
    readonly waiting: number;
    readonly active: number;
    readonly backingOff: number;
    readonly failed: number;
    readonly completed: number;
    readonly skipped: number;
    readonly resolved: number;
  };
  readonly oldestWaitingAt: string | null;
  readonly nextAttemptAt: string | null;
}

type Row = [
  facts: string[],
  pausedInBullmq: number,
  waiting: number,
  active: number,
  delayed: number,
  failed: number,
  finished: number,
  oldest: string,
  title: string,
  error: string,
  instruction: string,
  head: string,
  heldSince: string,
  heldTimes: string,
  heldWhy: string,
];

const CHUNK = 200;

/**
 * Queues as they are now, in the order asked.
 * @param graceMs how long a hold may last before it is overdue
 */
export async function readStatus(
  scripts: Scripts,
  keys: Keys,
  names: readonly QueueName[],
  graceMs: number = standardHold.graceMs,
): Promise<QueueStatus[]> {
  const found = new Map<QueueName, QueueStatus>();
  for (const shard of keys.shards) {
    const here = names.filter((name) => keys.shardOf(name) === shard);
    for (let at = 0; at < here.length; at += CHUNK) {
      const chunk = here.slice(at, at + CHUNK);
      const rows = (await scripts.run('status', shard, chunk)) as unknown as Row[];
      for (const [n, name] of chunk.entries()) {
        const row = rows[n];
        if (row) found.set(name, statusOf(name, row, graceMs));
      }
    }
  }
  return names.flatMap((name) => found.get(name) ?? []);
}

function statusOf(name: QueueName, row: Row, graceMs: number): QueueStatus {
  const [flat, pausedInBullmq, waiting, active, delayed, failed, finished, oldest] = row;
  const facts = pairs(flat);
  const blocked = facts['blockedBy'] !== undefined;
  const paused = facts['pausedAt'] !== undefined || (pausedInBullmq === 1 && !blocked);
  const waits = facts['heldUntil'] !== undefined;
  const hold = holdOf(facts, row);
  const skipped = Number(facts['skipped'] ?? 0);
  const resolved = Number(facts['resolved'] ?? 0);
  // the head of a held blocking queue sits in `wait`; on the parallel queue such items are delayed
  const backingOff = delayed + (waits ? 1 : 0);
  const kind = name === PARALLEL ? 'parallel' : name.startsWith('source.') ? 'source' : 'channel';
  return {
    name,
    kind,
    mode: kind === 'parallel' ? 'non-blocking' : 'blocking',
    state: blocked ? 'blocked' : paused ? 'paused' : hold.held ? 'held' : 'running',
    blocked,
    paused,
    pausedBy: paused ? pausedBy(facts) : null,
    heldUntil: hold.held ? time(facts['heldUntil']) : null,
    ...hold.facts,
    overdue: hold.since > 0 && Date.now() - hold.since >= graceMs,
    blockedBy: blocked ? blockedBy(facts, row) : null,
    counts: {
      waiting: waits ? Math.max(0, waiting - 1) : waiting,
      active,
      backingOff,
      failed,
      completed: finished - skipped - resolved,
      skipped,
      resolved,
    },
    oldestWaitingAt: time(oldest),
    nextAttemptAt: waits ? time(facts['heldUntil']) : null,
  };
}

function pausedBy(facts: Readonly<Record<string, string>>): QueueStatus['pausedBy'] {
  return {
    actor: facts['pausedBy'] ?? 'a BullMQ client',
    at: time(facts['pausedAt']),
    ...(facts['pauseReason'] ? { reason: facts['pauseReason'] } : {}),
  };
}

/** A hold ends when its head was delivered, not when its time is over: until then the far side is asked. */
function holdOf(facts: Readonly<Record<string, string>>, row: Row) {
  const waits = facts['heldUntil'] !== undefined;
  const since = Number(row[12]);
  const kind = waits ? (facts['heldKind'] as HeldKind) : since > 0 ? 'hold' : null;
  const last = waits
    ? { reason: facts['heldReason'] ?? null, cause: facts['heldCause'] ?? null }
    : since > 0
      ? readFailure(row[14])
      : { reason: null, cause: null };
  return {
    held: since > 0 || kind === 'hold' || kind === 'rate',
    since,
    facts: {
      heldReason: last.reason,
      heldCause: last.cause,
      heldKind: kind,
      heldBy: waits ? Number(facts['heldBy']) : since > 0 ? Number(row[11]) : null,
      heldSince: time(row[12]),
      heldTimes: Number(row[13] || 0),
    },
  };
}

function blockedBy(facts: Readonly<Record<string, string>>, row: Row): QueueStatus['blockedBy'] {
  const [title, error, instruction] = [row[8], row[9], row[10]];
  const { reason, cause } = readFailure(error);
  return {
    queueId: Number(facts['blockedBy']),
    instruction,
    title,
    error: reason,
    cause,
    since: time(facts['blockedAt']),
  };
}
