import type { Catalogue } from '../instructions/catalogue.js';
import type { Item } from '../queues/item.js';
import type { Registry } from '../queues/registry.js';
import { carrierName } from './clusters.js';
import { adviceFor, type Known, type KnownErrors } from './known-errors.js';

/** What is known of an error: where it comes from, what helps, who must act. */
export interface Advice {
  readonly cause: string;
  readonly todo: string;
  readonly who: string;
}

/** Looks a failure up; null when nobody has written about it. */
export type Adviser = (item: Failed) => Promise<Advice | null>;

interface Shelf {
  readonly catalogue: Catalogue;
  readonly registry: Pick<Registry, 'getMany'>;
}

/** The book of known errors as it is now; what it is asked is the same for pages and mails. */
export async function adviserOf(
  book: Pick<KnownErrors, 'entries'> | null,
  shelf: Shelf,
): Promise<Adviser> {
  const entries = (await book?.entries()) ?? [];
  return async (item) => adviceFor(entries, await knownOf(shelf, item));
}

/** What is asked of a failed item. */
type Failed = Pick<Item, 'queue' | 'instruction' | 'channel' | 'source'> & {
  readonly error: { readonly message: string; readonly status?: number | undefined } | null;
};

/** A failure as the book asks for it: under the connector that carries the item out, wherever it queues. */
export async function knownOf({ catalogue, registry }: Shelf, item: Failed): Promise<Known> {
  const [endpoint] = await registry.getMany([carrierName(catalogue, item)]);
  return {
    message: item.error?.message ?? '',
    instruction: item.instruction,
    connector: endpoint?.connector.type ?? null,
    status: item.error?.status,
  };
}

/**
 * Somebody did this with a failed item, through whichever door: when it is what the book advises, it is
 * counted whether it worked. A retry of what was edited since it failed is the verb `edit`.
 */
export async function noteVerb(
  services: {
    catalogue: Catalogue;
    registry: Pick<Registry, 'getMany'>;
    knownErrors: Pick<KnownErrors, 'noteVerb'>;
  },
  item: Partial<Item>,
  verb: 'retry' | 'skip' | 'resolve',
): Promise<void> {
  if (!isWhole(item) || !item.error) return;
  const did = verb === 'retry' && wasEdited(item) ? 'edit' : verb;
  await services.knownErrors.noteVerb(item.queueId, await knownOf(services, item), did);
}

const isWhole = (item: Partial<Item>): item is Item => item.history !== undefined;

const wasEdited = ({ history, error }: Item): boolean =>
  history.some(({ action, at }) => action === 'edit' && at >= (error?.at ?? ''));

const words: Readonly<Record<string, string>> = {
  connection: 'The other system could not be reached, or did not answer in time.',
  throttled: 'The other system asked for a pause: it gets too many requests.',
  credentials: 'The other system did not accept the login or key that is set for it.',
  data: 'The other system does not take this record as it is: something in it has to change.',
  duplicate: 'The other system has this record already.',
  conflict: 'The record is in another state there than this change expects.',
  bug: 'Something broke that should not: in the connector or in the other system.',
};

/** The class of a failure as a sentence. */
export const causeInWords = (cause: string): string => words[cause] ?? `Cause: ${cause}.`;
