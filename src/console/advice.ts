import { knownOf } from '../incidents/advice.js';
import { adviceFor, type BookEntry } from '../incidents/known-errors.js';
import type { Item } from '../queues/item.js';
import type { ConsoleServices } from './services.js';

type Book = Pick<ConsoleServices, 'catalogue' | 'knownErrors' | 'registry' | 'finder'>;

/** What the book of known errors says about an item's failure; null when it says nothing, or nothing is to be done. */
export async function adviceOf(services: Book, item: Item): Promise<BookEntry | null> {
  if (!item.error || (item.state !== 'failed' && item.state !== 'backing-off')) return null;
  await services.knownErrors.tally(services.finder);
  return adviceFor(await services.knownErrors.entries(), await knownOf(services, item));
}
