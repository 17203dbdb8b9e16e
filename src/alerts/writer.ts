import type { Found, TroubleFinder } from '../incidents/find.js';
import type { Incident, Stage, Trouble, View } from '../incidents/incident.js';
import { type Catalogue, describe } from '../instructions/catalogue.js';
import { endpointName, type Registry } from '../queues/registry.js';
import type { Keys } from '../redis/keys.js';
import type { Hearer } from './audience.js';
import type { Links } from './links.js';
import { compose, type Mail, type MailItem } from './mail.js';

const SHOWN = 10;

/** What a mail is about, before anything was looked up. */
export interface Occasion {
  readonly stage: Stage;
  readonly incident: Incident;
  /** Null when the recipient knew of it and is routed nothing of it any more. */
  readonly hearer: Hearer | null;
  readonly before: View | null;
  readonly troubles: readonly Trouble[];
  readonly claimedBy: string | null;
  readonly now: number;
}

/** Writes mails: looks up how the items are now, and puts that in words. */
export class Writer {
  private readonly finder: TroubleFinder;
  private readonly registry: Registry;
  private readonly catalogue: Catalogue;
  private readonly keys: Keys;
  private readonly links: Links;

  constructor(parts: {
    finder: TroubleFinder;
    registry: Registry;
    catalogue: Catalogue;
    keys: Keys;
    links: Links;
  }) {
    this.finder = parts.finder;
    this.registry = parts.registry;
    this.catalogue = parts.catalogue;
    this.keys = parts.keys;
    this.links = parts.links;
  }

  async write({
    stage,
    incident,
    hearer,
    before,
    troubles,
    claimedBy,
    now,
  }: Occasion): Promise<Mail> {
    const scopes = hearer?.scopes ?? [];
    const mine = troubles.filter((trouble) => {
      const scope = incident.scopes[trouble.scope];
      return scope !== undefined && scopes.includes(scope);
    });
    const shown = stage === 'recovery' ? [] : newest(mine);
    return compose({
      stage,
      incident,
      now,
      items: await this.items(shown),
      total: hearer?.total ?? before?.told ?? 0,
      open: hearer?.open ?? 0,
      news: Math.max(0, (hearer?.total ?? 0) - (before?.told ?? 0)),
      queues: new Set(mine.map((trouble) => trouble.queue)).size,
      types: [...(hearer?.types ?? [])],
      claimedBy,
      incidentUrl: this.links.incident(incident.id),
    });
  }

  private async items(troubles: readonly Trouble[]): Promise<MailItem[]> {
    const refs = troubles.map(({ queueId, queue }) => ({
      queueId,
      shard: this.keys.shardOf(queue),
    }));
    const found = new Map((await this.finder.read(refs)).map((one) => [one.queueId, one]));
    const names = await this.namesOf([...found.values()]);
    return troubles.flatMap((trouble) => {
      const item = found.get(trouble.queueId);
      return item ? [this.itemOf(trouble, item, names)] : [];
    });
  }

  private itemOf(trouble: Trouble, item: Found, names: ReadonlyMap<string, string>): MailItem {
    const nameOf = (kind: 'channel' | 'source', id: string | null) =>
      id === null ? null : (names.get(endpointName(kind, id)) ?? id);
    const entry = this.catalogue.get(item.instruction);
    return {
      queueId: item.queueId,
      description: entry
        ? describe(entry, {
            channel: nameOf('channel', item.channel),
            source: nameOf('source', item.source),
          })
        : item.instruction,
      title: item.title,
      entity: item.entity,
      queue: trouble.queue,
      queueName:
        names.get(trouble.queue) ??
        (trouble.queue === 'parallel' ? 'parallel items' : trouble.queue),
      blocks: trouble.queue !== 'parallel',
      waiting: item.waiting,
      message: trouble.message,
      since: trouble.at,
      itemUrl: this.links.item(item.queueId),
      queueUrl: this.links.queue(trouble.queue),
    };
  }

  private async namesOf(items: readonly Found[]): Promise<Map<string, string>> {
    const asked = [
      ...new Set(
        items.flatMap(({ queue, channel, source }) => [
          queue,
          ...(channel ? [endpointName('channel', channel)] : []),
          ...(source ? [endpointName('source', source)] : []),
        ]),
      ),
    ];
    const endpoints = await this.registry.getMany(asked);
    return new Map(
      asked.flatMap((name, n): [string, string][] => {
        const description = endpoints[n]?.description;
        return description ? [[name, description]] : [];
      }),
    );
  }
}

function newest(troubles: readonly Trouble[]): Trouble[] {
  return [...troubles].sort((a, b) => b.at - a.at || b.queueId - a.queueId).slice(0, SHOWN);
}
