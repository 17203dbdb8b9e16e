import type { Item, Queue } from '../client/shapes.js';
import { type Colour, type Output, printable } from './output.js';

/** How items and queues read in lists. */

const colours: Readonly<Record<string, Colour>> = {
  failed: 'red',
  blocked: 'red',
  'backing-off': 'yellow',
  paused: 'yellow',
  held: 'yellow',
  active: 'cyan',
  completed: 'green',
  running: 'green',
};

export function state(output: Output, word: string): string {
  const colour = colours[word];
  return colour ? output.paint(word, colour) : word;
}

const spans = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** `3 min` ago, the largest unit only. */
export const age = (at: string | null | undefined, now = Date.now()): string =>
  at ? span(now - Date.parse(at)) : '';

/** `24 s` from now. */
export const until = (at: string, now = Date.now()): string => span(Date.parse(at) - now);

function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [size, unit] = spans.find(([each]) => seconds >= each) ?? [1, 's'];
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** The time on the clock here, `11:53:03`; with its date unless that is today. */
export function clock(at: string, now = new Date()): string {
  const then = new Date(at);
  const time = then.toLocaleTimeString('sv');
  return then.toDateString() === now.toDateString()
    ? time
    : `${then.toLocaleDateString('sv')} ${time}`;
}

export function itemTable(output: Output, items: readonly Item[]): string {
  const headings = ['ID', 'STATE', 'QUEUE', 'AGE', 'WHAT', 'CAUSE', 'ERROR'];
  const rows = items.map((item) => [
    String(item.queueId),
    state(output, item.state),
    item.queue,
    age(item.enqueuedAt),
    printable([item.description, item.title].filter(Boolean).join(' · ')),
    item.error?.cause ?? '',
    printable(item.error?.message ?? ''),
  ]);
  return output.table(headings, rows);
}

export function queueTable(output: Output, queues: readonly Queue[]): string {
  const headings = ['QUEUE', 'STATE', 'WAITING', 'FAILED', 'DONE', 'OLDEST', 'DESCRIPTION', 'WHY'];
  const rows = queues.map((queue) => [
    queue.name,
    queueState(output, queue),
    String(openIn(queue)),
    String(queue.counts.failed),
    String(queue.counts.completed),
    age(queue.oldestWaitingAt),
    printable(queue.description ?? ''),
    printable(whyOf(queue)),
  ]);
  return output.table(headings, rows);
}

const openIn = ({ counts }: Queue): number => counts.waiting + counts.active + counts.backingOff;

/** Blocked and paused are two facts: a resume lifts only one of them, so both are said. */
export function queueState(output: Output, queue: Queue): string {
  if (queue.blocked && queue.paused) return output.paint('blocked, paused', 'red');
  if (queue.state === 'running' && queue.mode === 'blocking' && queue.counts.backingOff > 0)
    return state(output, 'backing-off');
  return state(output, queue.state);
}

/** Why nothing of a queue starts now. */
function whyOf(queue: Queue): string {
  const { blockedBy, pausedBy } = queue;
  const reasons = [
    blockedBy && `${blockedBy.queueId}: ${withCause(blockedBy.error, blockedBy.cause)}`,
    pausedBy && withReason(`paused by ${pausedBy.actor}`, pausedBy.reason),
    holdOf(queue),
  ];
  return reasons.filter(Boolean).join('; ');
}

/** "on hold until 11:53:03, since 11:40:00, because the shop answered 503 (connection)" */
function holdOf(queue: Queue): string {
  const { nextAttemptAt: at, heldReason, heldCause, heldKind, heldSince, overdue } = queue;
  const reason = heldReason && withCause(heldReason, heldCause);
  if (heldKind === 'rate') return at ? withReason(`goes on at ${clock(at)}`, heldReason) : '';
  if (!heldSince) return at ? withReason(`retrying at ${clock(at)}`, reason) : '';
  const parts = [
    at ? `on hold until ${clock(at)}` : 'on hold, asking whether the far side is back',
    `since ${clock(heldSince)}${overdue ? ' (too long: look at it)' : ''}`,
    reason && `because ${reason}`,
  ];
  return parts.filter(Boolean).join(', ');
}

const withCause = (what: string, cause: string | null | undefined): string =>
  cause ? `${what} (${cause})` : what;

const withReason = (what: string, reason: string | null | undefined): string =>
  reason ? `${what}: ${reason}` : what;
