import { z } from 'zod';
import { scopes } from '../accounts/caller.js';
import { endpointSchema, idSchema } from '../config/endpoint-schema.js';
import { causes } from '../connectors/connector.js';
import { parseEntity } from '../instructions/entity.js';
import { jsonObject } from '../json/is-json.js';
import { line, newItemSchema } from '../queues/new-item.js';

/** Shapes of what comes in. The API's documentation is made from them. */
export const queueIdParams = z.strictObject({
  queueId: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'a queue id is a whole number')
    .transform(Number),
});
export const idParams = z.strictObject({ id: idSchema });
export const queueParams = z.strictObject({
  name: z
    .string()
    .regex(
      /^(parallel|(channel|source)\.[A-Za-z0-9_-]{1,64})$/,
      'a queue is called parallel, channel.<id> or source.<id>',
    ),
});

const pageSize = 'must be a whole number from 1 to 200';
const limit = z.coerce
  .number(pageSize)
  .int(pageSize)
  .min(1, pageSize)
  .max(200, pageSize)
  .default(50);
const cursor = (form: RegExp) =>
  z.string().regex(form, 'use the nextCursor of the page before').optional();
export const auditQuery = z.strictObject({
  limit,
  cursor: cursor(/^[1-9]\d{0,14}-\d{1,15}(\.\d{1,4})?$/),
});
export const endpointsQuery = z.strictObject({ limit, cursor: idSchema.optional() });
export const queuesQuery = z.strictObject({ limit, cursor: queueParams.shape.name.optional() });

const entityText = z
  .string()
  .max(300)
  .refine((text) => parseEntity(text) !== null, 'write it as kind:key, such as sku:TSH-RED-M')
  .transform((text) => parseEntity(text) ?? undefined);

const filter = {
  state: z
    .enum(['waiting', 'active', 'backing-off', 'failed', 'completed', 'skipped', 'resolved'])
    .optional(),
  queue: queueParams.shape.name.optional(),
  client: idSchema.optional(),
  instruction: line(64).optional(),
  entity: entityText.optional().meta({ description: 'kind:key, such as sku:TSH-RED-M' }),
  cause: z.enum(causes).optional().meta({ description: 'class of the error' }),
  error: line(200).optional().meta({ description: 'part of the error text' }),
  since: z.iso.datetime({ offset: true }).optional().meta({ description: 'enqueued since' }),
};
export const searchQuery = z.strictObject({
  ...filter,
  limit,
  cursor: cursor(/^\d{1,15}$/),
});

export const itemBody = newItemSchema;

export const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 printable characters without blanks');
export const batchBody = z.strictObject({
  items: z
    .array(
      itemBody.extend({
        idempotencyKey: idempotencyKey
          .optional()
          .meta({ description: 'of this item alone, in whatever batch it comes' }),
      }),
    )
    .min(1)
    .max(1000),
});

const reason = line(1000).optional().meta({ description: 'stands in the history' });
export const editBody = z.strictObject({
  data: jsonObject.meta({ description: 'takes the place of all of it' }),
});
const skipReason = line(1000).optional().meta({
  description: 'stands in the history; needed when an add or a delete would be left undone',
});
const skipScope = z.enum(['item', 'entity', 'entity-until-add']).default('item').meta({
  description:
    'this item; with all queued updates of its entity; and those to come until its next add',
});
export const skipBody = z
  .strictObject({
    reason: skipReason,
    scope: skipScope,
    until: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({ description: 'when a skip until the next add ends by itself' }),
    dryRun: z
      .boolean()
      .default(false)
      .meta({ description: 'only tell what would be skipped, what needs it, and what runs next' }),
  })
  .refine(({ scope, until }) => until === undefined || scope === 'entity-until-add', {
    error: 'goes with the scope entity-until-add only',
    path: ['until'],
  });
export const undoBody = z.strictObject({ reason });
export const resolveBody = z.strictObject({
  reference: line(255).optional().meta({ description: 'of what was done by hand, as an invoice' }),
  reason,
});

const bulk = {
  ...filter,
  state: z.enum(['failed', 'backing-off']).optional(),
  canary: z.int().min(1).optional().meta({
    description: 'only the first n, oldest first; look at them, then call again for the rest',
  }),
  dryRun: z.boolean().default(false).meta({ description: 'only say what would be done' }),
};
export const bulkRetryBody = z.strictObject(bulk);
export const bulkSkipBody = z.strictObject({ ...bulk, reason: skipReason, scope: skipScope });

export const pauseBody = z.strictObject({ reason });
export const clearBody = z.strictObject({ reason: line(1000) });
export const fleetPauseBody = z.strictObject({ reason: line(1000) });

export const endpointBody = endpointSchema;

export const keyBody = z.strictObject({
  scopes: z.array(z.enum(scopes)).min(1),
  description: line(200).optional(),
  client: idSchema.optional().meta({ description: 'sees and sends only what is of this client' }),
  channels: z.array(idSchema).min(1).optional().meta({ description: 'only these channels' }),
  sources: z.array(idSchema).min(1).optional().meta({ description: 'only these sources' }),
});
