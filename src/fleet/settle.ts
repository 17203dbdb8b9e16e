import type { Claimed, Deliveries, Settled } from '../blocking/deliveries.js';
import type { RetryPolicy } from '../config/endpoint-schema.js';
import type { HoldPolicy } from '../config/schema.js';
import type { Failure, Outcome } from '../connectors/connector.js';
import type { Accepted } from '../queues/enqueue.js';
import { backOff, holdFor } from './back-off.js';
import type { Postponed } from './gate.js';
import type { IfUnknown } from './unknown.js';

/** What follows from an outcome: the one place that decides it. */
export function settle(
  deliveries: Deliveries,
  claim: Claimed,
  outcome: Outcome | Postponed,
  policies: Policies,
  more: boolean,
): Promise<Settled> {
  const { hold, sent } = policies;
  const times = claim.item.held?.times ?? 0;
  switch (outcome.kind) {
    case 'done':
    case 'already-done':
      return deliveries.complete(claim, resultOf(outcome), more, {
        found: policies.found,
        followUps: policies.followUps,
        request: policies.asked,
      });
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
      return deliveries.hold(claim, failure, wait, more, 0, sent);
    }
    case 'retry':
      return again(deliveries, claim, outcome.failure, policies, more, sent);
    case 'fail':
      return deliveries.fail(claim, outcome.failure, more, sent);
    case 'unknown':
      return policies.ifUnknown === 'block'
        ? deliveries.fail(claim, policies.forPerson(outcome.failure), more, false)
        : again(deliveries, claim, outcome.failure, policies, more, false);
  }
}

/** Another try after a while, as long as the policy has one. `known`: what became of the present one. */
function again(
  deliveries: Deliveries,
  claim: Claimed,
  failure: Failure,
  { retry, hold, pinged, ifUnknown, forPerson }: Policies,
  more: boolean,
  known: boolean,
): Promise<Settled> {
  const wait = backOff(retry, claim.item.tries);
  if (wait !== null) return deliveries.backOff(claim, failure, wait, more, known);
  // An outage heals by itself, and no person can make it end sooner. But where the far side answers
  // pings and this item fails all the same, time after time, it is the item.
  const answered = pinged ? claim.item.answered + 1 : 0;
  if (failure.cause !== 'connection' || !hold.outages || answered >= ANSWERED_IN_VAIN) {
    const told = known || ifUnknown === 'send' ? failure : forPerson(failure);
    return deliveries.fail(claim, told, more, known);
  }
  const longer = holdFor(hold, { cause: failure.cause, times: claim.item.held?.times ?? 0 });
  return deliveries.hold(claim, failure, longer, more, answered, known);
}

/** What an outcome is judged by. */
export interface Policies {
  readonly retry: RetryPolicy;
  readonly hold: HoldPolicy;
  /** The far side answered a ping just before the delivery. */
  readonly pinged: boolean;
  /** Something was sent, and the outcome says what became of it. */
  readonly sent: boolean;
  /** A look at the far side found it done already. */
  readonly found: boolean;
  /** What was asked of the far side, where something was. */
  readonly asked?: string | undefined;
  /** What it causes, checked. */
  readonly followUps: readonly Accepted[];
  readonly ifUnknown: IfUnknown;
  /** An unknown outcome in the words for a person who has to look. */
  forPerson(failure: Failure): Failure;
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
