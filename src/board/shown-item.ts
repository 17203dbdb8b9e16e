import type { QueueJob, QueueJobJson } from '@bull-board/api/dist/types.js';
import { redacted, redactedText } from '../queues/redact.js';
import type { ItemView } from '../queues/view.js';

/** What Bull Board calls the states that it knows. */
const states = {
  waiting: 'waiting',
  active: 'active',
  'backing-off': 'delayed',
  failed: 'failed',
  completed: 'completed',
  skipped: 'completed',
  resolved: 'completed',
} as const;

const marks = { skipped: 'Skipped', resolved: 'Resolved by hand' } as const;

const refuse = async (): Promise<never> => {
  throw new Error('items change through the transitions only');
};

/**
 * An item in the form that Bull Board draws. It can be looked at and nothing else: what changes an item
 * never comes this way (see `verbs.ts`).
 */
export function shownItem(item: ItemView): QueueJob {
  return {
    opts: {},
    toJSON: () => jsonOf(item),
    getState: async () => states[item.state],
    promote: refuse,
    remove: refuse,
    retry: refuse,
  };
}

function jsonOf(item: ItemView): QueueJobJson {
  const failed = item.state === 'failed';
  const waits = item.state === 'backing-off';
  const reason = redactedText(item.error?.message ?? 'no error was recorded');
  return {
    id: String(item.queueId),
    name: nameOf(item),
    // As at the desk: people look here who need not know a shop's passwords.
    data: redacted(item.data),
    progress: 0,
    attemptsMade: item.attempts,
    timestamp: Date.parse(item.enqueuedAt),
    processedOn: item.startedAt ? Date.parse(item.startedAt) : null,
    finishedOn: item.finishedAt ? Date.parse(item.finishedAt) : null,
    // A reason makes the board draw FAILED with a Retry button: only what has failed may bear one.
    failedReason: failed ? reason : '',
    stacktrace: failed && item.error ? [redactedText(explained(item.error))] : [],
    returnvalue: redacted(item.outcome ?? (waits ? item.error : null)),
    opts: optionsOf(item),
  };
}

/** "Add product to Cape Shopify · TSH-RED-M" */
function nameOf(item: ItemView): string {
  const about = item.entity?.key ?? item.title;
  const name = about ? `${item.description} · ${about}` : item.description;
  return item.state === 'skipped' || item.state === 'resolved'
    ? `${marks[item.state]}: ${name}`
    : name;
}

function explained(error: NonNullable<ItemView['error']>): string {
  const status = error.status === undefined ? '' : `\nthe far side answered ${error.status}`;
  return `${error.message}\ncause: ${error.cause}${status}${error.at ? `\nat ${error.at}` : ''}`;
}

/** What the board's tab "Options" shows: what Andon knows of the item. */
const optionsOf = (item: ItemView): Record<string, unknown> => ({
  instruction: item.instruction,
  title: item.title,
  client: item.client,
  source: item.source,
  channel: item.channel,
  entity: item.entity,
  state: item.state,
  recordUrl: item.recordUrl,
  history: redacted(item.history),
});
