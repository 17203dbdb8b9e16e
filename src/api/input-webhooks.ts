import { z } from 'zod';
import { idSchema } from '../config/endpoint-schema.js';

/** Shapes of what comes in about webhooks. */

const event = z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/, 'must be a name such as order.created');

/** @param url knows which networks may be reached */
export const webhookBody = (url: z.ZodString) =>
  z.strictObject({
    url,
    description: z.string().trim().min(1).max(200),
    client: idSchema.nullish(),
    events: z
      .array(event)
      .min(1)
      .max(200)
      .nullish()
      .meta({ description: 'null or without it, all' }),
  });

export const rotateBody = z.strictObject({
  overlapHours: z.number().min(0).max(720).default(24).meta({
    description: 'how long every delivery bears both signatures',
  }),
});
