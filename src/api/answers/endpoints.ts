import { z } from 'zod';
import { json, named, page } from './shape.js';

const rateLimit = z.object({
  max: z.int().min(1),
  per: z.enum(['second', 'minute', 'hour', 'day']),
});
const retry = z.object({
  attempts: z.int().optional(),
  firstDelayMs: z.int().optional(),
  maxDelayMs: z.int().optional(),
});
const endpoint = z.object({
  id: z.string(),
  kind: z.enum(['channel', 'source', 'service']),
  description: z.string(),
  client: z.string().nullable(),
  connector: z
    .object({ type: z.string() })
    .catchall(json)
    .meta({ description: 'its settings, without those that are secret' }),
  retry: retry.nullable(),
  rateLimit: rateLimit.nullable(),
  resendUnknown: z.boolean(),
  recordUrl: z.string().nullable(),
  queue: z.string().nullable(),
});
export const oneEndpoint = named('Endpoint', endpoint);
export const endpointPage = page('EndpointPage', oneEndpoint);
export const putEndpointAnswer = named(
  'PutEndpoint',
  endpoint.extend({
    secret: z
      .string()
      .optional()
      .meta({ description: 'what signs its deliveries: told when it is made, and never again' }),
  }),
);
