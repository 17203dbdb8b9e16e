import { concernsFarSide, farSideOf, fingerprintOf, normalised } from '../incidents/cause.js';
import type { Found, Stand } from '../incidents/find.js';
import type { Incident, Scope, Trouble } from '../incidents/incident.js';
import type { Endpoint } from '../queues/registry.js';
import type { Entry } from './ledger.js';

/** A trouble that was found, with who would have carried it out. */
export interface News {
  readonly found: Found;
  readonly stand: Stand;
  readonly endpoint: Endpoint | null;
  /** `channel.12`, `service.fulfillment`: what the far side is called when there is no endpoint. */
  readonly endpointName: string;
}

/**
 * What the one alerter knows while it leads: the open incidents and their troubles. Changes are made
 * here and written by the caller; when that fails the book is thrown away and read anew.
 */
export class Book {
  readonly incidents = new Map<number, Incident>();
  readonly troubles = new Map<number, Trouble>();
  private readonly byFingerprint = new Map<string, Incident>();
  private readonly changed = new Map<Incident, Entry[]>();

  constructor(incidents: readonly Incident[], troubles: readonly Trouble[]) {
    for (const incident of incidents) this.add(incident);
    for (const trouble of troubles) {
      if (this.incidents.has(trouble.incident)) this.troubles.set(trouble.queueId, trouble);
    }
  }

  private add(incident: Incident): void {
    this.incidents.set(incident.id, incident);
    if (incident.closedAt === null) this.byFingerprint.set(incident.fingerprint, incident);
  }

  /** A failure or hold that nobody wrote down yet joins its incident, or opens one. */
  async note(
    news: News,
    now: number,
    windowMs: number,
    nextId: () => Promise<number>,
  ): Promise<void> {
    const { found, stand, endpoint, endpointName } = news;
    const farSide = farSideOf(endpoint, endpointName);
    const colon = found.entity.indexOf(':');
    const own = [found.entity.slice(colon + 1), found.title];
    const away = stand.kind === 'held' || concernsFarSide(found.cause);
    const cause =
      stand.kind === 'held' && !concernsFarSide(found.cause) ? 'connection' : found.cause;
    const fingerprint = fingerprintOf({
      cause,
      message: found.message,
      instruction: found.instruction,
      farSide,
      own,
    });
    let incident = this.byFingerprint.get(fingerprint);
    if (!incident || stand.at - incident.until > windowMs) {
      incident = {
        id: await nextId(),
        fingerprint,
        cause,
        farSide,
        away,
        message: found.message,
        pattern: normalised(found.message, own),
        instruction: found.instruction,
        openedAt: now,
        since: stand.at,
        until: stand.at,
        lastAt: now,
        calmSince: null,
        closedAt: null,
        escalated: [],
        scopes: {},
        views: {},
      };
      this.add(incident);
    }
    this.join(incident, found, stand, now);
  }

  private join(incident: Incident, found: Found, stand: Stand, now: number): void {
    this.settle(found.queueId, now);
    const scope = scopeOf(incident, found, stand);
    scope.total += 1;
    scope.open += 1;
    incident.lastAt = now;
    incident.since = Math.min(incident.since, stand.at);
    incident.until = Math.max(incident.until, stand.at);
    incident.calmSince = null;
    const trouble: Trouble = {
      queueId: found.queueId,
      incident: incident.id,
      scope: scopeKey(scope),
      at: stand.at,
      kind: stand.kind,
      queue: found.queue,
      message: found.message,
    };
    this.troubles.set(found.queueId, trouble);
    this.log(incident, ['trouble', found.queueId, JSON.stringify(trouble)]);
  }

  /** The item was dealt with, or its trouble is another one now. */
  settle(queueId: number, now: number): void {
    const trouble = this.troubles.get(queueId);
    const incident = trouble && this.incidents.get(trouble.incident);
    if (!trouble || !incident) return;
    this.troubles.delete(queueId);
    const scope = incident.scopes[trouble.scope];
    if (scope) scope.open -= 1;
    const stands = Object.values(incident.scopes).some((one) => one.open > 0);
    if (!stands) incident.calmSince = now;
    this.log(incident, ['settle', queueId, '']);
  }

  /** Writes the incident with the next `changes`, and these entries in the same step. */
  log(incident: Incident, ...entries: Entry[]): void {
    const before = this.changed.get(incident) ?? [];
    before.push(...entries);
    this.changed.set(incident, before);
  }

  close(incident: Incident, now: number): void {
    incident.closedAt = now;
    if (this.byFingerprint.get(incident.fingerprint) === incident)
      this.byFingerprint.delete(incident.fingerprint);
    this.log(incident);
  }

  troublesOf(incident: Incident): Trouble[] {
    return [...this.troubles.values()].filter((trouble) => trouble.incident === incident.id);
  }

  hasChanged(incident: Incident): boolean {
    return this.changed.has(incident);
  }

  /** What changed since this was asked last; to be written in one step. */
  takeChanges(): Entry[] {
    const entries: Entry[] = [];
    for (const [incident, more] of this.changed) {
      const done = isTold(incident);
      if (done) this.incidents.delete(incident.id);
      entries.push(...more, [done ? 'close' : 'incident', incident.id, JSON.stringify(incident)]);
    }
    this.changed.clear();
    // An item may have left one incident for another.
    return entries.sort((a, b) => Number(b[0] === 'settle') - Number(a[0] === 'settle'));
  }
}

/** It is over, and everybody who knew of it was sent a mail that says so. */
const isTold = (incident: Incident): boolean =>
  incident.closedAt !== null &&
  Object.values(incident.views).every(
    (view) => view.over && view.mails.every((mail) => mail.queueId !== null),
  );

function scopeOf(incident: Incident, found: Found, stand: Stand): Scope {
  const scope: Scope = {
    client: found.client,
    channel: found.channel,
    source: found.source,
    instruction: found.instruction,
    queue: found.queue,
    blocks: found.blocks || (stand.kind === 'held' && found.queue !== 'parallel'),
    kind: stand.kind,
    total: 0,
    open: 0,
  };
  const key = scopeKey(scope);
  const known = incident.scopes[key];
  if (known) return known;
  incident.scopes[key] = scope;
  return scope;
}

const scopeKey = (scope: Scope): string =>
  [
    scope.client,
    scope.channel,
    scope.source,
    scope.instruction,
    scope.queue,
    scope.blocks,
    scope.kind,
  ]
    .map((part) => part ?? '')
    .join('|');
