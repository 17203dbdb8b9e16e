import { type RetryPolicy, retrySchema } from '../config/schema.js';

type Given = { [K in keyof RetryPolicy]?: RetryPolicy[K] | undefined } | null | undefined;

/** The policy of an item: what its channel or source says, else its instruction, else the default. */
export function policyOf(endpoint: Given, instruction: Given): RetryPolicy {
  return retrySchema.parse({ ...instruction, ...endpoint });
}

/**
 * Wait before the next automatic try in milliseconds, or null when the tries are used up.
 * Doubles with each try; up to a fifth is taken off by chance, so that queues which failed
 * together do not come back together.
 * @param tries failed tries before this one
 */
export function backOff(
  policy: RetryPolicy,
  tries: number,
  random: () => number = Math.random,
): number | null {
  if (tries + 1 >= policy.attempts) return null;
  const full = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** tries);
  return Math.round(full * (1 - random() / 5));
}
