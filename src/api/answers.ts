import { z } from 'zod';
import type { Json } from '../json.js';

/**
 * Shapes of what comes out. The OpenAPI document and the types of `andon/client` are made from them.
 * Fields may be added, never renamed; programs must not mind those that they do not know.
 */

/** Each of these has a name of its own in the OpenAPI document. */
export const shapes = z.registry<{ id: string }>();

function named<S extends z.ZodType>(id: string, schema: S): S {
  shapes.add(schema, { id });
  return schema;
}

const json = z.custom<Json>();
const time = z.string().meta({ format: 'date-time', description: 'ISO 8601, UTC' });
const count = z.int().min(0);
const queueId = z.int().min(1);
const states = [
  'waiting',
  'active',
  'backing-off',
  'failed',
  'completed',
  'skipped',
  'resolved',
] as const;

const page = <S extends z.ZodType>(id: string, item: S) =>
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

export const accepted = named(
  'Accepted',
  z.object({
    queueId,
    queue: z.string(),
    mode: z.enum(['blocking', 'non-blocking']),
    state: z.enum(states),
    position: count.meta({ description: 'how many items go before it' }),
  }),
);
export const acceptedBatch = named(
  'AcceptedBatch',
  z.object({
    items: z.array(
      accepted.extend({
        replayed: z
          .boolean()
          .meta({ description: 'it was there already, from a request with the same key' }),
      }),
    ),
  }),
);

const entity = z.object({ kind: z.string(), key: z.string() });
const historyEntry = z
  .object({ at: time, actor: z.string(), action: z.string() })
  .catchall(json)
  .meta({ description: 'more fields say how the action was meant' });

const shownItem = z.object({
  queueId,
  queue: z.string(),
  mode: z.enum(['blocking', 'non-blocking']),
  state: z.enum(states),
  instruction: z.string(),
  description: z.string().meta({ description: 'in plain words, as Add product to Cape Shopify' }),
  title: z.string(),
  client: z.string().nullable(),
  source: z.string().nullable(),
  channel: z.string().nullable(),
  entity: entity.nullable(),
  data: z.record(z.string(), json),
  attempts: count.meta({ description: 'starts so far, over all runs' }),
  tries: count.meta({ description: 'failed tries in the present run' }),
  position: count
    .nullable()
    .meta({ description: 'how many items go before it; null when it does not queue' }),
  enqueuedAt: time,
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  error: z
    .object({
      message: z.string(),
      cause: z.string().meta({ description: 'class of the failure' }),
      status: z.int().optional(),
      at: time.nullable(),
    })
    .nullable(),
  held: z
    .object({
      since: time.nullable(),
      times: count.meta({ description: 'how often its far side was found away' }),
      reason: z.string(),
      cause: z.string(),
    })
    .nullable()
    .meta({ description: 'set while the item is on hold' }),
  outcome: z
    .object({
      result: json.optional(),
      by: z.string().optional(),
      at: time.optional(),
      reason: z.string().nullable().optional(),
      reference: z.string().nullable().optional(),
    })
    .catchall(json)
    .nullable(),
  request: z
    .string()
    .nullable()
    .meta({ description: 'what the attempt that succeeded asked of the far side, in a few words' }),
  parts: z
    .array(
      z.object({
        kind: z.string(),
        key: z.string(),
        state: z.enum(['done', 'failed']),
        message: z.string().optional(),
      }),
    )
    .meta({ description: 'what became of each thing that it consists of' }),
  progress: json.meta({ description: 'a share from 0 to 100, or what the connector says' }),
  causedBy: queueId.nullable().meta({ description: 'the item whose success caused this one' }),
  caused: count.meta({ description: 'how many items its own success has caused' }),
  history: z.array(historyEntry),
  traceId: z
    .string()
    .nullable()
    .meta({ description: 'where its attempts are found in the traces; null without tracing' }),
  recordUrl: z.string().nullable().meta({ description: 'where the record can be seen' }),
});

export const listedItem = named('ListedItem', shownItem);
const item = shownItem.extend({
  logs: z.array(z.string()).meta({ description: 'what its connector has logged' }),
});
export const oneItem = named('Item', item);
export const itemPage = page('ItemPage', listedItem);

const skipped = named('SkippedItem', item.extend({ skippedIds: z.array(queueId) }));
const skipPreview = named(
  'SkipPreview',
  z.object({
    dryRun: z.literal(true),
    skips: z.array(listedItem).meta({ description: 'all that would be skipped, itself first' }),
    needs: z
      .array(listedItem)
      .meta({ description: 'items that stay queued and build on what it would have done' }),
    next: listedItem.nullable().meta({ description: 'what would run next' }),
    nextHidden: z
      .boolean()
      .meta({ description: 'an item of somebody else would run next, so `next` is null' }),
    stopped: z
      .enum(['paused', 'blocked'])
      .nullable()
      .meta({ description: 'why the queue would stand all the same' }),
    rule: z
      .boolean()
      .meta({ description: 'updates to come would be skipped until the next add of the entity' }),
    needsReason: z
      .boolean()
      .meta({ description: 'an add or a delete would go: the skip is refused without a reason' }),
  }),
);
export const skipAnswer = named('SkipAnswer', z.union([skipped, skipPreview]));

