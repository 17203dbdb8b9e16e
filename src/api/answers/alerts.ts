import { z } from 'zod';
import { count, named, page, queueId } from './shape.js';

const recipient = z.object({
  address: z.string(),
  name: z.string(),
  quiet: z
    .object({
      from: z.string(),
      to: z.string(),
      timeZone: z.string(),
      holds: z.enum(['reminders', 'digests', 'everything']),
    })
    .optional(),
});
export const oneRecipient = named('Recipient', recipient);
export const alertList = named(
  'AlertList',
  z.object({
    client: z.string().nullable(),
    recipients: z.array(oneRecipient),
    successes: z.boolean(),
    escalation: z.object({ afterMs: count, recipients: z.array(oneRecipient) }).nullable(),
  }),
);
export const alertListPage = page('AlertListPage', alertList);
export const oneOverride = named(
  'Override',
  z.object({
    id: z.string(),
    client: z.string().nullable(),
    types: z.array(z.string()),
    channels: z.array(z.string()),
    sources: z.array(z.string()),
    recipients: z.array(oneRecipient),
  }),
);
export const overridePage = page('OverridePage', oneOverride);
export const notificationType = named(
  'NotificationType',
  z.object({
    name: z.string(),
    kind: z.enum(['error', 'success']),
    narrowedBy: z.array(z.enum(['channel', 'source'])),
    instruction: z.string().nullable(),
    description: z.string(),
  }),
);
export const notificationTypePage = page('NotificationTypePage', notificationType);
export const alertRoute = named(
  'AlertRoute',
  z.object({
    type: z.string(),
    client: z.string().nullable(),
    channel: z.string().nullable(),
    source: z.string().nullable(),
    told: z.array(
      recipient.extend({
        because: z.array(z.object({ type: z.string(), through: z.string() })),
      }),
    ),
    lost: z
      .array(z.object({ address: z.string(), type: z.string(), override: z.string() }))
      .meta({ description: 'who would be told but for an override' }),
    standIn: z
      .boolean()
      .meta({ description: 'the client has nobody: those without a client stand in' }),
  }),
);
export const alertWarning = named(
  'AlertWarning',
  z.object({
    type: z.enum(['no-recipients', 'undelivered']),
    detail: z.string(),
    client: z.string().nullable().optional(),
    count: count.optional(),
    queueIds: z.array(queueId).optional(),
  }),
);
export const alertWarningPage = page('AlertWarningPage', alertWarning);
