import type { Claimed, Deliveries, Settled } from '../blocking/deliveries.js';
import type { RetryPolicy } from '../config/schema.js';
import type { Outcome } from '../connectors/connector.js';
import { backOff } from './back-off.js';

/** What follows from an outcome: the one place that decides it. */
export function settle(
  deliveries: Deliveries,
  claim: Claimed,
  outcome: Outcome,
  policy: RetryPolicy,
  more: boolean,
): Promise<Settled> {
  switch (outcome.kind) {
    case 'done':
    case 'already-done':
      return deliveries.complete(claim, resultOf(outcome), more);
    case 'hold':
      return deliveries.hold(claim, outcome.failure, outcome.forMs ?? HOLD_MS, more);
    case 'retry': {
      const wait = backOff(policy, claim.item.tries);
      if (wait !== null) return deliveries.backOff(claim, outcome.failure, wait, more);
      return deliveries.fail(claim, outcome.failure, more);
    }
    case 'fail':
    case 'unknown':
      return deliveries.fail(claim, outcome.failure, more);
  }
}

/** A hold of which nobody said how long, in milliseconds. */
const HOLD_MS = 30_000;

/** Larger results are not kept with the item, in characters of JSON: Redis holds every item in memory. */
const RESULT_LIMIT = 64 * 1024;

function resultOf(outcome: Extract<Outcome, { kind: 'done' | 'already-done' }>): unknown {
  const size = JSON.stringify(outcome.result ?? null).length;
  if (size > RESULT_LIMIT) return { notKept: `the result was too large (${size} characters)` };
  return outcome.kind === 'already-done'
    ? { alreadyDone: true, result: outcome.result ?? null }
    : outcome.result;
}
