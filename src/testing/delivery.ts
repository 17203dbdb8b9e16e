import type { Delivery } from '../connectors/connector.js';
import { describe, loadCatalogue } from '../instructions/catalogue.js';
import { entityOf } from '../instructions/entity.js';

const catalogue = loadCatalogue();

/** A delivery as the fleet would make it, for calling a connector by hand. */
export function deliveryOf(
  over: Partial<Delivery> & Pick<Delivery, 'instruction' | 'data'>,
): Delivery {
  const entry = catalogue.get(over.instruction);
  if (!entry) throw new Error(`there is no instruction ${over.instruction} in the catalogue`);
  return {
    queueId: 1042,
    entry,
    description: describe(entry, { channel: 'a test', source: 'a test' }),
    mode: entry.mode,
    client: null,
    source: entry.target === 'source' ? 'test' : null,
    channel: entry.target === 'channel' ? 'test' : null,
    entity: entityOf(entry, over.data),
    attempt: 1,
    fence: 7,
    enqueuedAt: new Date().toISOString(),
    parts: [],
    signal: new AbortController().signal,
    log: () => {},
    progress: () => {},
    report: async () => {},
    ...over,
  };
}
