import type { NewBatchItem } from '../../client/shapes.js';
import type { Json, JsonObject } from '../../json.js';
import { BadLine } from './bad-line.js';

const members = [
  'instruction',
  'channel',
  'source',
  'client',
  'data',
  'entity',
  'title',
  'idempotencyKey',
];
const texts = ['instruction', 'channel', 'source', 'client', 'title', 'idempotencyKey'];

/** An item as a file has it: never without data. */
export type LineItem = NewBatchItem & { data: JsonObject };

/** A record is a whole item when it says what is to be done with which data; else it is data alone. */
export function itemOfLine(
  line: number,
  record: JsonObject,
  settings: { channel?: string; instruction: string },
): LineItem {
  const { channel } = settings;
  if (typeof record['instruction'] !== 'string' || !isObject(record['data']))
    return { instruction: settings.instruction, channel, data: record };
  for (const [name, value] of Object.entries(record)) {
    if (!members.includes(name)) throw new BadLine(line, name, 'is no part of an item', 'field');
    if (texts.includes(name) && typeof value !== 'string')
      throw new BadLine(line, name, 'must be a text', 'field');
  }
  const item = record as JsonObject & LineItem;
  // Records of one shop must not land in another because nobody looked into the file.
  if (channel !== undefined && item.channel !== undefined && item.channel !== channel)
    throw new BadLine(
      line,
      'channel',
      `is ${item.channel}, but --channel says ${channel}`,
      'field',
    );
  return item.source === undefined && channel !== undefined ? { ...item, channel } : item;
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
