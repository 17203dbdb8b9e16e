import type { Claimed, Deliveries } from '../blocking/deliveries.js';
import { type RateLimit, ratePeriods } from '../config/endpoint-schema.js';
import type { HoldPolicy } from '../config/schema.js';
import type { Connector, Failure } from '../connectors/connector.js';
import { messageOf } from '../errors.js';
import { within } from '../lifecycle.js';
import { type Endpoint, endpointName } from '../queues/registry.js';
import { LockLost } from './lock-keeper.js';
import type { Station } from './stations.js';

/** A claimed item was not delivered after all: no room in the rate limit, or the far side is still away. */
export type Postponed =
  | { readonly kind: 'rate'; readonly failure: Failure; readonly forMs: number }
  | { readonly kind: 'away'; readonly failure: Failure };

/** What was found out before a delivery. */
export interface Passed {
  /** The far side of an item on hold answered a ping just now. */
  readonly pinged: boolean;
}

/**
 * What stands between a claimed item and its far side. Throws the reason of `signal`, or `LockLost` when
 * a person dealt with the item meanwhile.
 */
export async function gate(
  claim: Claimed,
  station: Station,
  deliveries: Deliveries,
  hold: HoldPolicy,
  signal: AbortSignal,
): Promise<Postponed | Passed> {
  const { endpoint } = station;
  if (endpoint.rateLimit) {
    const full = await wantOfRoom(claim, endpoint, endpoint.rateLimit, deliveries);
    if (full) return full;
  }
  if (!isToBeAsked(claim)) return { pinged: false };
  // What is wrong with a connector that cannot be made, the delivery tells.
  const connector = await station.connector().catch(() => null);
  if (!connector?.ping) return { pinged: false };
  await stillOurs(claim, deliveries, true);
  const failure = await away(connector, endpoint, hold.pingTimeoutMs, signal);
  if (failure) return { kind: 'away', failure };
  await stillOurs(claim, deliveries, false);
  return { pinged: true };
}

/** While the far side is asked a person may deal with the item, which takes it from us. */
async function stillOurs(claim: Claimed, deliveries: Deliveries, asks: boolean): Promise<void> {
  if (!(await deliveries.ask(claim, asks))) throw new LockLost(claim.item.queueId);
}

/** A ping cannot tell whether a far side that throttles would take more; asking may even prolong it. */
const isToBeAsked = ({ item }: Claimed): boolean =>
  item.held !== null && item.held.cause !== 'throttled';

async function wantOfRoom(
  { item }: Claimed,
  { kind, id, description }: Endpoint,
  { max, per }: RateLimit,
  deliveries: Deliveries,
): Promise<Postponed | null> {
  const limit = { max, periodMs: ratePeriods[per] };
  // The head of a queue waits alone. Who has had a turn and found no room waits for the next.
  const beside = item.mode === 'non-blocking' && !item.rated;
  const forMs = await deliveries.start(endpointName(kind, id), limit, beside);
  if (forMs === 0) return null;
  const message = `${description} takes ${max} per ${per} at most, and that is used up`;
  return { kind: 'rate', forMs, failure: { message, cause: 'throttled' } };
}

/** Why the far side is not there; null when it is. A ping that does not heed its signal is left behind. */
async function away(
  connector: Connector,
  { description }: Endpoint,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Failure | null> {
  const over = new AbortController();
  const asked = connector.ping?.(AbortSignal.any([signal, over.signal])) ?? Promise.resolve();
  try {
    await within(timeoutMs, asked, 'it gave no answer');
    return null;
  } catch (error) {
    signal.throwIfAborted();
    return {
      message: `${description} is still away: ${messageOf(error)}`,
      cause: 'connection',
    };
  } finally {
    over.abort();
  }
}
