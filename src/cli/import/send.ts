import type { AndonClient } from '../../client/client.js';
import type { Patience } from '../../client/patience.js';
import { ApiProblem } from '../../client/problem.js';
import type { Accepted } from '../../client/shapes.js';
import { BadLine } from './bad-line.js';
import type { Entry } from './entries.js';

/** Items a request, and bytes: the API takes 10 MiB. */
const MOST_ITEMS = 100;
const MOST_BYTES = 8 * 1024 * 1024;

/** A long import outlasts a Redis that fails over, or an Andon that is being upgraded. */
export const patience: Patience = { tries: 6, firstDelayMs: 2_000, maxDelayMs: 60_000 };

export async function* batches(entries: AsyncIterable<Entry>): AsyncGenerator<Entry[]> {
  let batch: Entry[] = [];
  let bytes = 0;
  for await (const entry of entries) {
    const size = Buffer.byteLength(JSON.stringify(entry.item));
    if (batch.length === MOST_ITEMS || (batch.length > 0 && bytes + size > MOST_BYTES)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(entry);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/**
 * Sends one batch, again and again while Andon is away. Every item has its own key, so a try whose
 * answer was lost does no harm.
 * @throws BadLine when the API refuses an item
 */
export async function sendBatch(
  client: AndonClient,
  batch: readonly Entry[],
  onRetry: Patience['onRetry'],
  waits: Patience = patience,
): Promise<Accepted[]> {
  try {
    const items = batch.map(({ item }) => item);
    return await client.enqueueBatch(items, { ...waits, onRetry });
  } catch (error) {
    throw atLine(error, batch);
  }
}

/** The API points into the batch; people look into their file. */
function atLine(error: unknown, batch: readonly Entry[]): unknown {
  const fault = error instanceof ApiProblem ? error.problem.errors?.[0] : undefined;
  const [, place, within] = /^\/items\/(\d+)(?:\/(.*))?$/.exec(fault?.pointer ?? '') ?? [];
  const line = place === undefined ? undefined : batch[Number(place)]?.line;
  if (!fault || line === undefined) return error;
  return new BadLine(
    line,
    within?.replace(/^data\//, '').replaceAll('/', '.'),
    fault.detail,
    'field',
  );
}
