import type { Claimed } from '../blocking/deliveries.js';
import { faultsIn } from '../config/faults.js';
import type { Failure, FollowUp } from '../connectors/connector.js';
import { InvalidInput } from '../errors.js';
import { type Books, check, type Requester } from '../queues/check.js';
import type { Accepted } from '../queues/enqueue.js';
import { newItemSchema } from '../queues/new-item.js';
import type { Endpoint } from '../queues/registry.js';

/** Items that one item may cause, and how long all of them may be as JSON, in characters. */
export const FOLLOW_UPS_MOST = 10_000;
const LENGTH_MOST = 16 * 1024 * 1024;

/** Faults that are told; the others are of the same kind as a rule. */
const FAULTS_TOLD = 3;

/**
 * What an item causes, checked and routed as if somebody had asked the API for it. It may reach what its
 * client may reach. A failure, and none of them, when anything is wrong.
 */
export async function checkFollowUps(
  followUps: readonly FollowUp[],
  { item }: Claimed,
  endpoint: Endpoint,
  books: Books,
): Promise<Accepted[] | Failure> {
  if (followUps.length > FOLLOW_UPS_MOST)
    return refused(`at most ${FOLLOW_UPS_MOST} are taken, and these are ${followUps.length}`);
  if (JSON.stringify(followUps).length > LENGTH_MOST) return refused('together they are too large');
  const shapes = followUps.flatMap((one, n) => faultsIn(newItemSchema, one, `/${n}`));
  if (shapes.length > 0) return refused(inWords(shapes, followUps));
  const items = followUps.map((one) => newItemSchema.parse(one));
  const pointers = items.map((_, n) => `/${n}`);
  try {
    return await check(items, pointers, books, requester(item.client ?? endpoint.client));
  } catch (error) {
    if (error instanceof InvalidInput) return refused(inWords(error.errors, followUps));
    throw error;
  }
}

const requester = (client: string | null): Requester => ({
  limits: { clients: client === null ? null : [client] },
  onlyClient: client,
  targetsOnly: false,
  keySpace: client ?? '',
  seesClient: (other) => client === null || other === client,
  seesItem: (other) => client === null || other.client === client,
  seesEndpoint: (endpoint) => client === null || endpoint.client === client,
});

const refused = (why: string): Failure => ({
  cause: 'bug',
  message:
    `It was carried out, but none of its follow-ups is enqueued: ${why}. Enqueue what is needed and resolve ` +
    'this item; or put the connector right and retry: then it is sent again under the same key, unless the ' +
    'connector can look and finds it there.',
});

function inWords(
  faults: readonly { pointer: string; detail: string }[],
  followUps: readonly FollowUp[],
): string {
  const told = faults.slice(0, FAULTS_TOLD).map(({ pointer, detail }) => {
    const [, n, ...rest] = pointer.split('/');
    const instruction = followUps[Number(n)]?.instruction;
    const where = rest.length > 0 ? `${rest.join('.')} ` : '';
    return `number ${Number(n) + 1} (${instruction ?? 'no instruction'}): ${where}${detail}`;
  });
  const more = faults.length - told.length;
  return `${told.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}
