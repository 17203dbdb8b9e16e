import type { JsonObject } from '../json.js';
import type { CatalogueEntry } from './catalogue.js';

/** The business key of an item. */
export interface Entity {
  readonly kind: string;
  readonly key: string;
}

/** Where the key of each kind of entity stands in the data, and the word before the colon. */
const keys = {
  product: ['sku', 'sku'],
  variant: ['sku', 'sku'],
  image: ['sku', 'sku'],
  order: ['order', 'orderNumber'],
  customer: ['customer', 'code'],
} as const;

/** The entity that an item's data names, or null when the instruction concerns none. */
export function entityOf(entry: CatalogueEntry, data: JsonObject): Entity | null {
  if (!entry.entity) return null;
  const [kind, field] = keys[entry.entity];
  const value = data[field];
  const key = typeof value === 'number' ? String(value) : value;
  return typeof key === 'string' && key !== '' ? { kind, key } : null;
}

/** `sku:TSH-RED-M`, as it stands in URLs, on the command line and in the index. */
export const entityText = (entity: Entity): string => `${entity.kind}:${entity.key}`;

/** Reads `sku:TSH-RED-M`; null when there is no kind before a colon. */
export function parseEntity(text: string): Entity | null {
  const colon = text.indexOf(':');
  if (colon < 1 || colon === text.length - 1) return null;
  return { kind: text.slice(0, colon), key: text.slice(colon + 1) };
}

/** What tells one item from its neighbours in a list: the title that was given, the product's, or the key. */
export function titleOf(entity: Entity | null, data: JsonObject): string {
  const title = data['title'] ?? data['subject'] ?? data['event'];
  if (typeof title === 'string' && title.trim() !== '') return shorten(title.trim());
  return entity ? entity.key : '';
}

/** At most 200 characters, none of them cut in half. */
const shorten = (text: string): string => [...text.slice(0, 400)].slice(0, 200).join('');
