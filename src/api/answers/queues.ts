import { z } from 'zod';
import { count, named, page, queueId, time } from './shape.js';

const queueState = z.enum(['running', 'blocked', 'paused', 'held']);
const queue = z.object({
  name: z.string(),
  kind: z.enum(['channel', 'source', 'parallel']),
  mode: z.enum(['blocking', 'non-blocking']),
  description: z.string(),
  client: z.string().nullable(),
  state: queueState.meta({ description: 'the strongest of the facts: blocked, paused, held' }),
  blocked: z.boolean(),
  paused: z.boolean(),
  pausedBy: z
    .object({ actor: z.string(), at: time.nullable(), reason: z.string().optional() })
    .nullable(),
  heldUntil: time.nullable(),
  heldReason: z.string().nullable(),
  heldCause: z.string().nullable(),
  heldKind: z
    .enum(['back-off', 'hold', 'rate'])
    .nullable()
    .meta({ description: 'for its next try, for the far side, or for room in its rate limit' }),
  heldBy: queueId.nullable().meta({ description: 'the head that waits' }),
  heldSince: time.nullable().meta({ description: 'however often the hold was prolonged' }),
  heldTimes: count,
  overdue: z.boolean().meta({ description: 'on hold for so long that a person should look' }),
  blockedBy: z
    .object({
      queueId,
      instruction: z.string(),
      title: z.string(),
      error: z.string(),
      cause: z.string(),
      since: time.nullable(),
    })
    .nullable()
    .meta({ description: 'null also while an item that this key may not see blocks the queue' }),
  counts: z.object({
    waiting: count,
    active: count,
    backingOff: count,
    failed: count,
    completed: count,
    skipped: count,
    resolved: count,
  }),
  oldestWaitingAt: time.nullable(),
  nextAttemptAt: time.nullable(),
});
export const oneQueue = named('Queue', queue);
export const queuePage = page('QueuePage', oneQueue);
export const clearedQueue = named('ClearedQueue', queue.extend({ cleared: count }));

export const fleet = named(
  'Fleet',
  z.object({
    paused: z
      .object({ at: time, by: z.string(), reason: z.string() })
      .nullable()
      .meta({ description: 'null while the fleet runs' }),
    running: count.meta({ description: 'items that are being delivered now' }),
  }),
);

export const summaryLine = named(
  'SummaryLine',
  z.object({
    client: z.string().nullable(),
    queue: z.string(),
    description: z.string(),
    state: queueState,
    waiting: count,
    failed: count,
    blocked: z.boolean(),
    cause: z.string().nullable().meta({ description: 'class of what stops the queue' }),
    overdue: z.boolean(),
    oldestWaitingAt: time.nullable(),
  }),
);
export const summary = named(
  'Summary',
  z.object({
    items: z.array(summaryLine),
    totals: z.object({
      queues: count,
      blocked: count,
      held: count,
      overdue: count,
      waiting: count,
      failed: count,
      oldestWaitingAt: time.nullable(),
    }),
  }),
);
