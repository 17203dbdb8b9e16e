import { setTimeout as sleep } from 'node:timers/promises';
import type { AndonClient } from '../../client/client.js';
import { ApiProblem, Unreachable } from '../../client/problem.js';
import type { Accepted } from '../../client/shapes.js';
import { BadLine } from './bad-line.js';
import type { Entry } from './entries.js';

/** Items a request, and bytes: the API takes 10 MiB. */
const MOST_ITEMS = 100;
const MOST_BYTES = 8 * 1024 * 1024;

export interface Patience {
  /** Tries of one batch, the first included. */
  readonly tries: number;
  /** Wait after the first; doubles each time. Milliseconds. */
  readonly firstDelayMs: number;
  /** No wait is longer, whatever the server asks for. Milliseconds. */
  readonly maxDelayMs: number;
}
export const patience: Patience = { tries: 6, firstDelayMs: 1_000, maxDelayMs: 60_000 };

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
  onWait: (error: Error, ms: number) => void,
  { tries, firstDelayMs, maxDelayMs }: Patience = patience,
): Promise<Accepted[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await client.enqueueBatch(batch.map(({ item }) => item));
    } catch (error) {
      if (!(error instanceof Error) || !passes(error) || attempt === tries)
        throw atLine(error, batch);
      const asked = error instanceof ApiProblem ? error.retryAfter : undefined;
      const delay = asked === undefined ? firstDelayMs * 2 ** (attempt - 1) : asked * 1_000;
      const ms = Math.min(delay, maxDelayMs);
      onWait(error, ms);
      await sleep(ms);
    }
  }
}

/** Whether it may work later: nobody answers, or the answer says so. */
const passes = (error: Error): boolean =>
  error instanceof Unreachable ||
  (error instanceof ApiProblem && [429, 502, 503, 504].includes(error.status));

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
