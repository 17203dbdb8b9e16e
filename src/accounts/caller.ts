import type { Item } from '../queues/item.js';
import type { Endpoint } from '../queues/registry.js';

export const scopes = ['enqueue', 'read', 'operate', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** What a key may see; null is no limit. With `channels` or `sources` given, only those named there. */
export interface Limits {
  readonly client: string | null;
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
    return !this.limits.client && !this.limits.channels && !this.limits.sources;
  }

  seesEndpoint(endpoint: Pick<Endpoint, 'kind' | 'id' | 'client'>): boolean {
    const { client } = this.limits;
    if (client !== null && endpoint.client !== client) return false;
    return this.seesTarget(
      endpoint.kind === 'channel' ? endpoint.id : null,
      endpoint.kind === 'source' ? endpoint.id : null,
    );
  }

  seesItem(item: Pick<Item, 'client' | 'channel' | 'source'>): boolean {
    const { client } = this.limits;
    if (client !== null && item.client !== client) return false;
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
