import { randomUUID } from 'node:crypto';
import { type Stats, statSync } from 'node:fs';
import type { Command } from 'commander';
import type { AndonClient } from '../client/client.js';
import type { Patience } from '../client/patience.js';
import type { Accepted } from '../client/shapes.js';
import { loadCatalogue } from '../instructions/catalogue.js';
import { id, instruction } from './checks.js';
import { BadFile, NothingMatched, UsageError } from './exit.js';
import { BadLine } from './import/bad-line.js';
import { entries, type ImportSettings } from './import/entries.js';
import { type Progress, progressOf } from './import/progress.js';
import { batches, patience, sendBatch } from './import/send.js';
import { unreadable } from './input.js';
import type { Io } from './io.js';
import { addCommand, sessionOf } from './session.js';

interface ImportOptions {
  channel?: string;
  instruction: string;
  dryRun?: boolean;
  again?: boolean;
}

/** `andon import`: all of a file, in its order, once. */
export function addImport(program: Command, io: Io): void {
  addCommand(program, 'import', 'enqueue a Shopify product CSV, or JSON lines', [
    'import examples/apparel.csv --channel 12',
    'import prices.jsonl --channel 12 --instruction update_variant',
  ])
    .argument('<file>', '.csv in Shopify’s format; anything else is JSON, one object a line')
    .option('--channel <id>', 'where to; may be left out when each line is a whole item', id)
    .option('--instruction <name>', 'for lines that are data alone', instruction, 'add_product')
    .option('--dry-run', 'check the file and count, send nothing')
    .option('--again', 'enqueue also what an earlier import enqueued')
    .action(async (file: string, options: ImportOptions, command: Command) => {
      const { client, output } = sessionOf(command, io);
      mustBeFile(file);
      const { channel, instruction: name } = options;
      const run = options.again ? randomUUID() : '';
      const settings = { file, channel, instruction: name, catalogue: loadCatalogue(), run };
      const found = await survey(settings);
      if (found.items === 0) throw new NothingMatched(`${file} holds nothing to import.`);
      if (options.dryRun) {
        output.print(found, () => `${countsOf(found)}: nothing wrong, nothing sent.`);
        return;
      }
      const progress = progressOf(io, output, found.items);
      const sent = await sendAll(client, settings, progress);
      output.print({ ...found, ...sent }, () => `${countsOf(found)}: ${sentenceOf(sent)}`);
    });
}

interface Found {
  items: number;
  variants: number;
  images: number;
}

/** Reads the whole file once, so that a broken line 900 leaves nothing behind in a queue. */
export async function survey(settings: ImportSettings): Promise<Found> {
  const found: Found = { items: 0, variants: 0, images: 0 };
  try {
    for await (const { item } of entries(settings)) {
      const { variants, images } = item.data;
      found.items += 1;
      found.variants += Array.isArray(variants) ? variants.length : 0;
      found.images += Array.isArray(images) ? images.length : 0;
    }
  } catch (error) {
    throw error instanceof BadLine ? new BadFile(settings.file, error) : error;
  }
  return found;
}

interface Sent {
  enqueued: number;
  replayed: number;
  firstQueueId: number | null;
  lastQueueId: number | null;
  queues: string[];
}

/** Reads the file again and sends it. When it breaks off, a second run goes on where it stopped. */
export async function sendAll(
  client: AndonClient,
  settings: ImportSettings,
  progress: Progress,
  waits: Patience = patience,
): Promise<Sent> {
  const sent: Sent = {
    enqueued: 0,
    replayed: 0,
    firstQueueId: null,
    lastQueueId: null,
    queues: [],
  };
  try {
    for await (const batch of batches(entries(settings))) {
      for (const one of await sendBatch(client, batch, progress.wait, waits)) record(sent, one);
      progress.done(sent.enqueued + sent.replayed);
    }
  } catch (error) {
    const done = sent.enqueued + sent.replayed;
    progress.stop(
      done === 0
        ? 'Nothing was enqueued.'
        : `Broken off: ${done} items are enqueued. The same command goes on from there.`,
    );
    throw error instanceof BadLine ? new BadFile(settings.file, error) : error;
  }
  progress.stop();
  return sent;
}

function record(sent: Sent, { queueId, queue, replayed }: Accepted): void {
  if (replayed) sent.replayed += 1;
  else sent.enqueued += 1;
  sent.firstQueueId = Math.min(sent.firstQueueId ?? queueId, queueId);
  sent.lastQueueId = Math.max(sent.lastQueueId ?? queueId, queueId);
  if (!sent.queues.includes(queue)) sent.queues.push(queue);
}

function countsOf({ items, variants, images }: Found): string {
  const plural = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  if (variants + images === 0) return plural(items, 'item');
  return `${plural(items, 'product')} (${plural(variants, 'variant')}, ${plural(images, 'image')})`;
}

function sentenceOf({ enqueued, replayed, firstQueueId, lastQueueId, queues }: Sent): string {
  const where = `queue ids ${firstQueueId} to ${lastQueueId} in ${queues.join(', ')}`;
  return `${enqueued} enqueued, ${replayed} were already there; ${where}.`;
}

function mustBeFile(file: string): void {
  let found: Stats;
  try {
    found = statSync(file);
  } catch (error) {
    throw unreadable(file, error);
  }
  // It is read twice, which a pipe does not allow.
  if (!found.isFile()) throw new UsageError(`${file} is not a file.`);
}
