import { adviceFor, type Known, type KnownErrors } from './known-errors.js';

/** What is known of an error: where it comes from, what helps, who must act. */
export interface Advice {
  readonly cause: string;
  readonly todo: string;
  readonly who: string;
}

/** Looks a failure up; null when nobody has written about it. */
export type Adviser = (failure: Known) => Advice | null;

/** The book of known errors as it is now. */
export async function adviserOf(book: Pick<KnownErrors, 'entries'> | null): Promise<Adviser> {
  const entries = (await book?.entries()) ?? [];
  return (failure) => adviceFor(entries, failure);
}

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
