import type { Claimed, Deliveries, Settled } from '../blocking/deliveries.js';
import type { HoldPolicy, RetryPolicy } from '../config/schema.js';
import type { Outcome } from '../connectors/connector.js';
import { backOff, holdFor } from './back-off.js';
import type { Postponed } from './gate.js';

/** What follows from an outcome: the one place that decides it. */
export function settle(
  deliveries: Deliveries,
  claim: Claimed,
  outcome: Outcome | Postponed,
  { retry, hold, pinged }: Policies,
  more: boolean,
): Promise<Settled> {
  const times = claim.item.held?.times ?? 0;
  switch (outcome.kind) {
    case 'done':
    case 'already-done':
      return deliveries.complete(claim, resultOf(outcome), more);
    case 'rate':
      return deliveries.postpone(claim, 'rate', outcome.failure, outcome.forMs, more);
    case 'away': {
      const { failure } = outcome;
      const wait = holdFor(hold, { ...failure, times });
      return deliveries.postpone(claim, 'hold', failure, wait, more);
    }
    case 'hold': {
      const { failure, forMs } = outcome;
      const wait = holdFor(hold, { cause: failure.cause, forMs, times });
      return deliveries.hold(claim, failure, wait, more);
    }
    case 'retry': {
      const { failure } = outcome;
      const wait = backOff(retry, claim.item.tries);
      if (wait !== null) return deliveries.backOff(claim, failure, wait, more);
      // An outage heals by itself, and no person can make it end sooner. But where the far side answers
      // pings and this item fails all the same, time after time, it is the item.
      const answered = pinged ? claim.item.answered + 1 : 0;
      if (failure.cause !== 'connection' || !hold.outages || answered >= ANSWERED_IN_VAIN)
        return deliveries.fail(claim, failure, more);
      const longer = holdFor(hold, { cause: failure.cause, times });
      return deliveries.hold(claim, failure, longer, more, answered);
    }
    case 'fail':
    case 'unknown':
      return deliveries.fail(claim, outcome.failure, more);
  }
}

/** What an outcome is judged by. */
export interface Policies {
  readonly retry: RetryPolicy;
  readonly hold: HoldPolicy;
  /** The far side answered a ping just before the delivery. */
  readonly pinged: boolean;
}

/** So often an item may fail behind an answered ping before a person is called. */
const ANSWERED_IN_VAIN = 3;

/** Larger results are not kept with the item, in characters of JSON: Redis holds every item in memory. */
const RESULT_LIMIT = 64 * 1024;

function resultOf(outcome: Extract<Outcome, { kind: 'done' | 'already-done' }>): unknown {
  const size = JSON.stringify(outcome.result ?? null).length;
  if (size > RESULT_LIMIT) return { notKept: `the result was too large (${size} characters)` };
  return outcome.kind === 'already-done'
    ? { alreadyDone: true, result: outcome.result ?? null }
    : outcome.result;
}
