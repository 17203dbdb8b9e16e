import { z } from 'zod';
import type { Json } from '../../json.js';

/**
 * Shapes of what comes out. The OpenAPI document and the types of `andon/client` are made from them.
 * Fields may be added, never renamed; programs must not mind those that they do not know.
 */

/** Each of these has a name of its own in the OpenAPI document. */
export const shapes = z.registry<{ id: string }>();

/** Gives it that name. */
export function named<S extends z.ZodType>(id: string, schema: S): S {
  shapes.add(schema, { id });
  return schema;
}

export const json = z.custom<Json>();
export const time = z.string().meta({ format: 'date-time', description: 'ISO 8601, UTC' });
export const count = z.int().min(0);
export const queueId = z.int().min(1);

/** One page of a list of them. */
export const page = <S extends z.ZodType>(id: string, item: S) =>
  named(
    id,
    z.object({
      items: z.array(item),
      nextCursor: z
        .string()
        .nullable()
        .meta({ description: 'give it as `cursor` for the next page; null: this was the last' }),
    }),
  );
