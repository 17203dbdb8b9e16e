import type { Json, JsonObject } from '../../json.js';

/** Why a demo shop will not have this record, as real shops put it; null when it is fine. */
export function whatIsWrong(verb: string, kind: string, data: JsonObject): string | null {
  if (verb === 'delete' || (kind !== 'product' && kind !== 'variant')) return null;
  const name = `${kind} ${JSON.stringify(data.sku)}`;
  if (kind === 'product' && lacksTitle(verb, data.title)) return `${name} has no title`;
  if (isNegative(data.price)) return `${name} has a negative price (${data.price})`;
  const variants = Array.isArray(data.variants) ? data.variants : [];
  for (const variant of variants) {
    const wrong = whatIsWrongWithVariant(data.sku, (variant ?? {}) as JsonObject);
    if (wrong) return wrong;
  }
  return null;
}

/** @param product SKU of the product that it belongs to */
export function whatIsWrongWithVariant(product: Json | undefined, variant: JsonObject) {
  const { sku = null, price = null } = variant;
  if (!isNegative(price)) return null;
  const of = `variant ${JSON.stringify(sku)} of product ${JSON.stringify(product)}`;
  return `${of} has a negative price (${price})`;
}

/** Shops fetch images by their address. */
export const whatIsWrongWithImage = ({ src }: JsonObject): string | null =>
  /^https?:\/\//.test(String(src)) ? null : `image ${JSON.stringify(src)} has no address`;

/** An update may leave the title as it is, but not take it away. */
const lacksTitle = (verb: string, title: Json | undefined): boolean =>
  title === undefined ? verb === 'add' : typeof title !== 'string' || title.trim() === '';

const isNegative = (price: Json | undefined): boolean => Number(price ?? 0) < 0;
