import type { JsonObject } from '../json.js';
import type * as shapes from './shapes.js';
import {
  type Answer,
  type CallOptions,
  type ClientOptions,
  type Query,
  type Request,
  Transport,
} from './transport.js';

/** The longest page that the API gives. */
const PAGE = 200;

/** What may be said of an enqueue. */
export interface EnqueueOptions extends CallOptions {
  /**
   * The same key enqueues once within 7 days, also from another process: make it of what the item is
   * about, as `order-1001-v3`. Without one, the tries of one call share a key made at random.
   */
  readonly idempotencyKey?: string | undefined;
}

/**
 * The HTTP API as typed calls: `const andon = new AndonClient({ url, key })`. Every call throws
 * `ApiProblem` (the API says no), `Unreachable` (no answer), or the reason of its signal; nothing else.
 * What may be sent again without harm is, when the answer was lost or the API asks for it.
 */
export class AndonClient {
  private readonly transport: Transport;

  constructor(options: ClientOptions) {
    this.transport = new Transport(options);
  }

  // Items

  /** Stored once it answers, and stored once however often it had to be sent. */
  async enqueue(item: shapes.NewItem, options: EnqueueOptions = {}): Promise<shapes.Accepted> {
    const answer = await this.transport.send('POST', '/v1/items', keyed(item, options), options);
    return { ...(answer.body as shapes.Accepted), replayed: wasReplayed(answer) };
  }

  /** All or nothing, in this order; 1 to 1,000 items. */
  async enqueueBatch(
    items: readonly shapes.NewBatchItem[],
    options: EnqueueOptions = {},
  ): Promise<shapes.Accepted[]> {
    const request = keyed({ items }, options);
    const answer = await this.transport.send('POST', '/v1/items/batch', request, options);
    const accepted = (answer.body as { items: shapes.Accepted[] }).items;
    const whole = wasReplayed(answer);
    return accepted.map((one) => ({ ...one, replayed: whole || one.replayed === true }));
  }

  item(queueId: number, options?: CallOptions): Promise<shapes.ItemDetails> {
    return this.call('GET', `/v1/items/${queueId}`, {}, options);
  }

  searchPage(
    filter: shapes.ItemFilter,
    page: { limit?: number; cursor?: string } = {},
    options?: CallOptions,
  ): Promise<shapes.Page<shapes.Item>> {
    return this.call('GET', '/v1/items', { query: { ...filter, ...page } }, options);
  }

  /** Every item that matches, newest first, page by page as they are consumed. */
  search(filter: shapes.ItemFilter = {}, options?: CallOptions): AsyncGenerator<shapes.Item> {
    return this.all('/v1/items', { ...filter }, options);
  }

  // Operator verbs

  retry(queueId: number, options?: CallOptions): Promise<shapes.ItemDetails> {
    return this.call('POST', `/v1/items/${queueId}/retry`, {}, options);
  }

  skip(
    queueId: number,
    how: shapes.SkipHow = {},
    options?: CallOptions,
  ): Promise<shapes.SkippedItem> {
    return this.call('POST', `/v1/items/${queueId}/skip`, { body: how }, options);
  }

  /** What a skip would do, without doing it. */
  previewSkip(
    queueId: number,
    how: Pick<shapes.SkipHow, 'scope'> = {},
    options?: CallOptions,
  ): Promise<shapes.SkipPreview> {
    const request = { body: { ...how, dryRun: true }, harmless: true };
    return this.call('POST', `/v1/items/${queueId}/skip`, request, options);
  }

  /** Takes a skip back, while nothing newer of its entity has run. */
  undoSkip(
    queueId: number,
    how: { reason?: string } = {},
    options?: CallOptions,
  ): Promise<shapes.ItemDetails> {
    return this.call('POST', `/v1/items/${queueId}/undo-skip`, { body: how }, options);
  }

  resolve(
    queueId: number,
    how: { reference?: string; reason?: string } = {},
    options?: CallOptions,
  ): Promise<shapes.ItemDetails> {
    return this.call('POST', `/v1/items/${queueId}/resolve`, { body: how }, options);
  }

  /** `data` takes the place of the present data as a whole. */
  edit(queueId: number, data: JsonObject, options?: CallOptions): Promise<shapes.ItemDetails> {
    return this.call('PATCH', `/v1/items/${queueId}`, { body: { data } }, options);
  }

  retryMany(request: shapes.BulkRetry, options?: CallOptions): Promise<shapes.BulkAnswer> {
    return this.call('POST', '/v1/items/retry', { body: request }, options);
  }

  skipMany(request: shapes.BulkSkip, options?: CallOptions): Promise<shapes.BulkAnswer> {
    return this.call('POST', '/v1/items/skip', { body: request }, options);
  }

  // Queues

  queues(options?: CallOptions): AsyncGenerator<shapes.Queue> {
    return this.all('/v1/queues', {}, options);
  }

