import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { examine } from '../../config/faults.js';
import type { Catalogue } from '../../instructions/catalogue.js';
import { dataSchemas } from '../../instructions/data.js';
import type { JsonObject } from '../../json.js';
import { BadLine } from './bad-line.js';
import { itemOfLine, type LineItem } from './item-line.js';
import { jsonLines } from './json-lines.js';
import { shopifyProducts } from './shopify-csv.js';
import { wholeLines } from './whole-lines.js';

export interface ImportSettings {
  readonly file: string;
  readonly channel?: string;
  /** For records that are data alone. */
  readonly instruction: string;
  readonly catalogue: Catalogue;
  /** Part of every idempotency key; another one enqueues everything anew. */
  readonly run: string;
}

/** One item to be sent, and the line that it comes from. */
export interface Entry {
  readonly line: number;
  readonly item: LineItem;
}

/** Largest item that the API takes. Bytes of JSON. */
const LARGEST_ITEM = 1024 * 1024;

/**
 * Items of a file, one held at a time; of those before, only a short hash is remembered.
 * Checked as far as can be told without the API.
 * @throws BadLine
 */
export async function* entries(settings: ImportSettings): AsyncGenerator<Entry> {
  const seen = new Map<string, number>();
  for await (const { line, item } of itemsOf(settings)) {
    check(line, item, settings.catalogue);
    const content = hashOf(settings.run, item);
    // The same record may come again on purpose: change, change back. Only a second run is a repeat.
    const occurrence = seen.get(content) ?? 0;
    seen.set(content, occurrence + 1);
    const idempotencyKey = item.idempotencyKey ?? `import-${content}-${occurrence}`;
    yield { line, item: { ...item, idempotencyKey } };
  }
}

async function* itemsOf(settings: ImportSettings): AsyncGenerator<Entry> {
  const text = wholeLines(createReadStream(settings.file));
  if (extname(settings.file).toLowerCase() === '.csv') {
    for await (const { line, product } of shopifyProducts(text))
      yield { line, item: itemOfLine(line, product, settings) };
    return;
  }
  for await (const { line, record } of jsonLines(text))
    yield { line, item: itemOfLine(line, record, settings) };
}

/** What the API would refuse is found before the first item is sent. */
function check(line: number, item: LineItem, catalogue: Catalogue): void {
  const entry = catalogue.get(item.instruction);
  if (!entry) throw new BadLine(line, undefined, `there is no instruction "${item.instruction}"`);
  if (entry.target && item[entry.target] === undefined) {
    const option = entry.target === 'channel' ? ': give --channel ID' : '';
    throw new BadLine(line, undefined, `${item.instruction} needs a ${entry.target}${option}`);
  }
  const checked = examine(dataSchemas[entry.data], item.data);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new BadLine(line, issue?.path.join('.'), issue?.message ?? 'is not valid', 'field');
  }
  if (Buffer.byteLength(JSON.stringify(item)) > LARGEST_ITEM)
    throw new BadLine(line, undefined, 'is larger than 1 MiB, more than an item may be');
}

function hashOf(
  run: string,
  { instruction, channel, source, client, data, entity, title }: LineItem,
): string {
  const content: JsonObject = { run, instruction, data };
  Object.assign(content, { channel, source, client, entity, title });
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 24);
}
