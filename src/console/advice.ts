import { carrierName } from '../incidents/clusters.js';
import {
  type AdviceVerb,
  adviceFor,
  type BookEntry,
  type Known,
} from '../incidents/known-errors.js';
import type { Item } from '../queues/item.js';
import type { ConsoleServices } from './services.js';

type Book = Pick<ConsoleServices, 'catalogue' | 'knownErrors' | 'registry' | 'finder'>;

/** What the book of known errors says about an item's failure; null when it says nothing, or nothing is to be done. */
export async function adviceOf(services: Book, item: Item): Promise<BookEntry | null> {
  if (!item.error || (item.state !== 'failed' && item.state !== 'backing-off')) return null;
  await services.knownErrors.tally(services.finder);
  return adviceFor(await services.knownErrors.entries(), await knownOf(services, item));
}

/** Somebody did this with a failed item: when it is what the book advises, it is counted whether it worked. */
export async function noteVerb(services: Book, item: Item, verb: AdviceVerb): Promise<void> {
  if (!item.error) return;
  await services.knownErrors.noteVerb(item.queueId, await knownOf(services, item), verb);
}

async function knownOf({ catalogue, registry }: Book, item: Item): Promise<Known> {
  const [endpoint] = await registry.getMany([carrierName(catalogue, item)]);
  return {
    message: item.error?.message ?? '',
    instruction: item.instruction,
    connector: endpoint?.connector.type ?? null,
    status: item.error?.status,
  };
}