  queue(name: string, options?: CallOptions): Promise<shapes.Queue> {
    return this.call('GET', `/v1/queues/${part(name)}`, {}, options);
  }

  pause(name: string, reason?: string, options?: CallOptions): Promise<shapes.Queue> {
    return this.call('POST', `/v1/queues/${part(name)}/pause`, { body: { reason } }, options);
  }

  resume(name: string, options?: CallOptions): Promise<shapes.Queue> {
    return this.call('POST', `/v1/queues/${part(name)}/resume`, {}, options);
  }

  /** Skips everything that waits in the queue. */
  clear(name: string, reason: string, options?: CallOptions): Promise<shapes.ClearedQueue> {
    return this.call('POST', `/v1/queues/${part(name)}/clear`, { body: { reason } }, options);
  }

  /** Whether the fleet is paused, and what runs. */
  fleet(options?: CallOptions): Promise<shapes.Fleet> {
    return this.call('GET', '/v1/fleet', {}, options);
  }

  /** Lets nothing start in any queue; what runs is finished, what comes waits. */
  pauseFleet(reason: string, options?: CallOptions): Promise<shapes.Fleet> {
    return this.call('POST', '/v1/fleet/pause', { body: { reason } }, options);
  }

  resumeFleet(options?: CallOptions): Promise<shapes.Fleet> {
    return this.call('POST', '/v1/fleet/resume', {}, options);
  }

  summary(options?: CallOptions): Promise<shapes.Summary> {
    return this.call('GET', '/v1/summary', {}, options);
  }

  // Channels, sources, services

  /** `secret` in the answer is the only time that it is told. */
  putEndpoint(
    kind: shapes.EndpointKind,
    id: string,
    settings: shapes.EndpointSettings,
    options?: CallOptions,
  ): Promise<shapes.PutEndpoint> {
    return this.call('PUT', `/v1/${kind}s/${part(id)}`, { body: settings }, options);
  }

  endpoints(kind: shapes.EndpointKind, options?: CallOptions): AsyncGenerator<shapes.Endpoint> {
    return this.all(`/v1/${kind}s`, {}, options);
  }

  endpoint(kind: shapes.EndpointKind, id: string, options?: CallOptions): Promise<shapes.Endpoint> {
    return this.call('GET', `/v1/${kind}s/${part(id)}`, {}, options);
  }

  deleteEndpoint(
    kind: shapes.EndpointKind,
    id: string,
    options?: CallOptions,
  ): Promise<shapes.Endpoint> {
    return this.call('DELETE', `/v1/${kind}s/${part(id)}`, {}, options);
  }

  // Webhooks

  /** `secret` in the answer is the only time that it is told. */
  putWebhook(
    id: string,
    settings: shapes.WebhookSettings,
    options?: CallOptions,
  ): Promise<shapes.PutWebhook> {
    return this.call('PUT', `/v1/webhooks/${part(id)}`, { body: settings }, options);
  }

  webhooks(options?: CallOptions): AsyncGenerator<shapes.Webhook> {
    return this.all('/v1/webhooks', {}, options);
  }

  webhook(id: string, options?: CallOptions): Promise<shapes.Webhook> {
    return this.call('GET', `/v1/webhooks/${part(id)}`, {}, options);
  }

  /** `secret` in the answer is the only time that it is told. */
  rotateWebhook(
    id: string,
    overlapHours?: number,
    options?: CallOptions,
  ): Promise<shapes.RotatedWebhook> {
    const body = overlapHours === undefined ? {} : { overlapHours };
    return this.call('POST', `/v1/webhooks/${part(id)}/rotate`, { body }, options);
  }

  enableWebhook(id: string, options?: CallOptions): Promise<shapes.Webhook> {
    return this.call('POST', `/v1/webhooks/${part(id)}/enable`, {}, options);
  }

  deleteWebhook(id: string, options?: CallOptions): Promise<shapes.Webhook> {
    return this.call('DELETE', `/v1/webhooks/${part(id)}`, {}, options);
  }

  // Keys and audit

  /** `key` in the answer is the only time that the secret is told. */
  createKey(settings: shapes.NewKey, options?: CallOptions): Promise<shapes.CreatedKey> {
    return this.call('POST', '/v1/keys', { body: settings }, options);
  }

  keys(options?: CallOptions): AsyncGenerator<shapes.ApiKey> {
    return this.all('/v1/keys', {}, options);
  }

  async revokeKey(id: string, options?: CallOptions): Promise<void> {
    await this.call('DELETE', `/v1/keys/${part(id)}`, {}, options);
  }

  /** Who did what, newest first. */
  audit(options?: CallOptions): AsyncGenerator<shapes.AuditLine> {
    return this.all('/v1/audit', {}, options);
  }

  // Users

