import { z } from 'zod';
import { count, json, named, page, queueId, time } from './shape.js';

const states = [
  'waiting',
  'active',
  'backing-off',
  'failed',
  'completed',
  'skipped',
  'resolved',
] as const;

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
