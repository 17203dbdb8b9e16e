import { z } from 'zod';
import { count, named, page, queueId, time } from './shape.js';

const incident = z.object({
  id: z.int().min(1),
  state: z.enum(['open', 'over']),
  error: z.string(),
  cause: z.string(),
  farSide: z.string(),
  away: z.boolean().meta({ description: 'the far side itself is the matter' }),
  since: time.nullable(),
  lastFailureAt: time.nullable(),
  overAt: time.nullable(),
  failures: count,
  open: count,
  queues: z.array(z.string()),
  clients: z.array(z.string().nullable()),
  claimedBy: z.string().nullable(),
  claimedAt: time.nullable(),
  snoozedUntil: time.nullable(),
  snoozedBy: z.string().nullable(),
  told: z
    .array(
      z.object({
        address: z.string(),
        name: z.string(),
        mails: z.array(
          z.object({ stage: z.string(), at: time.nullable(), queueId: queueId.nullable() }),
        ),
      }),
    )
    .nullable()
    .meta({ description: 'who was told what; null for those who see only a part of it' }),
});
export const listedIncident = named('ListedIncident', incident);
export const incidentPage = page('IncidentPage', listedIncident);
export const oneIncident = named(
  'Incident',
  incident.extend({
    items: z.array(
      z.object({
        queueId,
        queue: z.string(),
        kind: z.enum(['failed', 'held']),
        since: time.nullable(),
        error: z.string(),
      }),
    ),
  }),
);
