import type { QueueView } from '../queues/view.js';

/** Between the group and the name of a queue. It must occur in neither, and "/" is part of "SAP S/4". */
export const DELIMITER = '::';

const groups = { channel: 'Channels', source: 'Sources', parallel: 'Parallel' } as const;

/**
 * A queue's name on the board: `Channels::Cape Shopify (12)`, or `Acme::Channels::Cape Shopify (12)`
 * where several clients share an installation. The board's side bar groups by its parts and shows the
 * last one.
 */
export function boardName(queue: QueueView, clients: boolean): string {
  const id = queue.name.replace(/^\w+\./, '');
  const label =
    queue.kind === 'parallel' ? 'All non-blocking items' : `${plain(queue.description)} (${id})`;
  return [...(clients && queue.client ? [queue.client] : []), groups[queue.kind], label].join(
    DELIMITER,
  );
}

const plain = (text: string): string => text.replaceAll(DELIMITER, ': ');
