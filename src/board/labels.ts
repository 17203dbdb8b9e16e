import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Bull Board's words where ours mean something else. The rest of its texts stays. */
const ours = {
  MENU: { PAUSED: 'Stopped' },
  JOB: {
    ACTIONS: {
      RETRY: 'Retry: run it again, before everything behind it',
      CLEAN: 'Skip: leave it undone and let the queue go on',
      PROMOTE: 'Try now',
      UPDATE_DATA: 'Edit data (in the console)',
      DUPLICATE: 'Duplicate (not here)',
      CONFIRM: {
        RETRY: 'Retry this item? It runs again now, before everything that waits behind it.',
        CLEAN:
          'Skip this item? It is left undone, with a record of who did it, and its queue goes on with the next one. Items behind it may need it.',
        PROMOTE: 'Try this item again at once, instead of waiting for its next attempt?',
      },
    },
  },
  QUEUE: {
    ACTIONS: {
      RETRY_ALL: 'Retry all',
      CLEAN_ALL: 'Skip all (in the console)',
      EMPTY: 'Clear (in the console)',
      OBLITERATE: 'Obliterate (not here)',
      ADD_JOB: 'Add item (through the API)',
      SET_CONCURRENCY: 'Set concurrency (not here)',
      SET_RATE_LIMIT: 'Set rate limit (in the console)',
      PROMOTE_ALL: 'Try all now (not here)',
      CONFIRM: {
        RETRY_ALL: 'Run all {{status}} items again, in the order in which they came?',
        RESUME_QUEUE:
          'Let this queue run again? A block stays until its failed item was retried, skipped or resolved.',
        RESUME_ALL: 'Let all paused queues run again? Blocked queues stay blocked.',
      },
    },
    STATUS: { DELAYED: 'Backing off', COMPLETED: 'Finished' },
    INFO: { PAUSED: 'Stopped: blocked or paused' },
  },
  METRICS: { EMPTY: 'Nothing has run in this queue yet.' },
} as const;

/**
 * The texts of one language with ours in them; null when there is no such language. Ours are English in
 * every language: better an English "Skip" than a German "Delete" for what is no deletion.
 * @param staticDir Bull Board's own static files
 */
export function labelsOf(language: string, staticDir: string): unknown {
  if (!/^[a-z]{2}-[A-Z]{2}$/.test(language)) return null;
  try {
    const text = readFileSync(join(staticDir, 'locales', language, 'messages.json'), 'utf8');
    const texts: Tree = JSON.parse(text);
    return merged(language === 'en-US' ? withItems(texts) : texts, ours);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

type Tree = { [key: string]: Tree | string };

/** "Retry all 3 failed items": what BullMQ calls a job is an item everywhere else here. */
const withItems = (texts: Tree): Tree =>
  Object.fromEntries(
    Object.entries(texts).map(([key, value]) => [
      key,
      typeof value === 'string' ? inItems(value) : withItems(value),
    ]),
  );

/** Leaves alone what i18next reads: `{{jobs}}`, `$t(JOB.REPEAT)`. */
const inItems = (text: string): string =>
  text
    .split(/(\{\{.*?\}\}|\$t\(.*?\))/)
    .map((part, n) => (n % 2 ? part : part.replace(/\b([Jj])ob(s?)\b/g, asItem)))
    .join('');

const asItem = (_: string, j: string, s: string) => `${j === 'J' ? 'Item' : 'item'}${s}`;

function merged(base: Tree, over: Tree): Tree {
  const result: Tree = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = base[key];
    result[key] =
      typeof value === 'string' ? value : merged(typeof below === 'object' ? below : {}, value);
  }
  return result;
}
