import type { Acts } from '../incidents/acts.js';
import { adviserOf, causeInWords } from '../incidents/advice.js';
import type { Found, TroubleFinder } from '../incidents/find.js';
import type { Incident, Stage, Trouble, View } from '../incidents/incident.js';
import type { KnownErrors } from '../incidents/known-errors.js';
import { type Catalogue, describe } from '../instructions/catalogue.js';
import { type Endpoint, endpointName, type Registry } from '../queues/registry.js';
import type { Keys } from '../redis/keys.js';
import type { Hearer } from './audience.js';
import type { Links } from './links.js';
import { compose, type Mail } from './mail.js';
import type { ActLink, MailItem, Notice } from './notice.js';
import { messageFor, wayOf } from './ways.js';

const SHOWN = 10;
/** So many items bear links to act on; a mail of an outage is not the place to retry each. */
const ACTABLE = 3;

/** What a mail is about, before anything was looked up. */
export interface Occasion {
  readonly stage: Stage;
  readonly incident: Incident;
  /** Null when the recipient knew of it and is routed nothing of it any more. */
  readonly hearer: Hearer | null;
  /** Whose mail it is. */
  readonly address: string;
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
  private readonly acts: Acts | null;
  private readonly book: KnownErrors | null;

  /** @param parts.acts signs links to act by; without, mails bear none */
  constructor(parts: {
    finder: TroubleFinder;
    registry: Registry;
    catalogue: Catalogue;
    keys: Keys;
    links: Links;
    acts?: Acts | null;
    knownErrors?: KnownErrors;
  }) {
    this.finder = parts.finder;
    this.registry = parts.registry;
    this.catalogue = parts.catalogue;
    this.keys = parts.keys;
    this.links = parts.links;
    this.acts = parts.acts ?? null;
    this.book = parts.knownErrors ?? null;
  }

  async write({
    stage,
    incident,
    hearer,
    address,
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
    const way = wayOf(address);
    // Whoever reads along in a chat is not the one whom a link names.
    const acts = way ? null : this.acts;
    const tokens: Record<string, string> = {};
    const act = async (verb: ActLink['verb'], trouble: Pick<Trouble, 'queueId' | 'at'>) => {
      const blank = acts?.blank() ?? '';
      const url = this.links.act(blank);
      if (!acts || url === null) return null;
      const { queueId, at } = trouble;
      tokens[blank] = await acts.sign({ verb, incident: incident.id, queueId, at, address }, now);
      return { verb, url };
    };
    const actsOf = new Map<number, ActLink[]>();
    for (const one of shown.filter(({ kind }) => kind === 'failed').slice(0, ACTABLE)) {
      const links = [await act('retry', one), await act('skip', one)];
      actsOf.set(
        one.queueId,
        links.filter((link) => link !== null),
      );
    }
    const claimable = claimedBy === null && stage !== 'recovery';
    const notice: Notice = {
      stage,
      incident,
      now,
      items: await this.items(shown, actsOf),
      total: hearer?.total ?? before?.told ?? 0,
      open: hearer?.open ?? 0,
      news: Math.max(0, (hearer?.total ?? 0) - (before?.told ?? 0)),
      queues: new Set(mine.map((trouble) => trouble.queue)).size,
      types: [...(hearer?.types ?? [])],
      claimedBy,
      incidentUrl: this.links.incident(incident.id),
      claim: claimable ? await act('claim', { queueId: 0, at: 0 }) : null,
    };
    const mail = compose(notice);
    if (way) return { ...mail, html: '', message: messageFor(way, mail.subject, notice) };
    if (!acts || Object.keys(tokens).length === 0) return mail;
    return { ...mail, acts: acts.seal({ tokens }, [mail.text, mail.html], address) };
  }

  private async items(
    troubles: readonly Trouble[],
    actsOf: ReadonlyMap<number, readonly ActLink[]>,
  ): Promise<MailItem[]> {
    const refs = troubles.map(({ queueId, queue }) => ({
      queueId,
      shard: this.keys.shardOf(queue),
    }));
    const found = new Map((await this.finder.read(refs)).map((one) => [one.queueId, one]));
    const [endpoints, advise] = await Promise.all([
      this.endpointsOf([...found.values()]),
      adviserOf(troubles.length > 0 ? this.book : null, {
        catalogue: this.catalogue,
        registry: this.registry,
      }),
    ]);
    const items = await Promise.all(
      troubles.map(async (trouble): Promise<MailItem | null> => {
        const item = found.get(trouble.queueId);
        if (!item) return null;
        const { message } = trouble;
        const advice = await advise({ ...item, error: { message, status: item.status } });
        const acts = actsOf.get(trouble.queueId) ?? [];
        return { ...this.itemOf(trouble, item, endpoints), advice, acts };
      }),
    );
    return items.filter((item) => item !== null);
  }

  private itemOf(
    trouble: Trouble,
    item: Found,
    endpoints: ReadonlyMap<string, Endpoint>,
  ): Omit<MailItem, 'acts' | 'advice'> {
    const nameOf = (kind: 'channel' | 'source', id: string | null) =>
      id === null ? null : (endpoints.get(endpointName(kind, id))?.description ?? id);
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
        endpoints.get(trouble.queue)?.description ??
        (trouble.queue === 'parallel' ? 'parallel items' : trouble.queue),
      blocks: trouble.queue !== 'parallel',
      waiting: item.waiting,
      message: trouble.message,
      since: trouble.at,
      cause: causeInWords(item.cause),
      itemUrl: this.links.item(item.queueId),
      queueUrl: this.links.queue(trouble.queue),
    };
  }

  private async endpointsOf(items: readonly Found[]): Promise<Map<string, Endpoint>> {
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
      asked.flatMap((name, n): [string, Endpoint][] => {
        const endpoint = endpoints[n];
        return endpoint ? [[name, endpoint]] : [];
      }),
    );
  }
}

function newest(troubles: readonly Trouble[]): Trouble[] {
  return [...troubles].sort((a, b) => b.at - a.at || b.queueId - a.queueId).slice(0, SHOWN);
}