export const bulkAnswer = named(
  'BulkAnswer',
  z.object({
    dryRun: z.boolean(),
    matched: count,
    remaining: count.meta({ description: 'left by the canary' }),
    items: z.array(listedItem).meta({ description: 'those acted on, or that would be' }),
  }),
);

const queueState = z.enum(['running', 'blocked', 'paused', 'held']);
const queue = z.object({
  name: z.string(),
  kind: z.enum(['channel', 'source', 'parallel']),
  mode: z.enum(['blocking', 'non-blocking']),
  description: z.string(),
  client: z.string().nullable(),
  state: queueState.meta({ description: 'the strongest of the facts: blocked, paused, held' }),
  blocked: z.boolean(),
  paused: z.boolean(),
  pausedBy: z
    .object({ actor: z.string(), at: time.nullable(), reason: z.string().optional() })
    .nullable(),
  heldUntil: time.nullable(),
  heldReason: z.string().nullable(),
  heldCause: z.string().nullable(),
  heldKind: z
    .enum(['back-off', 'hold', 'rate'])
    .nullable()
    .meta({ description: 'for its next try, for the far side, or for room in its rate limit' }),
  heldBy: queueId.nullable().meta({ description: 'the head that waits' }),
  heldSince: time.nullable().meta({ description: 'however often the hold was prolonged' }),
  heldTimes: count,
  overdue: z.boolean().meta({ description: 'on hold for so long that a person should look' }),
  blockedBy: z
    .object({
      queueId,
      instruction: z.string(),
      title: z.string(),
      error: z.string(),
      cause: z.string(),
      since: time.nullable(),
    })
    .nullable()
    .meta({ description: 'null also while an item that this key may not see blocks the queue' }),
  counts: z.object({
    waiting: count,
    active: count,
    backingOff: count,
    failed: count,
    completed: count,
    skipped: count,
    resolved: count,
  }),
  oldestWaitingAt: time.nullable(),
  nextAttemptAt: time.nullable(),
});
export const oneQueue = named('Queue', queue);
export const queuePage = page('QueuePage', oneQueue);
export const clearedQueue = named('ClearedQueue', queue.extend({ cleared: count }));

export const fleet = named(
  'Fleet',
  z.object({
    paused: z
      .object({ at: time, by: z.string(), reason: z.string() })
      .nullable()
      .meta({ description: 'null while the fleet runs' }),
    running: count.meta({ description: 'items that are being delivered now' }),
  }),
);

export const summaryLine = named(
  'SummaryLine',
  z.object({
    client: z.string().nullable(),
    queue: z.string(),
    description: z.string(),
    state: queueState,
    waiting: count,
    failed: count,
    blocked: z.boolean(),
    cause: z.string().nullable().meta({ description: 'class of what stops the queue' }),
    overdue: z.boolean(),
    oldestWaitingAt: time.nullable(),
  }),
);
export const summary = named(
  'Summary',
  z.object({
    items: z.array(summaryLine),
    totals: z.object({
      queues: count,
      blocked: count,
      held: count,
      overdue: count,
      waiting: count,
      failed: count,
      oldestWaitingAt: time.nullable(),
    }),
  }),
);

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

const scope = z.enum(['enqueue', 'read', 'operate', 'admin']);
const apiKey = z.object({
  id: z.string(),
  description: z.string(),
  scopes: z.array(scope),
  client: z.string().nullable(),
  channels: z.array(z.string()).nullable(),
  sources: z.array(z.string()).nullable(),
  createdAt: time,
  lastUsedAt: time.nullable().meta({ description: 'to the minute' }),
});
export const oneKey = named('ApiKey', apiKey);
export const keyPage = page('ApiKeyPage', oneKey);
export const newKeyAnswer = named(
  'NewApiKey',
  apiKey.extend({
    key: z.string().meta({ description: 'id.secret: told this once, and never again' }),
  }),
);
export const revokedKey = named(
  'RevokedApiKey',
  z.object({ id: z.string(), revoked: z.literal(true) }),
);

export const auditLine = named(
  'AuditLine',
  z
    .object({
      id: z.string(),
      at: time,
      actor: z.string(),
      action: z.string(),
      queue: z.string().nullable(),
      queueId: queueId.nullable(),
    })
    .catchall(json),
);
export const auditPage = page('AuditPage', auditLine);

const user = z.object({
  name: z.string(),
  fullName: z.string(),
  role: z.enum(['viewer', 'operator', 'admin']),
  clients: z
    .array(z.string())
    .nullable()
    .meta({ description: 'clients that are seen; null is all of them' }),
  disabled: z.boolean(),
  hasPassword: z.boolean(),
  provider: z
    .string()
    .nullable()
    .meta({ description: 'issuer and subject where this user logs in' }),
  createdAt: time,
  lastLoginAt: time.nullable(),
});
export const oneUser = named('User', user);
export const userPage = page('UserPage', oneUser);
export const addedUser = named(
  'AddedUser',
  user.extend({
    password: z
      .string()
      .optional()
      .meta({ description: 'the one that was made: told this once, and never again' }),
  }),
);
export const newPassword = named(
  'NewPassword',
  z.object({ name: z.string(), password: z.string() }),
);
export const endedSessions = named('EndedSessions', z.object({ ended: count }));

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
