import type { Redis } from 'ioredis';
import { Conflict } from '../errors.js';
import { time } from '../queues/item.js';
import type { Keys } from '../redis/keys.js';
import type { Scripts } from '../redis/script.js';
import {
  type Claim,
  claimSchema,
  type Incident,
  incidentSchema,
  scopesOf,
  type Trouble,
  troubleSchema,
} from './incident.js';
import type { Concern } from './routing.js';

/** An incident as somebody may see it: only the failures of what is theirs. Times are ISO 8601, UTC. */
export interface IncidentView {
  readonly id: number;
  readonly state: 'open' | 'over';
  readonly error: string;
  readonly cause: string;
  readonly farSide: string;
  /** The far side itself is the matter. */
  readonly away: boolean;
  readonly since: string | null;
  readonly lastFailureAt: string | null;
  readonly overAt: string | null;
  readonly failures: number;
  readonly open: number;
  readonly queues: readonly string[];
  readonly clients: readonly (string | null)[];
  readonly claimedBy: string | null;
  readonly claimedAt: string | null;
  readonly snoozedUntil: string | null;
  readonly snoozedBy: string | null;
  /** Who was told what; null for those who see only a part of it. */
  readonly told:
    | readonly {
        readonly address: string;
        readonly name: string;
        readonly mails: readonly {
          readonly stage: string;
          readonly at: string | null;
          readonly queueId: number | null;
        }[];
      }[]
    | null;
}

export interface IncidentDetails extends IncidentView {
  /** What still stands, newest first, at most 200. */
  readonly items: readonly {
    readonly queueId: number;
    readonly queue: string;
    readonly kind: 'failed' | 'held';
    readonly since: string | null;
    readonly error: string;
  }[];
}

/** Which incident something belongs to, and who looks after that; null when nobody does. */
export interface Attended {
  readonly incident: number;
  readonly by: string | null;
}

/** What somebody may see. */
export type Sees = (concern: Concern) => boolean;

const SHOWN = 200;

/** Who looks after an incident, and till when nobody is told: what a claim or a snooze changes. */
export const careOf = ({ claimedBy, snoozedUntil, snoozedBy }: IncidentView) => ({
  claimedBy,
  snoozedUntil,
  snoozedBy,
});

/** The incidents, to look at, claim and snooze. Their story is written by the alerter alone. */
export class Incidents {
  private readonly redis: Redis;
  private readonly scripts: Scripts;
  private readonly keys: Keys;

  constructor(redis: Redis, scripts: Scripts, keys: Keys) {
    this.redis = redis;
    this.scripts = scripts;
    this.keys = keys;
  }

  /** Newest first. */
  async list(sees: Sees, state?: 'open' | 'over'): Promise<IncidentView[]> {
    const { open, closed } = this.keys.alerts;
    const ids = [
      ...(state === 'over' ? [] : await this.redis.zrange(open, '0', '-1')),
      ...(state === 'open' ? [] : await this.redis.zrange(closed, '0', '-1')),
    ];
    if (ids.length === 0) return [];
    const texts = await this.redis.hmget(this.keys.alerts.incidents, ...ids);
    const [claims, troubles] = await Promise.all([this.claims(), this.troubles()]);
    return texts
      .flatMap((text) => {
        const incident = text === null ? null : incidentSchema.parse(JSON.parse(text));
        const view = incident && show(incident, claims.get(incident.id) ?? null, troubles, sees);
        return view && (!state || view.state === state) ? [view] : [];
      })
      .sort((a, b) => b.id - a.id);
  }

  /** Null when there is none that may be seen. */
  async get(id: number, sees: Sees): Promise<IncidentDetails | null> {
    const text = await this.redis.hget(this.keys.alerts.incidents, String(id));
    if (text === null) return null;
    const incident = incidentSchema.parse(JSON.parse(text));
    const troubles = await this.troubles();
    const view = show(incident, await this.claimOf(id), troubles, sees);
    if (!view) return null;
    const items = troubles
      .filter((one) => isSeen(one, incident, sees))
      .sort((a, b) => b.at - a.at || b.queueId - a.queueId)
      .slice(0, SHOWN)
      .map(({ queueId, queue, kind, at, message }) => ({
        queueId,
        queue,
        kind,
        since: time(String(at)),
        error: message,
      }));
    return { ...view, items };
  }

  /**
   * The incidents that failed or held items belong to, with who looks after them; by queue id. Items that
   * the alerter has not seen yet, or that are in none, are not in the answer.
   */
  async attended(queueIds: readonly number[]): Promise<Map<number, Attended>> {
    if (queueIds.length === 0) return new Map();
    const [texts, claims] = await Promise.all([
      this.redis.hmget(this.keys.alerts.troubles, ...queueIds.map(String)),
      this.claims(),
    ]);
    return new Map(
      texts.flatMap((text): [number, Attended][] => {
        if (text === null) return [];
        const { queueId, incident } = troubleSchema.parse(JSON.parse(text));
        return [[queueId, { incident, by: claims.get(incident)?.by ?? null }]];
      }),
    );
  }

