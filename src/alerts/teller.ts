import type { Timings } from '../config/alerts-schema.js';
import type { TroubleFinder } from '../incidents/find.js';
import { type Claim, type Incident, openIn, type Trouble } from '../incidents/incident.js';
import type { Routing } from '../incidents/routing.js';
import { type Keys, PARALLEL } from '../redis/keys.js';
import { audienceOf, type Hearer } from './audience.js';
import type { Book } from './book.js';
import type { Memory } from './memory.js';
import { keyOf, type Letter } from './outbox.js';
import { afterStage, dueStage, isSnoozed } from './stages.js';
import type { Writer } from './writer.js';

export interface TellerParts {
  readonly finder: TroubleFinder;
  readonly writer: Writer;
  readonly keys: Keys;
}

/** Decides who is to be told what of the incidents in the book, and puts it there, with the mails whole. */
export class Teller {
  private readonly parts: TellerParts;
  private readonly timings: Timings;

  constructor(parts: TellerParts, timings: Timings) {
    this.parts = parts;
    this.timings = timings;
  }

  /** An incident a step. What it comes to stands in the book's changes and in the outbox. */
  async tell(memory: Memory, claims: ReadonlyMap<number, Claim>, now: number): Promise<void> {
    const { book, routing } = memory;
    for (const incident of [...book.incidents.values()]) {
      this.close(book, incident, now);
      this.escalate(book, incident, routing, claims.get(incident.id) ?? null, now);
      const letters = await this.letters(memory, incident, claims.get(incident.id) ?? null, now);
      for (const { key, text } of letters) {
        book.log(incident, ['mail', key, text]);
        memory.outbox.add(key, text);
      }
    }
  }

  private close(book: Book, incident: Incident, now: number): void {
    if (incident.closedAt !== null || openIn(incident) > 0) return;
    const calm = now - (incident.calmSince ?? incident.lastAt);
    if (calm >= this.timings.calmMs) book.close(incident, now);
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
    const { timings } = this;
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
}
