import type { Item } from './item.js';
import { type Endpoint, endpointName } from './registry.js';

/**
 * Why an item must not reach an endpoint: it was deleted and put anew for another client since. Null when nothing
 * speaks against it; an item of no client goes with its endpoint.
 */
export function whoseElse(item: Item, { kind, id, client }: Endpoint): string | null {
  if (kind === 'service' || client === null || item.client === null || item.client === client)
    return null;
  return `${endpointName(kind, id)} belongs to client "${client}" now, and item ${item.queueId} is of client "${item.client}": it is not sent there`;
}
