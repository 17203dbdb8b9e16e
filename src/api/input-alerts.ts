import { z } from 'zod';
import { listSchema, overrideSchema } from '../config/alerts-schema.js';
import { idSchema } from '../config/endpoint-schema.js';

/** Shapes of what comes in about alerts and incidents. */
const pageSize = 'must be a whole number from 1 to 200';
const limit = z.coerce
  .number(pageSize)
  .int(pageSize)
  .min(1, pageSize)
  .max(200, pageSize)
  .default(50);

export const incidentParams = z.strictObject({
  id: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'an incident is a whole number')
    .transform(Number),
});
export const incidentsQuery = z.strictObject({
  state: z.enum(['open', 'over']).optional(),
  limit,
  cursor: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'use the nextCursor of the page before')
    .optional(),
});
export const snoozeBody = z.strictObject({ until: z.iso.datetime({ offset: true }) });

export const overrideParams = z.strictObject({ id: idSchema });
export const listBody = listSchema;
export const overrideBody = overrideSchema;
export const routeQuery = z.strictObject({
  type: z.string().max(64),
  client: idSchema.optional(),
  channel: idSchema.optional(),
  source: idSchema.optional(),
});
