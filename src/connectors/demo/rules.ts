import type { Json, JsonObject } from '../../json.js';

/** Why a demo shop will not have this record, as real shops put it; null when it is fine. */
export function whatIsWrong(verb: string, kind: string, data: JsonObject): string | null {
  if (verb === 'delete' || (kind !== 'product' && kind !== 'variant')) return null;
  const name = `${kind} ${JSON.stringify(data.sku)}`;
  if (kind === 'product' && lacksTitle(verb, data.title)) return `${name} has no title`;
  if (isNegative(data.price)) return `${name} has a negative price (${data.price})`;
  const variants = Array.isArray(data.variants) ? data.variants : [];
  for (const variant of variants) {
    const { sku = null, price = null } = (variant ?? {}) as JsonObject;
    if (isNegative(price))
      return `variant ${JSON.stringify(sku)} of ${name} has a negative price (${price})`;
  }
  return null;
}

/** An update may leave the title as it is, but not take it away. */
const lacksTitle = (verb: string, title: Json | undefined): boolean =>
  title === undefined ? verb === 'add' : typeof title !== 'string' || title.trim() === '';

const isNegative = (price: Json | undefined): boolean => Number(price ?? 0) < 0;
