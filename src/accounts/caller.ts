import type { Item } from '../queues/item.js';
import type { Endpoint } from '../queues/registry.js';
import { PARALLEL, type QueueName } from '../redis/keys.js';

export const scopes = ['enqueue', 'read', 'operate', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** What a key or user may see; null is no limit. With `channels` or `sources` given, only those named there. */
export interface Limits {
  readonly clients: readonly string[] | null;
  readonly channels: readonly string[] | null;
  readonly sources: readonly string[] | null;
}

/** Who asks, and what that one may do and see. What may not be seen does not exist for it. */
export class Caller {
  /** As it stands in the audit. */
  readonly actor: string;
  readonly limits: Limits;
  private readonly scopes: ReadonlySet<Scope>;

  constructor(actor: string, granted: readonly Scope[], limits: Limits) {
    this.actor = actor;
    this.limits = limits;
    this.scopes = new Set(granted);
  }

  /** `admin` may everything; `operate` may also read. */
  may(scope: Scope): boolean {
    if (this.scopes.has('admin') || this.scopes.has(scope)) return true;
    return scope === 'read' && this.scopes.has('operate');
  }

  get unlimited(): boolean {
    return !this.limits.clients && !this.limits.channels && !this.limits.sources;
  }

  /** The one client that everything this one enqueues belongs to; null when there is no or more than one. */
  get onlyClient(): string | null {
    const { clients } = this.limits;
    return clients?.length === 1 ? (clients[0] ?? null) : null;
  }

  /** Whether it may reach certain channels and sources only, and nothing of a client as a whole. */
  get targetsOnly(): boolean {
    return this.limits.channels !== null || this.limits.sources !== null;
  }

  /**
   * Whose idempotency keys it meets: those with the same limits, so that a key which replaces another finds
   * again what that one sent, and strangers never meet.
   */
  get keySpace(): string {
    if (!this.targetsOnly && (this.limits.clients === null || this.onlyClient !== null))
      return this.onlyClient ?? '';
    const { clients, channels, sources } = this.limits;
    return JSON.stringify([clients, channels, sources].map((ids) => ids && [...ids].sort()));
  }

  seesClient(client: string | null): boolean {
    const { clients } = this.limits;
    return clients === null || (client !== null && clients.includes(client));
  }

  /** Whether a client as a whole is this one's; null is what belongs to no client. */
  ownsClient(client: string | null): boolean {
    const { clients } = this.limits;
    if (this.targetsOnly) return false;
    return clients === null || (client !== null && clients.includes(client));
  }

  /** Whether all items of its entity beside it are this one's too: on the parallel queue, all that its client has. */
  ownsEntityOf(item: Pick<Item, 'queue' | 'client'>): boolean {
    return item.queue !== PARALLEL || this.ownsClient(item.client);
  }

  seesEndpoint(endpoint: Pick<Endpoint, 'kind' | 'id' | 'client'>): boolean {
    if (!this.seesClient(endpoint.client)) return false;
    return this.seesTarget(
      endpoint.kind === 'channel' ? endpoint.id : null,
      endpoint.kind === 'source' ? endpoint.id : null,
    );
  }

  /** A queue is seen with its endpoint. On the parallel queue the items of all meet: for whom nothing is hidden. */
  seesQueue(name: QueueName, endpoint: Endpoint | null): boolean {
    if (name === PARALLEL) return this.unlimited;
    return endpoint !== null && endpoint.kind !== 'service' && this.seesEndpoint(endpoint);
  }

  seesItem(item: Pick<Item, 'client' | 'channel' | 'source'>): boolean {
    if (!this.seesClient(item.client)) return false;
    return this.seesTarget(item.channel, item.source);
  }

  private seesTarget(channel: string | null, source: string | null): boolean {
    const { channels, sources } = this.limits;
    if (channels === null && sources === null) return true;
    return (
      (channel !== null && (channels?.includes(channel) ?? false)) ||
      (source !== null && (sources?.includes(source) ?? false))
    );
  }
}
