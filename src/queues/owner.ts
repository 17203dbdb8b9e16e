import type { Item } from './item.js';
import { type Endpoint, endpointName } from './registry.js';

/**
 * Why an item must not reach an endpoint: it was deleted and put anew for another client since. Null when nothing
 * speaks against it. Whoever enqueues for the channel or source of a client does so in its name.
 */
export function whoseElse(item: Item, { kind, id, client }: Endpoint): string | null {
  if (kind === 'service' || client === null || item.client === client || !item.adopted) return null;
  const whose = item.client === null ? 'no client' : `client "${item.client}"`;
  return `${endpointName(kind, id)} belongs to client "${client}" now, and item ${item.queueId} is of ${whose}: it is not sent there`;
}