  /** The person looks after it: no reminders any more, no escalation. @throws Conflict when another does */
  async claim(id: number, by: string): Promise<void> {
    await this.change(id, (before) => {
      if (before?.by && before.by !== by)
        throw new Conflict(`incident ${id} is claimed by ${before.by}: release it first`, {
          claimedBy: before.by,
        });
      return { snoozedUntil: null, snoozedBy: null, ...before, by, at: Date.now() };
    });
  }

  /** Nobody looks after it; reminders go on, a snooze ends. */
  async release(id: number): Promise<void> {
    await this.change(id, () => null);
  }

  /** No digests, reminders or escalation before `until`, in milliseconds since 1970. */
  async snooze(id: number, by: string, until: number): Promise<void> {
    await this.change(id, (before) => ({
      by: null,
      at: Date.now(),
      ...before,
      snoozedUntil: until,
      snoozedBy: by,
    }));
  }

  /** How many mails of the alerts could not be delivered and still lie there failed. */
  async undelivered(): Promise<{ count: number; queueIds: number[] } | null> {
    const text = await this.redis.hget(this.keys.alerts.notices, 'undelivered');
    return text === null ? null : (JSON.parse(text) as { count: number; queueIds: number[] });
  }

  private async change(id: number, how: (before: Claim | null) => Claim | null): Promise<void> {
    for (let tries = 0; tries < 10; tries += 1) {
      const text = (await this.redis.hget(this.keys.alerts.claims, String(id))) ?? '';
      const after = how(text === '' ? null : claimSchema.parse(JSON.parse(text)));
      const args = [id, text, after ? JSON.stringify(after) : ''];
      if ((await this.scripts.run('attend', this.keys.alertSlot, args)) === 1) return;
    }
    throw new Conflict(`incident ${id} is being changed by others: try again`);
  }

  private async claimOf(id: number): Promise<Claim | null> {
    const text = await this.redis.hget(this.keys.alerts.claims, String(id));
    return text === null ? null : claimSchema.parse(JSON.parse(text));
  }

  private async claims(): Promise<Map<number, Claim>> {
    const texts = await this.redis.hgetall(this.keys.alerts.claims);
    return new Map(
      Object.entries(texts).map(([id, text]) => [Number(id), claimSchema.parse(JSON.parse(text))]),
    );
  }

  private async troubles(): Promise<Trouble[]> {
    const texts = await this.redis.hvals(this.keys.alerts.troubles);
    return texts.map((text) => troubleSchema.parse(JSON.parse(text)));
  }
}

function isSeen(trouble: Trouble, incident: Incident, sees: Sees): boolean {
  const scope = trouble.incident === incident.id ? incident.scopes[trouble.scope] : undefined;
  return scope !== undefined && sees(scope);
}

function show(
  incident: Incident,
  claim: Claim | null,
  troubles: readonly Trouble[],
  sees: Sees,
): IncidentView | null {
  const all = scopesOf(incident);
  const scopes = all.filter(sees);
  if (scopes.length === 0) return null;
  const whole = scopes.length === all.length;
  const sum = (field: 'total' | 'open') => scopes.reduce((n, scope) => n + scope[field], 0);
  const ms = (at: number | null) => (at === null ? null : time(String(at)));
  return {
    id: incident.id,
    state: incident.closedAt === null ? 'open' : 'over',
    // The words of the first failure may be those of somebody else's item.
    error: whole
      ? incident.message
      : (troubles.find((one) => isSeen(one, incident, sees))?.message ?? incident.pattern),
    cause: incident.cause,
    farSide: incident.farSide,
    away: incident.away,
    since: ms(incident.since),
    lastFailureAt: ms(incident.until),
    overAt: ms(incident.closedAt),
    failures: sum('total'),
    open: sum('open'),
    queues: [...new Set(scopes.map((scope) => scope.queue))],
    clients: [...new Set(scopes.map((scope) => scope.client))],
    claimedBy: claim?.by ?? null,
    claimedAt: claim?.by ? ms(claim.at) : null,
    snoozedUntil: ms(claim?.snoozedUntil ?? null),
    snoozedBy: claim?.snoozedBy ?? null,
    told: whole
      ? Object.entries(incident.views).map(([address, { name, mails }]) => ({
          address,
          name,
          mails: mails.map(({ stage, at, queueId }) => ({ stage, at: ms(at), queueId })),
        }))
      : null,
  };
}
