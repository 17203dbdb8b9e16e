import { type Keys, PARALLEL, type QueueName } from '../redis/keys.js';
import type { Scripts } from '../redis/script.js';
import { pairs, time } from './item.js';

export type QueueState = 'running' | 'blocked' | 'paused' | 'held';

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
  readonly heldUntil: string | null;
  readonly heldReason: string | null;
  readonly blockedBy: {
    readonly queueId: number;
    readonly instruction: string;
    readonly title: string;
    readonly error: string;
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
];

const CHUNK = 200;

/** Queues as they are now, in the order asked. */
export async function readStatus(
  scripts: Scripts,
  keys: Keys,
  names: readonly QueueName[],
): Promise<QueueStatus[]> {
  const found = new Map<QueueName, QueueStatus>();
  for (const shard of keys.shards) {
    const here = names.filter((name) => keys.shardOf(name) === shard);
    for (let at = 0; at < here.length; at += CHUNK) {
      const chunk = here.slice(at, at + CHUNK);
      const rows = (await scripts.run('status', shard, chunk)) as unknown as Row[];
      for (const [n, name] of chunk.entries()) {
        const row = rows[n];
        if (row) found.set(name, statusOf(name, row));
      }
    }
  }
  return names.flatMap((name) => found.get(name) ?? []);
}

function statusOf(name: QueueName, row: Row): QueueStatus {
  const [flat, pausedInBullmq, waiting, active, delayed, failed, finished, oldest] = row;
  const facts = pairs(flat);
  const blocked = facts['blockedBy'] !== undefined;
  const paused = facts['pausedAt'] !== undefined || (pausedInBullmq === 1 && !blocked);
  const waits = facts['heldUntil'] !== undefined;
  const held = waits && facts['heldKind'] === 'hold';
  const skipped = Number(facts['skipped'] ?? 0);
  const resolved = Number(facts['resolved'] ?? 0);
  // the head of a held blocking queue sits in `wait`; on the parallel queue such items are delayed
  const backingOff = delayed + (waits ? 1 : 0);
  const kind = name === PARALLEL ? 'parallel' : name.startsWith('source.') ? 'source' : 'channel';
  return {
    name,
    kind,
    mode: kind === 'parallel' ? 'non-blocking' : 'blocking',
    state: blocked ? 'blocked' : paused ? 'paused' : held ? 'held' : 'running',
    blocked,
    paused,
    pausedBy: paused ? pausedBy(facts) : null,
    heldUntil: held ? time(facts['heldUntil']) : null,
    heldReason: waits ? (facts['heldReason'] ?? null) : null,
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

function blockedBy(facts: Readonly<Record<string, string>>, row: Row): QueueStatus['blockedBy'] {
  const [title, error, instruction] = [row[8], row[9], row[10]];
  const message: unknown = error ? JSON.parse(error).message : undefined;
  return {
    queueId: Number(facts['blockedBy']),
    instruction,
    title,
    error: typeof message === 'string' ? message : 'no error was recorded',
    since: time(facts['blockedAt']),
  };
}
