/** What is known of an error: where it comes from and what helps. */
export interface Advice {
  readonly cause: string;
  readonly steps: readonly string[];
}

/** The failure that advice is asked for. */
export interface AdviceFor {
  readonly message: string;
  readonly instruction: string;
  /** Type of the connector that carried it out; null when it is gone. */
  readonly connector: string | null;
}

/** Looks a failure up among the known errors; null when nobody has written about it. */
export type Adviser = (failure: AdviceFor) => Advice | null;

export const noAdvice: Adviser = () => null;

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