  /** `password` in the answer is the only time that it is told. */
  addUser(user: shapes.NewUser, options?: CallOptions): Promise<shapes.AddedUser> {
    return this.call('POST', '/v1/users', { body: user }, options);
  }

  users(options?: CallOptions): AsyncGenerator<shapes.User> {
    return this.all('/v1/users', {}, options);
  }

  changeUser(name: string, change: shapes.UserChange, options?: CallOptions): Promise<shapes.User> {
    return this.call('PATCH', `/v1/users/${part(name)}`, { body: change }, options);
  }

  newPassword(name: string, options?: CallOptions): Promise<shapes.NewPassword> {
    return this.call('POST', `/v1/users/${part(name)}/password`, {}, options);
  }

  /** Logs a user out everywhere; answers how many sessions there were. */
  async endSessions(name: string, options?: CallOptions): Promise<number> {
    const path = `/v1/users/${part(name)}/sessions`;
    return (await this.call<{ ended: number }>('DELETE', path, {}, options)).ended;
  }

  // Alerts

  alertLists(options?: CallOptions): AsyncGenerator<shapes.AlertList> {
    return this.all('/v1/alerts/recipients', {}, options);
  }

  /** The list of a client becomes this one, as a whole. */
  putAlertList(list: shapes.NewAlertList, options?: CallOptions): Promise<shapes.AlertList> {
    return this.call('PUT', '/v1/alerts/recipients', { body: list }, options);
  }

  overrides(options?: CallOptions): AsyncGenerator<shapes.Override> {
    return this.all('/v1/alerts/overrides', {}, options);
  }

  createOverride(override: shapes.NewOverride, options?: CallOptions): Promise<shapes.Override> {
    return this.call('POST', '/v1/alerts/overrides', { body: override }, options);
  }

  /** The override becomes this one, as a whole. */
  changeOverride(
    id: string,
    override: shapes.NewOverride,
    options?: CallOptions,
  ): Promise<shapes.Override> {
    return this.call('PUT', `/v1/alerts/overrides/${part(id)}`, { body: override }, options);
  }

  deleteOverride(id: string, options?: CallOptions): Promise<shapes.Override> {
    return this.call('DELETE', `/v1/alerts/overrides/${part(id)}`, {}, options);
  }

  notificationTypes(options?: CallOptions): AsyncGenerator<shapes.NotificationType> {
    return this.all('/v1/alerts/types', {}, options);
  }

  /** Who would be told of a notification. */
  alertRoute(query: shapes.AlertQuestion, options?: CallOptions): Promise<shapes.AlertRoute> {
    return this.call('GET', '/v1/alerts/route', { query: { ...query } }, options);
  }

  alertWarnings(options?: CallOptions): AsyncGenerator<shapes.AlertWarning> {
    return this.all('/v1/alerts/warnings', {}, options);
  }

  incidents(state?: 'open' | 'over', options?: CallOptions): AsyncGenerator<shapes.Incident> {
    return this.all('/v1/incidents', { state }, options);
  }

  incident(id: number, options?: CallOptions): Promise<shapes.IncidentDetails> {
    return this.call('GET', `/v1/incidents/${id}`, {}, options);
  }

  claimIncident(id: number, options?: CallOptions): Promise<shapes.IncidentDetails> {
    return this.call('POST', `/v1/incidents/${id}/claim`, {}, options);
  }

  releaseIncident(id: number, options?: CallOptions): Promise<shapes.IncidentDetails> {
    return this.call('POST', `/v1/incidents/${id}/release`, {}, options);
  }

  /** @param until ISO 8601 */
  snoozeIncident(
    id: number,
    until: string,
    options?: CallOptions,
  ): Promise<shapes.IncidentDetails> {
    return this.call('POST', `/v1/incidents/${id}/snooze`, { body: { until } }, options);
  }

  private async call<T>(
    method: string,
    path: string,
    request: Request,
    options?: CallOptions,
  ): Promise<T> {
    return (await this.transport.send(method, path, request, options)).body as T;
  }

  private async *all<T>(path: string, query: Query, options?: CallOptions): AsyncGenerator<T> {
    let cursor: string | null | undefined;
    do {
      const at: Query = { ...query, limit: PAGE, cursor: cursor ?? undefined };
      const page: shapes.Page<T> = await this.call('GET', path, { query: at }, options);
      yield* page.items;
      cursor = page.nextCursor;
    } while (cursor);
  }
}

/** All of a list; for lists that are known to be short. */
export async function collect<T>(each: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of each) all.push(one);
  return all;
}

const part = encodeURIComponent;

/** Made here when there is none, before the first try, so that all tries bear the same. */
function keyed(body: unknown, { idempotencyKey }: EnqueueOptions): Request {
  const key = idempotencyKey ?? crypto.randomUUID();
  return { body, headers: { 'idempotency-key': key }, harmless: true };
}

const wasReplayed = (answer: Answer): boolean =>
  answer.headers.get('idempotent-replayed') === 'true';
