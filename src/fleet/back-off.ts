import { type RetryPolicy, type RetrySettings, standardRetry } from '../config/schema.js';

type Given = RetrySettings | null | undefined;

/** The policy of an item: what its channel or source says, else its instruction, else the standard. */
export function policyOf(endpoint: Given, instruction: Given): RetryPolicy {
  const pick = <K extends keyof RetryPolicy>(name: K) =>
    endpoint?.[name] ?? instruction?.[name] ?? standardRetry[name];
  return {
    attempts: pick('attempts'),
    firstDelayMs: pick('firstDelayMs'),
    maxDelayMs: pick('maxDelayMs'),
  };
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
