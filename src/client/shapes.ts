import type { z } from 'zod';
import type * as alertsOut from '../api/answers/alerts.js';
import type * as auditOut from '../api/answers/audit.js';
import type * as endpointsOut from '../api/answers/endpoints.js';
import type * as incidentsOut from '../api/answers/incidents.js';
import type * as itemsOut from '../api/answers/items.js';
import type * as keysOut from '../api/answers/keys.js';
import type * as queuesOut from '../api/answers/queues.js';
import type * as usersOut from '../api/answers/users.js';
import type * as webhooksOut from '../api/answers/webhooks.js';
import type * as input from '../api/input.js';
import type * as alerts from '../api/input-alerts.js';
import type * as users from '../api/input-users.js';
import type { webhookBody } from '../api/input-webhooks.js';

/**
 * What the HTTP API answers and takes, derived from the very schemas that validate and document it.
 * Fields may be added to answers; programs must not mind.
 */

type Out<S extends z.ZodType> = z.output<S>;
type In<S extends z.ZodType> = z.input<S>;

/** One page of a list; `nextCursor` null means it was the last. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

// Items

/** What is sent to enqueue one item. */
export type NewItem = In<typeof input.itemBody>;
/** One of a batch may have a key of its own; a single item has it among the options. */
export type NewBatchItem = In<typeof input.batchBody>['items'][number];
/** The answer to an enqueue: it is stored, and this is where. */
export type Accepted = Out<typeof itemsOut.accepted> & {
  /** It was there already, from an earlier request with the same key. */
  replayed: boolean;
};
export type Item = Out<typeof itemsOut.listedItem>;
/** With what its connector has logged. */
export type ItemDetails = Out<typeof itemsOut.oneItem>;
export type SkippedItem = Extract<Out<typeof itemsOut.skipAnswer>, { skippedIds: number[] }>;
export type SkipPreview = Extract<Out<typeof itemsOut.skipAnswer>, { dryRun: true }>;
export type SkipHow = Omit<NonNullable<In<typeof input.skipBody>>, 'dryRun'>;
/** Which items: every field given must match. `entity` as `sku:TSH-RED-M`, `since` in ISO 8601. */
export type ItemFilter = Omit<In<typeof input.searchQuery>, 'limit' | 'cursor'>;
/** A filter over many failed items at once: `canary` takes the first n only, `dryRun` changes nothing. */
export type BulkRetry = In<typeof input.bulkRetryBody>;
export type BulkSkip = In<typeof input.bulkSkipBody>;
export type BulkAnswer = Out<typeof itemsOut.bulkAnswer>;
export type ItemState = Item['state'];
export type Mode = Item['mode'];
export type SkipScope = NonNullable<SkipHow['scope']>;

// Queues

export type Queue = Out<typeof queuesOut.oneQueue>;
export type ClearedQueue = Out<typeof queuesOut.clearedQueue>;
export type SummaryLine = Out<typeof queuesOut.summaryLine>;
export type Summary = Out<typeof queuesOut.summary>;

/** The whole fleet. */
export type Fleet = Out<typeof queuesOut.fleet>;

// Channels, sources, services

export type Endpoint = Out<typeof endpointsOut.oneEndpoint>;
export type PutEndpoint = Out<typeof endpointsOut.putEndpointAnswer>;
export type EndpointSettings = In<typeof input.endpointBody>;
export type EndpointKind = Endpoint['kind'];
export type RetrySettings = NonNullable<EndpointSettings['retry']>;
export type RateLimit = NonNullable<EndpointSettings['rateLimit']>;

// Webhooks

export type Webhook = Out<typeof webhooksOut.oneWebhook>;
export type PutWebhook = Out<typeof webhooksOut.putWebhookAnswer>;
export type RotatedWebhook = Out<typeof webhooksOut.rotatedWebhook>;
export type WebhookSettings = In<ReturnType<typeof webhookBody>>;

// Keys, audit, users

export type ApiKey = Out<typeof keysOut.oneKey>;
export type CreatedKey = Out<typeof keysOut.newKeyAnswer>;
export type NewKey = In<typeof input.keyBody>;
export type Scope = ApiKey['scopes'][number];
export type AuditLine = Out<typeof auditOut.auditLine>;
export type User = Out<typeof usersOut.oneUser>;
export type AddedUser = Out<typeof usersOut.addedUser>;
export type NewPassword = Out<typeof usersOut.newPassword>;
export type NewUser = In<typeof users.userBody>;
export type UserChange = In<typeof users.changeBody>;
export type Role = User['role'];

// Alerts and incidents

/** Somebody who is told by mail. */
export type Recipient = Out<typeof alertsOut.oneRecipient>;
/** The top level of a client: who gets everything that no override takes away. */
export type AlertList = Out<typeof alertsOut.alertList>;
export type NewAlertList = In<typeof alerts.listBody>;
export type Override = Out<typeof alertsOut.oneOverride>;
export type NewOverride = In<typeof alerts.overrideBody>;
export type NotificationType = Out<typeof alertsOut.notificationType>;
export type AlertQuestion = In<typeof alerts.routeQuery>;
/** Who would be told of a notification, and who lost it through which override. */
export type AlertRoute = Out<typeof alertsOut.alertRoute>;
export type AlertWarning = Out<typeof alertsOut.alertWarning>;
/** Failures of one cause. */
export type Incident = Out<typeof incidentsOut.listedIncident>;
export type IncidentDetails = Out<typeof incidentsOut.oneIncident>;

// The values that some of them can have, to choose from.

export const itemStates = [
  'waiting',
  'active',
  'backing-off',
  'failed',
  'completed',
  'skipped',
  'resolved',
] as const satisfies readonly ItemState[];

/** Why an attempt did not succeed. */
export const causes = [
  'connection',
  'throttled',
  'credentials',
  'data',
  'duplicate',
  'conflict',
  'bug',
] as const satisfies readonly NonNullable<ItemFilter['cause']>[];

export const skipScopes = [
  'item',
  'entity',
  'entity-until-add',
] as const satisfies readonly SkipScope[];
export const scopes = ['enqueue', 'read', 'operate', 'admin'] as const satisfies readonly Scope[];
export const endpointKinds = [
  'channel',
  'source',
  'service',
] as const satisfies readonly EndpointKind[];
export const roles = ['viewer', 'operator', 'admin'] as const satisfies readonly Role[];
