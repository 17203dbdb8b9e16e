import type { Json, JsonObject } from '../json.js';

/** What the HTTP API answers and takes. Fields may be added there; programs must not mind. */

export const itemStates = [
  'waiting',
  'active',
  'backing-off',
  'failed',
  'completed',
  'skipped',
  'resolved',
] as const;
export type ItemState = (typeof itemStates)[number];

/** Why an attempt did not succeed. */
export const causes = [
  'connection',
  'throttled',
  'credentials',
  'data',
  'duplicate',
  'conflict',
  'bug',
] as const;

export const skipScopes = ['item', 'entity', 'entity-until-add'] as const;
export type SkipScope = (typeof skipScopes)[number];

export const scopes = ['enqueue', 'read', 'operate', 'admin'] as const;
export type Scope = (typeof scopes)[number];

export type Mode = 'blocking' | 'non-blocking';

/** One page of a list; `nextCursor` null means it was the last. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** What is sent to enqueue one item. */
export interface NewItem {
  instruction: string;
  channel?: string;
  source?: string;
  client?: string;
  data: JsonObject;
  entity?: { kind: string; key: string };
  title?: string;
  /** Only within a batch; a single item has the `Idempotency-Key` header. */
  idempotencyKey?: string;
}

/** The answer to an enqueue: it is stored, and this is where. */
export interface Accepted {
  queueId: number;
  queue: string;
  mode: Mode;
  state: ItemState;
  position: number;
  /** It was there already, from an earlier request with the same key. */
  replayed: boolean;
}

export interface Item {
  queueId: number;
  queue: string;
  mode: Mode;
  state: ItemState;
  instruction: string;
  description: string;
  title: string;
  client: string | null;
  source: string | null;
  channel: string | null;
  entity: { kind: string; key: string } | null;
  data: JsonObject;
  attempts: number;
  position: number | null;
  enqueuedAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  error: { message: string; cause?: string | null; status?: number; at: string | null } | null;
  /** Set while the item is on hold: since when, how often its far side was found away, why. */
  held?: { since: string | null; times: number; reason: string; cause: string } | null;
  outcome: {
    result?: Json;
    by?: string;
    at?: string;
    reason?: string | null;
    reference?: string | null;
  } | null;
  /** What became of each thing that it consists of, where its connector says so. */
  parts?: { kind: string; key: string; state: 'done' | 'failed'; message?: string }[];
  /** A share from 0 to 100, or what the connector says. */
  progress?: Json;
  /** The item whose success caused this one. */
  causedBy?: number | null;
  /** How many items its own success has caused. */
  caused?: number;
  history?: { at: string; actor: string; action: string; [fact: string]: Json | undefined }[];
  /** Where the record can be seen. */
  recordUrl?: string | null;
  logs?: string[];
}

/** Which items: every field given must match. */
export interface ItemFilter {
  state?: ItemState;
  queue?: string;
  client?: string;
  instruction?: string;
  /** As `sku:TSH-RED-M`. */
  entity?: string;
  /** Class of the error, as `connection`. */
  cause?: string;
  /** Text within the error's message. */
  error?: string;
  /** ISO 8601. */
  since?: string;
}

/** A filter over many failed items at once: `canary` takes the first n only, `dryRun` changes nothing. */
export interface BulkRequest extends ItemFilter {
  canary?: number;
  dryRun?: boolean;
  reason?: string;
}

/** `matched` were found, `items` were acted on (or would be), `remaining` were left by the canary. */
export interface BulkAnswer {
  dryRun: boolean;
  matched: number;
  remaining: number;
  items: Item[];
}

export interface Queue {
  name: string;
  kind: 'channel' | 'source' | 'parallel';
  mode: Mode;
  description: string;
  client: string | null;
  state: 'running' | 'blocked' | 'paused' | 'held';
  blocked: boolean;
  paused: boolean;
  pausedBy: { actor: string; at: string | null; reason?: string } | null;
  heldUntil: string | null;
  /** Why its head waits, for its next try or for the far side. */
  heldReason: string | null;
  heldCause?: string | null;
  /** For its next try, for the far side, or for room in its rate limit. */
  heldKind?: 'back-off' | 'hold' | 'rate' | null;
  heldBy?: number | null;
  /** Since when it is on hold altogether, however often the hold was prolonged. */
  heldSince?: string | null;
  heldTimes?: number;
  /** On hold for so long that a person should look. */
  overdue?: boolean;
  blockedBy: {
    queueId: number;
    title: string;
    error: string;
    cause?: string;
    since: string | null;
  } | null;
  counts: Record<
    'waiting' | 'active' | 'backingOff' | 'failed' | 'completed' | 'skipped' | 'resolved',
    number
  >;
  oldestWaitingAt: string | null;
  nextAttemptAt: string | null;
}

/** One queue in the summary. */
/** The whole fleet. */
export interface Fleet {
  paused: { at: string; by: string; reason: string } | null;
  /** Items that are being delivered now. */
  running: number;
}

