import { z } from 'zod';
import { idSchema } from '../config/schema.js';

/** One line of text that a person or program gave. */
export const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}]*$/u, 'must not hold control characters');

const entity = z.strictObject({
  kind: z.string().regex(/^[a-z_]{1,32}$/, 'must be a word in small letters'),
  key: line(255),
});

/** An item as somebody asks for it: over the API, or a connector as a follow-up. */
export const newItemSchema = z.strictObject({
  instruction: line(64),
  channel: idSchema.optional(),
  source: idSchema.optional(),
  client: idSchema.optional(),
  data: z.record(z.string(), z.json()).default({}),
  entity: entity.optional(),
  title: line(200).optional(),
});
export type NewItem = z.infer<typeof newItemSchema> & { idempotencyKey?: string | undefined };
