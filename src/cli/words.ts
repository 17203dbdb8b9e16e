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

/** `3 min`, the largest unit only. */
export function age(at: string | null | undefined, now = Date.now()): string {
  if (!at) return '';
  const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1000));
  const [size, unit] = spans.find(([each]) => seconds >= each) ?? [1, 's'];
  return `${Math.floor(seconds / size)} ${unit}`;
}

export function itemTable(output: Output, items: readonly Item[]): string {
  const headings = ['ID', 'STATE', 'QUEUE', 'AGE', 'WHAT', 'ERROR'];
  const rows = items.map((item) => [
    String(item.queueId),
    state(output, item.state),
    item.queue,
    age(item.enqueuedAt),
    printable([item.description, item.title].filter(Boolean).join(' · ')),
    printable(item.error?.message ?? ''),
  ]);
  return output.table(headings, rows);
}

export function queueTable(output: Output, queues: readonly Queue[]): string {
  const headings = [
    'QUEUE',
    'STATE',
    'WAITING',
    'FAILED',
    'DONE',
    'OLDEST',
    'DESCRIPTION',
    'BLOCKED BY',
  ];
  const rows = queues.map((queue) => [
    queue.name,
    queueState(output, queue),
    String(queue.counts.waiting + queue.counts.active + queue.counts.backingOff),
    String(queue.counts.failed),
    String(queue.counts.completed + queue.counts.skipped + queue.counts.resolved),
    age(queue.oldestWaitingAt),
    printable(queue.description ?? ''),
    queue.blockedBy ? printable(`${queue.blockedBy.queueId}: ${queue.blockedBy.error}`) : '',
  ]);
  return output.table(headings, rows);
}

/** Blocked and paused are two facts: a resume lifts only one of them, so both are said. */
export function queueState(output: Output, queue: Queue): string {
  const both = queue.blocked && queue.paused;
  return both ? output.paint('blocked, paused', 'red') : state(output, queue.state);
}
