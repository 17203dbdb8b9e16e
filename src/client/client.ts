import type { JsonObject } from '../json.js';
import type * as shapes from './shapes.js';
import {
  type Answer,
  type ClientOptions,
  type Query,
  type Request,
  Transport,
} from './transport.js';

/** The longest page that the API gives. */
const PAGE = 200;

/** The HTTP API as typed calls. Every call throws `ApiProblem` or `Unreachable`, nothing else. */
export class AndonClient {
  private readonly transport: Transport;

  constructor(options: ClientOptions) {
    this.transport = new Transport(options);
  }

  // Items

  /** With an idempotency key the same call may be made again: it enqueues once. */
  async enqueue(item: shapes.NewItem, idempotencyKey?: string): Promise<shapes.Accepted> {
    const answer = await this.transport.send('POST', '/v1/items', keyed(item, idempotencyKey));
    return { ...(answer.body as shapes.Accepted), replayed: wasReplayed(answer) };
  }

  /** All or nothing, in this order; 1 to 1,000 items. */
  async enqueueBatch(
    items: readonly shapes.NewItem[],
    idempotencyKey?: string,
  ): Promise<shapes.Accepted[]> {
    const request = keyed({ items }, idempotencyKey);
    const answer = await this.transport.send('POST', '/v1/items/batch', request);
    const accepted = (answer.body as { items: shapes.Accepted[] }).items;
    const whole = wasReplayed(answer);
    return accepted.map((one) => ({ ...one, replayed: whole || one.replayed === true }));
  }

  item(queueId: number): Promise<shapes.Item> {
    return this.call('GET', `/v1/items/${queueId}`);
  }

  searchPage(
    filter: shapes.ItemFilter,
    page: { limit?: number; cursor?: string } = {},
  ): Promise<shapes.Page<shapes.Item>> {
    return this.call('GET', '/v1/items', { query: { ...filter, ...page } });
  }

  /** Every item that matches, page by page as they are consumed. */
  search(filter: shapes.ItemFilter = {}): AsyncGenerator<shapes.Item> {
    return this.all('/v1/items', { ...filter });
  }

  // Operator verbs

  retry(queueId: number): Promise<shapes.Item> {
    return this.call('POST', `/v1/items/${queueId}/retry`);
  }

  skip(
    queueId: number,
    how: { reason?: string; scope?: shapes.SkipScope } = {},
  ): Promise<shapes.Item & { skippedIds?: number[] }> {
    return this.call('POST', `/v1/items/${queueId}/skip`, { body: how });
  }

  resolve(
    queueId: number,
    how: { reference?: string; reason?: string } = {},
  ): Promise<shapes.Item> {
    return this.call('POST', `/v1/items/${queueId}/resolve`, { body: how });
  }

  /** `data` takes the place of the present data as a whole. */
  edit(queueId: number, data: JsonObject): Promise<shapes.Item> {
    return this.call('PATCH', `/v1/items/${queueId}`, { body: { data } });
  }

  retryMany(request: shapes.BulkRequest): Promise<shapes.BulkAnswer> {
    return this.call('POST', '/v1/items/retry', { body: request });
  }

  skipMany(request: shapes.BulkRequest & { scope?: shapes.SkipScope }): Promise<shapes.BulkAnswer> {
    return this.call('POST', '/v1/items/skip', { body: request });
  }

  // Queues

  queues(): AsyncGenerator<shapes.Queue> {
    return this.all('/v1/queues');
  }

  queue(name: string): Promise<shapes.Queue> {
    return this.call('GET', `/v1/queues/${encodeURIComponent(name)}`);
  }

  pause(name: string, reason?: string): Promise<shapes.Queue> {
    return this.call('POST', `/v1/queues/${encodeURIComponent(name)}/pause`, { body: { reason } });
  }

  /** Whether the fleet is paused, and what runs. */
  fleet(): Promise<shapes.Fleet> {
    return this.call('GET', '/v1/fleet');
  }

  /** Lets nothing start in any queue; what runs is finished, what comes waits. */
  pauseFleet(reason: string): Promise<shapes.Fleet> {
    return this.call('POST', '/v1/fleet/pause', { body: { reason } });
  }

  resumeFleet(): Promise<shapes.Fleet> {
    return this.call('POST', '/v1/fleet/resume');
  }

  resume(name: string): Promise<shapes.Queue> {
    return this.call('POST', `/v1/queues/${encodeURIComponent(name)}/resume`);
  }

  /** Skips everything that waits in the queue. */
  clear(name: string, reason: string): Promise<shapes.Queue & { cleared: number }> {
    return this.call('POST', `/v1/queues/${encodeURIComponent(name)}/clear`, { body: { reason } });
  }

  summary(): Promise<shapes.Summary> {
    return this.call('GET', '/v1/summary');
  }

  // Channels, sources, services

  putEndpoint(
    kind: shapes.EndpointKind,
    id: string,
    settings: shapes.EndpointSettings,
  ): Promise<shapes.Endpoint> {
    return this.call('PUT', `/v1/${kind}s/${encodeURIComponent(id)}`, { body: settings });
  }

  endpoints(kind: shapes.EndpointKind): AsyncGenerator<shapes.Endpoint> {
    return this.all(`/v1/${kind}s`);
  }

  endpoint(kind: shapes.EndpointKind, id: string): Promise<shapes.Endpoint> {
    return this.call('GET', `/v1/${kind}s/${encodeURIComponent(id)}`);
  }

