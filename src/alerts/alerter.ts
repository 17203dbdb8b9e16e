import { randomUUID } from 'node:crypto';
import type { Timings } from '../config/alerts-schema.js';
import { messageOf } from '../errors.js';
import type { Stand, TroubleFinder } from '../incidents/find.js';
import { type Claim, type Incident, openIn, type Trouble } from '../incidents/incident.js';
import type { Recipients } from '../incidents/recipients.js';
import type { Routing } from '../incidents/routing.js';
import type { Catalogue } from '../instructions/catalogue.js';
import { route } from '../instructions/route.js';
import { type Part, pause } from '../lifecycle.js';
import type { Log } from '../log.js';
import type { Enqueuer } from '../queues/enqueue.js';
import type { Registry } from '../queues/registry.js';
import { type Keys, PARALLEL } from '../redis/keys.js';
import { audienceOf, type Hearer } from './audience.js';
import { Book, type News } from './book.js';
import type { Entry, Ledger } from './ledger.js';
import { asItem, keyOf, type Letter, Outbox } from './outbox.js';
import { afterStage, dueStage, isSnoozed } from './stages.js';
import type { Successes } from './successes.js';
import type { Writer } from './writer.js';

export interface AlerterParts {
  readonly finder: TroubleFinder;
  readonly ledger: Ledger;
  readonly recipients: Recipients;
  readonly registry: Registry;
  readonly catalogue: Catalogue;
  readonly enqueuer: Enqueuer;
  readonly writer: Writer;
  readonly successes: Successes;
  readonly keys: Keys;
}

export interface AlerterOptions {
  readonly timings: Timings;
  /** How long a hold may last before people hear of it. Milliseconds. */
  readonly holdGraceMs: number;
  /** Milliseconds since 1970; tests let hours pass. */
  readonly now?: () => number;
  /** Milliseconds for which a dead alerter keeps the others from telling. */
  readonly leaseMs?: number;
}

/** Everything is compared anew after so long, whether it looks changed or not. */
const FULL_LOOK_MS = 60_000;
/** Failures that are taken up in one turn. */
const MOST_NEWS = 5_000;
const MAIL_MEMORY_MS = 30 * 86_400_000;

/** What the leading alerter holds in memory; thrown away whenever a turn fails. */
interface Memory {
  readonly book: Book;
  readonly outbox: Outbox;
  /** Failed mails of the alerts themselves: queue id → when they failed. */
  readonly ownMails: Map<number, number>;
  /** Troubles that stand no more and are not dealt with yet: retried, or their hold is over. */
  limbo: Trouble[];
  /** Who hears of which incident; worked out anew when either changed. */
  readonly audiences: Map<number, Map<string, Hearer>>;
  /** What was last said about mails that failed. */
  notice: string | null;
  signature: string;
  lookedAt: number;
  routing: Routing & { readonly version: string };
}

/**
 * Tells people what failed. Each turn compares what stands in the queues with what was written down,
 * writes down the difference together with the mails that follow from it, and only then enqueues those
 * mails: killed at any point, the next one goes on from there.
 */
export class Alerter implements Part {
  readonly name = 'alerter';
  private readonly parts: AlerterParts;
  private readonly options: AlerterOptions;
  private readonly log: Log;
  private readonly now: () => number;
  private readonly leaseMs: number;
  private readonly stopped = new AbortController();
  private token = randomUUID();
  private memory: Memory | null = null;
  private loop: Promise<void> | null = null;
  /** When a turn last ended well, by the monotonic clock. */
  private turnedAt = performance.now();

  constructor(parts: AlerterParts, options: AlerterOptions, log: Log) {
    this.parts = parts;
    this.options = options;
    this.log = log;
    this.now = options.now ?? Date.now;
    this.leaseMs = options.leaseMs ?? Math.max(15_000, options.timings.lookMs * 3);
  }

  /** Milliseconds since a turn last ended well; one that only stands by has short turns. */
  get silenceMs(): number {
    return performance.now() - this.turnedAt;
  }

