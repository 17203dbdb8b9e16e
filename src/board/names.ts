import type { Endpoint } from '../queues/registry.js';

/** Between the group and the name of a queue, where people read it. It must occur in neither. */
export const DELIMITER = ' › ';

const groups = { channel: 'Channels', source: 'Sources', service: 'Services' } as const;

/**
 * A queue's name on the board: `Channels › Cape Shopify (12)`, or `Acme › Channels › Cape Shopify (12)`
 * where several clients share an installation. The board's side bar groups by its parts and shows the
 * last one.
 * @param endpoint null is the parallel queue
 */
export function boardName(endpoint: Endpoint | null, clients: boolean): string {
  if (!endpoint) return ['Parallel', 'All non-blocking items'].join(DELIMITER);
  const { kind, id, client, description } = endpoint;
  const label = `${plain(description)} (${id})`;
  return [...(clients && client ? [client] : []), groups[kind], label].join(DELIMITER);
}

const plain = (text: string): string => text.replaceAll(DELIMITER, ' > ');