  async deleteEndpoint(kind: shapes.EndpointKind, id: string): Promise<void> {
    await this.call('DELETE', `/v1/${kind}s/${encodeURIComponent(id)}`);
  }

  // Webhooks

  putWebhook(
    id: string,
    settings: shapes.WebhookSettings,
  ): Promise<shapes.Webhook & { secret?: string }> {
    return this.call('PUT', `/v1/webhooks/${encodeURIComponent(id)}`, { body: settings });
  }

  webhooks(): AsyncGenerator<shapes.Webhook> {
    return this.all('/v1/webhooks');
  }

  webhook(id: string): Promise<shapes.Webhook> {
    return this.call('GET', `/v1/webhooks/${encodeURIComponent(id)}`);
  }

  /** `secret` in the answer is the only time that it is told. */
  rotateWebhook(
    id: string,
    overlapHours?: number,
  ): Promise<shapes.Webhook & { secret: string; formerSignsUntil: string }> {
    const body = overlapHours === undefined ? {} : { overlapHours };
    return this.call('POST', `/v1/webhooks/${encodeURIComponent(id)}/rotate`, { body });
  }

  enableWebhook(id: string): Promise<shapes.Webhook> {
    return this.call('POST', `/v1/webhooks/${encodeURIComponent(id)}/enable`);
  }

  async deleteWebhook(id: string): Promise<void> {
    await this.call('DELETE', `/v1/webhooks/${encodeURIComponent(id)}`);
  }

  // Keys

  /** `key` in the answer is the only time that the secret is told. */
  createKey(settings: shapes.NewKey): Promise<shapes.ApiKey & { key: string }> {
    return this.call('POST', '/v1/keys', { body: settings });
  }

  keys(): AsyncGenerator<shapes.ApiKey> {
    return this.all('/v1/keys');
  }

  async revokeKey(id: string): Promise<void> {
    await this.call('DELETE', `/v1/keys/${encodeURIComponent(id)}`);
  }

  // Users

  /** `password` in the answer is the only time that it is told. */
  addUser(user: shapes.NewUser): Promise<shapes.User & { password: string }> {
    return this.call('POST', '/v1/users', { body: user });
  }

  users(): AsyncGenerator<shapes.User> {
    return this.all('/v1/users');
  }

  changeUser(name: string, change: shapes.UserChange): Promise<shapes.User> {
    return this.call('PATCH', `/v1/users/${encodeURIComponent(name)}`, { body: change });
  }

  newPassword(name: string): Promise<{ name: string; password: string }> {
    return this.call('POST', `/v1/users/${encodeURIComponent(name)}/password`);
  }

  // Alerts

  alertLists(): AsyncGenerator<shapes.AlertList> {
    return this.all('/v1/alerts/recipients');
  }

  /** The list of a client becomes this one, as a whole. */
  putAlertList(list: shapes.NewAlertList): Promise<shapes.AlertList> {
    return this.call('PUT', '/v1/alerts/recipients', { body: list });
  }

  overrides(): AsyncGenerator<shapes.Override> {
    return this.all('/v1/alerts/overrides');
  }

  createOverride(override: shapes.NewOverride): Promise<shapes.Override> {
    return this.call('POST', '/v1/alerts/overrides', { body: override });
  }

  async deleteOverride(id: string): Promise<void> {
    await this.call('DELETE', `/v1/alerts/overrides/${encodeURIComponent(id)}`);
  }

  notificationTypes(): AsyncGenerator<shapes.NotificationType> {
    return this.all('/v1/alerts/types');
  }

  /** Who would be told of a notification. */
  alertRoute(query: {
    type: string;
    client?: string;
    channel?: string;
    source?: string;
  }): Promise<shapes.AlertRoute> {
    return this.call('GET', '/v1/alerts/route', { query });
  }

  alertWarnings(): AsyncGenerator<shapes.AlertWarning> {
    return this.all('/v1/alerts/warnings');
  }

  incidents(state?: 'open' | 'over'): AsyncGenerator<shapes.Incident> {
    return this.all('/v1/incidents', { state });
  }

  incident(id: number): Promise<shapes.IncidentDetails> {
    return this.call('GET', `/v1/incidents/${id}`);
  }

  claimIncident(id: number): Promise<shapes.IncidentDetails> {
    return this.call('POST', `/v1/incidents/${id}/claim`);
  }

  releaseIncident(id: number): Promise<shapes.IncidentDetails> {
    return this.call('POST', `/v1/incidents/${id}/release`);
  }

  snoozeIncident(id: number, until: string): Promise<shapes.IncidentDetails> {
    return this.call('POST', `/v1/incidents/${id}/snooze`, { body: { until } });
  }

  private async call<T>(method: string, path: string, request?: Request): Promise<T> {
    return (await this.transport.send(method, path, request)).body as T;
  }

  private async *all<T>(path: string, query: Query = {}): AsyncGenerator<T> {
    let cursor: string | null | undefined;
    do {
      const at: Query = { ...query, limit: PAGE, cursor: cursor ?? undefined };
      const page: shapes.Page<T> = await this.call('GET', path, { query: at });
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

function keyed(body: unknown, idempotencyKey?: string): Request {
  return { body, headers: idempotencyKey ? { 'idempotency-key': idempotencyKey } : {} };
}

const wasReplayed = (answer: Answer): boolean =>
  answer.headers.get('idempotent-replayed') === 'true';
