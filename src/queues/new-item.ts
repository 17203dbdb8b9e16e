import { z } from 'zod';
import { idSchema } from '../config/endpoint-schema.js';
import { jsonObject } from '../json/is-json.js';

/** One line of text that a person or program gave. */
export const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}]*$/u, 'must not hold control characters');

const entity = z.strictObject({
  kind: z
    .string()
    .regex(/^[a-z_]{1,32}$/, 'must be a word in small letters')
    .meta({ description: 'sku, order, customer …' }),
  key: line(255).meta({ description: 'as TSH-RED-M' }),
});

/** An item as somebody asks for it: over the API, or a connector as a follow-up. */
export const newItemSchema = z.strictObject({
  instruction: line(64).meta({ description: 'what is to be done, as add_product' }),
  channel: idSchema.optional().meta({ description: 'the shop that it is for' }),
  source: idSchema.optional().meta({ description: 'the business system that it is for' }),
  client: idSchema
    .optional()
    .meta({ description: 'whose it is, where no channel or source tells' }),
  data: jsonObject.default({}).meta({
    description: 'goes to the connector as it is; what must be in it depends on the instruction',
  }),
  entity: entity.optional().meta({
    description: 'business key that people search and skip by; left out, it is read from data',
  }),
  title: line(200)
    .optional()
    .meta({ description: 'what people read in lists; left out, the key of the entity' }),
});
export type NewItem = z.infer<typeof newItemSchema> & { idempotencyKey?: string | undefined };