export interface SummaryLine {
  client: string | null;
  queue: string;
  description: string;
  state: Queue['state'];
  waiting: number;
  failed: number;
  blocked: boolean;
  cause?: string | null;
  overdue?: boolean;
  oldestWaitingAt: string | null;
}

export interface Summary {
  items: SummaryLine[];
  totals: {
    queues: number;
    blocked: number;
    waiting: number;
    failed: number;
    oldestWaitingAt: string | null;
  };
}

export const endpointKinds = ['channel', 'source', 'service'] as const;
export type EndpointKind = (typeof endpointKinds)[number];

export interface RetrySettings {
  attempts?: number;
  firstDelayMs?: number;
  maxDelayMs?: number;
}

export interface RateLimit {
  max: number;
  per: 'second' | 'minute' | 'hour' | 'day';
}

/** The whole of it: what is null or not given is cleared. */
export interface EndpointSettings {
  description: string;
  client?: string | null;
  connector: JsonObject & { type: string };
  retry?: RetrySettings | null;
  rateLimit?: RateLimit | null;
  /** Orders too are sent again when nobody knows whether they arrived. */
  resendUnknown?: boolean;
  recordUrl?: string | null;
}

export interface Endpoint {
  id: string;
  kind: EndpointKind;
  description: string;
  client: string | null;
  connector: JsonObject & { type: string };
  retry: RetrySettings | null;
  rateLimit?: RateLimit | null;
  resendUnknown?: boolean;
  recordUrl: string | null;
  queue: string | null;
  /** The signing secret, only in the answer to the PUT that made it. */
  secret?: string;
}

/** What a new API key may do, and what it is limited to. */
export interface NewKey {
  scopes: Scope[];
  description?: string;
  client?: string;
  channels?: string[];
  sources?: string[];
}

export interface ApiKey {
  id: string;
  description: string | null;
  scopes: Scope[];
  client: string | null;
  createdAt: string;
  lastUsedAt: string | null;
}

export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/** A user of the desk. */
export interface User {
  name: string;
  fullName: string;
  role: Role;
  /** Clients that are seen; null is all of them. */
  clients: string[] | null;
  disabled: boolean;
  provider: string | null;
  createdAt: string;
  lastLoginAt: string | null;
}

export interface NewUser {
  name: string;
  fullName?: string;
  role: Role;
  clients?: string[] | null;
}

export type UserChange = Partial<Pick<User, 'fullName' | 'role' | 'clients' | 'disabled'>>;

/** Somebody who is told by mail. */
export interface Recipient {
  address: string;
  name?: string;
  quiet?: {
    from: string;
    to: string;
    timeZone?: string;
    holds?: 'reminders' | 'digests' | 'everything';
  };
}

/** The top level of a client: who gets everything that no override takes away. */
export interface AlertList {
  client: string | null;
  recipients: Recipient[];
  successes: boolean;
  escalation: { afterMs: number; recipients: Recipient[] } | null;
}

export interface NewAlertList {
  client?: string;
  recipients: Recipient[];
  /** Told of successes too; true unless said. */
  successes?: boolean;
  escalation?: { afterMs: number; recipients: Recipient[] };
}

export interface NewOverride {
  client?: string;
  types: string[];
  channels?: string[];
  sources?: string[];
  recipients: Recipient[];
}

export interface Override {
  id: string;
  client: string | null;
  types: string[];
  channels: string[];
  sources: string[];
  recipients: Recipient[];
}

export interface NotificationType {
  name: string;
  kind: 'error' | 'success';
  narrowedBy: ('channel' | 'source')[];
  description: string;
}

/** Who would be told of a notification, and who lost it through which override. */
export interface AlertRoute {
  client: string | null;
  told: (Recipient & { because: { type: string; through: string }[] })[];
  lost: { address: string; type: string; override: string }[];
  standIn: boolean;
}

export interface AlertWarning {
  type: string;
  detail: string;
}

/** Failures of one cause. */
export interface Incident {
  id: number;
  state: 'open' | 'over';
  error: string;
  cause: string;
  farSide: string;
  since: string | null;
  overAt: string | null;
  failures: number;
  open: number;
  queues: string[];
  claimedBy: string | null;
  snoozedUntil: string | null;
  told:
    | {
        address: string;
        name: string;
        mails: { stage: string; at: string | null; queueId: number | null }[];
      }[]
    | null;
}

export interface IncidentDetails extends Incident {
  items: {
    queueId: number;
    queue: string;
    kind: 'failed' | 'held';
    since: string | null;
    error: string;
  }[];
}

export interface WebhookSettings {
  readonly url: string;
  readonly description: string;
  readonly client?: string | null | undefined;
  /** Null or without it, all. */
  readonly events?: readonly string[] | null | undefined;
}

/** An address that `send_webhook` may send to. */
export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly description: string;
  readonly client: string | null;
  readonly events: readonly string[] | null;
  /** It answered 410 Gone; nothing is sent until somebody enables it. */
  readonly disabled: { readonly at: string; readonly reason: string } | null;
}
