import type { Item } from '../queues/item.js';
import { redacted } from '../queues/redact.js';

/** One delivery of an item, as far as it was kept. */
export interface Attempt {
  readonly number: number | null;
  readonly at: string | null;
  /** What followed from it: completed, back-off, hold, block … */
  readonly end: string;
  readonly status: number | null;
  /** What was asked of the far side, in a few words. */
  readonly request: string | null;
  readonly cause: string | null;
  readonly message: string | null;
  readonly ms: number | null;
  readonly fence: string | null;
}

const ends = new Set(['block', 'fail', 'back-off', 'hold']);

/** The attempts of an item, newest first. Those that failed stand in its history; the last one shows in the item. */
export function attemptsOf(item: Item): Attempt[] {
  const failed = item.history
    .filter(({ action, actor }) => ends.has(action) && actor === 'the fleet')
    .map(
      (line): Attempt => ({
        number: number(line['attempt']),
        at: line.at,
        end: line.action,
        status: number(line['status']),
        request: text(line['request']),
        cause: text(line['cause']),
        message: text(line['reason']),
        ms: number(line['ms']),
        fence: text(line['fence']),
      }),
    );
  return [...failed, ...lastOf(item)].reverse();
}

/** Characters of an answer that are shown beside its attempt. */
const ANSWER = 200;

/** What the far side answered to the attempt that succeeded, in short: it stands in the item as its result. */
function answerOf({ state, outcome }: Item): string | null {
  const result = state === 'completed' ? outcome?.['result'] : undefined;
  if (result === undefined || result === null || result === '') return null;
  const shown = redacted(result);
  const words = typeof shown === 'string' ? shown : JSON.stringify(shown);
  return words.length > ANSWER ? `${words.slice(0, ANSWER)} …` : words;
}

/** The attempt that runs now, or that succeeded: nothing was written down for it apart. */
function lastOf(item: Item): Attempt[] {
  if (item.attempts === 0 || (item.state !== 'active' && item.state !== 'completed')) return [];
  const ms =
    item.state === 'completed' && item.startedAt && item.finishedAt
      ? Date.parse(item.finishedAt) - Date.parse(item.startedAt)
      : null;
  const end = item.state === 'active' ? 'under way' : 'done';
  const at = item.finishedAt ?? item.startedAt;
  return [
    {
      number: item.attempts,
      at,
      end,
      status: null,
      request: item.request,
      cause: null,
      message: answerOf(item),
      ms,
      fence: null,
    },
  ];
}

const number = (value: unknown) => (typeof value === 'number' ? value : null);
const text = (value: unknown) =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : null;
