import { z } from 'zod';
import { named, page, time } from './shape.js';

const webhook = z.object({
  id: z.string(),
  url: z.string(),
  description: z.string(),
  client: z.string().nullable(),
  events: z.array(z.string()).nullable().meta({ description: 'null: all' }),
  disabled: z
    .object({ at: time, reason: z.string() })
    .nullable()
    .meta({ description: 'it answered 410 Gone; nothing is sent until somebody enables it' }),
});
export const oneWebhook = named('Webhook', webhook);
export const webhookPage = page('WebhookPage', oneWebhook);
export const putWebhookAnswer = named(
  'PutWebhook',
  webhook.extend({
    secret: z.string().optional().meta({ description: 'told when it is made, and never again' }),
  }),
);
export const rotatedWebhook = named(
  'RotatedWebhook',
  webhook.extend({
    secret: z.string(),
    formerSignsUntil: time.meta({ description: 'until then deliveries bear both signatures' }),
  }),
);