  /** Why it tells nobody although it should; null while it gets on. */
  standstill(): string | null {
    const limit = Math.max(60_000, this.options.timings.lookMs * 4);
    if (this.silenceMs <= limit) return null;
    return `the alerts have not got through a turn for ${Math.round(this.silenceMs / 1_000)} s`;
  }

  async start(): Promise<void> {
    this.loop ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.loop;
    if (this.memory) await this.parts.ledger.leave(this.token);
    this.memory = null;
  }

  private async run(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      try {
        await this.turn();
        this.turnedAt = performance.now();
      } catch (error) {
        this.log.warn({ error: messageOf(error) }, 'the alerts did not get through a turn');
      }
      await pause(this.options.timings.lookMs, this.stopped.signal);
    }
  }

  /** One look and what follows from it. Throws when it could not be finished; the next turn begins anew. */
  async turn(): Promise<void> {
    try {
      const memory = await this.lead();
      if (!memory) return;
      await this.post(memory);
      await this.look(memory);
      await this.tell(memory);
      await this.tellSuccesses(memory);
      await this.post(memory);
    } catch (error) {
      this.memory = null;
      // A write that is still on its way must not meet a book that was read before it.
      await this.parts.ledger.leave(this.token).catch(() => {});
      this.token = randomUUID();
      throw error;
    }
  }

  /** Null when another process leads. */
  private async lead(): Promise<Memory | null> {
    const { ledger, recipients } = this.parts;
    const lease = await ledger.lead(this.token, this.leaseMs);
    if (lease === 'no') this.memory = null;
    if (lease === 'no') return null;
    if (lease === 'won' || !this.memory) {
      this.memory = {
        book: new Book(await ledger.open(), await ledger.troubles()),
        outbox: new Outbox(await ledger.outbox()),
        ownMails: new Map(),
        limbo: [],
        audiences: new Map(),
        notice: null,
        signature: '',
        lookedAt: 0,
        routing: await recipients.all(),
      };
    } else if ((await recipients.version()) !== this.memory.routing.version) {
      this.memory.routing = await recipients.all();
      this.memory.audiences.clear();
    }
    return this.memory;
  }

  /** What stands in the queues against what the book says. */
  private async look(memory: Memory): Promise<void> {
    const { finder } = this.parts;
    const now = this.now();
    const heldBefore = now - this.options.holdGraceMs;
    const signature = await finder.signature(heldBefore);
    const full = now - memory.lookedAt >= FULL_LOOK_MS;
    const standing =
      signature !== memory.signature || full ? await finder.standing(heldBefore) : null;
    if (standing) {
      await this.takeUp(memory, standing, now);
      memory.lookedAt = now;
    }
    await this.settle(memory, standing, now);
    memory.signature = signature;
  }

  private async takeUp(memory: Memory, standing: Map<number, Stand>, now: number): Promise<void> {
    const { book, ownMails } = memory;
    const unknown = [...standing.values()].filter(
      ({ queueId, at, kind }) =>
        ownMails.get(queueId) !== at && !sameTrouble(book.troubles.get(queueId), at, kind),
    );
    const fresh = unknown.slice(0, MOST_NEWS);
    if (fresh.length === 0) return this.noticeOwnMails(memory, standing);
    const mails = await this.parts.ledger.mailsAmong(fresh.map((one) => one.queueId));
    for (const { queueId, at } of fresh) if (mails.has(queueId)) ownMails.set(queueId, at);
    const news = await this.newsOf(fresh.filter(({ queueId }) => !mails.has(queueId)));
    for (const one of news) {
      await book.note(one, now, this.options.timings.windowMs, () =>
        this.parts.ledger.nextIncident(),
      );
    }
    // The rest comes with the next turn.
    if (unknown.length > fresh.length) memory.signature = '';
    await this.noticeOwnMails(memory, standing);
  }

  private async newsOf(stands: readonly Stand[]): Promise<News[]> {
    const { finder, catalogue, registry } = this.parts;
    const stand = new Map(stands.map((one) => [one.queueId, one]));
    const found = (await finder.read(stands)).filter((one) => one.state !== 'gone');
    const names = found.map((one) => {
      const entry = catalogue.get(one.instruction);
      const way = entry
        ? route(entry, { channel: one.channel ?? undefined, source: one.source ?? undefined })
        : null;
      return way && 'endpoint' in way ? way.endpoint : one.queue;
    });
    const unique = [...new Set(names)];
    const endpoints = await registry.getMany(unique);
    const byName = new Map(unique.map((name, n) => [name, endpoints[n] ?? null]));
    return found
      .flatMap((one, n): News[] => {
        const at = stand.get(one.queueId);
        const endpointName = names[n] ?? one.queue;
        if (!at) return [];
        return [
          { found: one, stand: at, endpoint: byName.get(endpointName) ?? null, endpointName },
        ];
      })
      .sort((a, b) => a.stand.at - b.stand.at || a.found.queueId - b.found.queueId);
  }

  /** Mails that fail are told in the log and on the console, never by mail. */
  private async noticeOwnMails(memory: Memory, standing: Map<number, Stand>): Promise<void> {
    for (const id of memory.ownMails.keys()) if (!standing.has(id)) memory.ownMails.delete(id);
    const count = memory.ownMails.size;
    const text =
      count === 0
        ? ''
        : JSON.stringify({ count, queueIds: [...memory.ownMails.keys()].slice(-20) });
    if (text === memory.notice) return;
    memory.notice = text;
    if (count > 0) this.log.error({ count }, 'mails of the alerts could not be delivered');
    await this.parts.ledger.write(this.token, [['notice', 'undelivered', text]]);
  }

  /** Items that failed no more, or are held no more: dealt with, or on their way again. */
  private async settle(
    memory: Memory,
    standing: Map<number, Stand> | null,
    now: number,
  ): Promise<void> {
    const { book } = memory;
    if (standing) {
      memory.limbo = [...book.troubles.values()].filter(({ queueId }) => !standing.has(queueId));
    }
    const limbo = memory.limbo.filter(({ queueId }) => book.troubles.has(queueId));
    if (limbo.length === 0) return;
    const refs = limbo.map(({ queueId, queue }) => ({
      queueId,
      shard: this.parts.keys.shardOf(queue),
    }));
    for (const { queueId, state } of await this.parts.finder.read(refs)) {
      if (dealtWith.has(state)) book.settle(queueId, now);
    }
  }

  /** Decides what is due and writes it down, an incident a step. */
  private async tell(memory: Memory): Promise<void> {
    const { book, routing } = memory;
    const now = this.now();
    if (book.incidents.size === 0) return;
    const claims = await this.parts.ledger.claims();
    for (const incident of [...book.incidents.values()]) {
      this.close(book, incident, now);
      this.escalate(book, incident, routing, claims.get(incident.id) ?? null, now);
      const letters = await this.letters(memory, incident, claims.get(incident.id) ?? null, now);
      for (const { key, text } of letters) {
        book.log(incident, ['mail', key, text]);
        memory.outbox.add(key, text);
      }
    }
    await this.parts.ledger.write(this.token, book.takeChanges());
  }

  private async tellSuccesses({ routing, outbox }: Memory): Promise<void> {
    const { successes, ledger } = this.parts;
    const entries = await successes.look(routing, this.options.timings.successesMs, this.now());
    await ledger.write(this.token, entries);
    for (const [what, which, value] of entries) {
      if (what === 'mail') outbox.add(String(which), String(value));
    }
  }

  private close(book: Book, incident: Incident, now: number): void {
    if (incident.closedAt !== null || openIn(incident) > 0) return;
    const calm = now - (incident.calmSince ?? incident.lastAt);
    if (calm >= this.options.timings.calmMs) book.close(incident, now);
  }

  private escalate(
    book: Book,
    incident: Incident,
    routing: Routing,
    claim: Claim | null,
    now: number,
  ): void {
    if (incident.closedAt !== null || claim?.by || isSnoozed(claim, now)) return;
    for (const { client, escalation } of routing.lists) {
      if (!escalation || incident.escalated.includes(client)) continue;
      const concerned = Object.values(incident.scopes).some(
        (scope) => scope.client === client && scope.open > 0,
      );
      if (!concerned || now - incident.openedAt < escalation.afterMs) continue;
      incident.escalated.push(client);
      book.log(incident);
    }
  }

  private async letters(
    memory: Memory,
    incident: Incident,
    claim: Claim | null,
    now: number,
  ): Promise<{ key: string; text: string }[]> {
    const { timings } = this.options;
    const audience = this.audience(memory, incident);
    let troubles: Trouble[] | null = null;
    const addresses = new Set([...Object.keys(incident.views), ...audience.keys()]);
    const letters: { key: string; text: string }[] = [];
    for (const address of addresses) {
      const hearer = audience.get(address) ?? null;
      const before = incident.views[address] ?? null;
      const stage = dueStage(incident, hearer, before, claim, timings, now);
      if (stage === null) continue;
      if (stage === 'digest' || stage === 'reminder') {
        // While the last mail is still on its way, another one would only pile up behind it.
        if (await this.onItsWay(before?.mails.at(-1)?.queueId ?? null)) continue;
      }
      const { view, name } = afterStage(before, stage, hearer, timings, now);
      troubles ??= memory.book.troublesOf(incident);
      const mail = await this.parts.writer.write({
        stage,
        incident,
        hearer,
        address,
        before,
        troubles,
        claimedBy: claim?.by ?? null,
        now,
      });
      incident.views[address] = view;
      const letter: Letter = {
        incident: incident.id,
        stage: name,
        address,
        name: view.name,
        mail,
      };
      letters.push({ key: keyOf(letter), text: JSON.stringify(letter) });
    }
    if (letters.length > 0) memory.book.log(incident);
    return letters;
  }

  private audience({ book, audiences, routing }: Memory, incident: Incident): Map<string, Hearer> {
    const known = audiences.get(incident.id);
    if (known && !book.hasChanged(incident)) return known;
    const audience = audienceOf(incident, routing);
    audiences.set(incident.id, audience);
    return audience;
  }

  private async onItsWay(queueId: number | null): Promise<boolean> {
    if (queueId === null) return false;
    const shard = this.parts.keys.shardOf(PARALLEL);
    const [mail] = await this.parts.finder.read([{ queueId, shard }]);
    return mail !== undefined && ['waiting', 'active', 'backing-off'].includes(mail.state);
  }

  /** Enqueues what was written down. Sent twice, it is enqueued once: the key is the same, and the text. */
  private async post({ outbox, book }: Memory): Promise<void> {
    const { enqueuer, ledger } = this.parts;
    for (const batch of outbox.batches()) {
      const tickets = await enqueuer.enqueue(batch.map(({ letter }) => asItem(letter)));
      const entries: Entry[] = [];
      for (const [n, { key, letter }] of batch.entries()) {
        const queueId = tickets[n]?.queueId;
        if (queueId === undefined) continue;
        entries.push(['sent', key, queueId]);
        const incident = book.incidents.get(letter.incident);
        const record = incident?.views[letter.address]?.mails.find(
          (mail) => mail.stage === letter.stage,
        );
        if (record && incident) {
          record.queueId = queueId;
          book.log(incident);
        }
      }
      await ledger.write(this.token, [...entries, ...book.takeChanges()]);
      outbox.sent(batch.map(({ key }) => key));
      await ledger.forgetMails(this.now() - MAIL_MEMORY_MS);
      this.log.info({ mails: batch.length }, 'told people of incidents');
    }
  }
}

const dealtWith: ReadonlySet<string> = new Set(['completed', 'skipped', 'resolved', 'gone']);

function sameTrouble(
  known: { at: number; kind: string } | undefined,
  at: number,
  kind: string,
): boolean {
  return known?.at === at && known.kind === kind;
}
