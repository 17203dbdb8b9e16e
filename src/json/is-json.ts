import { z } from 'zod';
import type { Json } from '../json.js';

/**
 * Whether JSON can hold the value as it is. By hand: zod's own schema for that takes twenty times as long, which
 * a batch of a thousand items makes every other request wait for.
 */
export function isJson(value: unknown): value is Json {
  if (value === null) return true;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      if (Array.isArray(value)) return value.every(isJson);
      return z.core.util.isPlainObject(value) && Object.values(value).every(isJson);
    default:
      return false;
  }
}

/** An object of whatever JSON can hold. */
export const jsonObject: z.ZodRecord<z.ZodString, z.ZodCustom<Json, Json>> = z.record(
  z.string(),
  z.custom<Json>(isJson, 'must be something that JSON can hold'),
);
