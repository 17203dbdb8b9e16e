import {
  patientRetry,
  type RetryPolicy,
  type RetrySettings,
  standardRetry,
} from '../config/endpoint-schema.js';
import type { HoldPolicy } from '../config/schema.js';

type Given = RetrySettings | null | undefined;

/** What nobody has set differs for what may wait: it holds up nothing behind it. */
const standards: Readonly<Record<string, RetryPolicy>> = {
  send_email: patientRetry,
  send_webhook: patientRetry,
};

/** The policy of an item: what its channel or source says, else its instruction, else the standard. */
export function policyOf(endpoint: Given, instruction: Given, name = ''): RetryPolicy {
  const standard = standards[name] ?? standardRetry;
  const pick = <K extends keyof RetryPolicy>(setting: K) =>
    endpoint?.[setting] ?? instruction?.[setting] ?? standard[setting];
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

/**
 * How long a hold lasts before the far side is looked for again, in milliseconds: as long as it named
 * itself, else growing with each time it was found away. One that throttles without naming a time is left
 * in peace for the longest time at once, since many count calls that come too soon.
 * @param times how often it was found away in this hold
 */
export function holdFor(
  policy: HoldPolicy,
  { cause, forMs, times }: { cause: string; forMs?: number | undefined; times: number },
  random: () => number = Math.random,
): number {
  if (forMs !== undefined && Number.isFinite(forMs))
    return Math.round(Math.min(LONGEST_HOLD_MS, Math.max(0, forMs)));
  if (cause === 'throttled') return policy.maxMs;
  const full = Math.min(policy.maxMs, policy.firstMs * 2 ** Math.min(times, 30));
  return Math.round(full * (1 - random() / 5));
}

/** A far side may ask for a day, as accounting systems do; more is taken for a mistake. */
const LONGEST_HOLD_MS = 86_400_000;
