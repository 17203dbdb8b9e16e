import type { Stand, TroubleFinder } from '../incidents/find.js';
import type { Catalogue } from '../instructions/catalogue.js';
import { route } from '../instructions/route.js';
import type { Log } from '../log.js';
import type { Registry } from '../queues/registry.js';
import type { Keys } from '../redis/keys.js';
import type { News } from './book.js';
import type { Ledger } from './ledger.js';
import type { Memory } from './memory.js';

export interface WatchParts {
  readonly finder: TroubleFinder;
  readonly ledger: Ledger;
  readonly registry: Registry;
  readonly catalogue: Catalogue;
  readonly keys: Keys;
}

export interface WatchTimes {
  /** Failures alike within this time are one incident. */
  readonly windowMs: number;
  /** How long a hold may last before people hear of it. */
  readonly holdGraceMs: number;
}

/** Everything is compared anew after so long, whether it looks changed or not. */
const FULL_LOOK_MS = 60_000;
/** Failures that are taken up in one turn. */
const MOST_NEWS = 5_000;

/** Compares what stands in the queues with what the book says, and writes the difference into the book. */
export class Watch {
  private readonly parts: WatchParts;
  private readonly times: WatchTimes;
  private readonly log: Log;

  constructor(parts: WatchParts, times: WatchTimes, log: Log) {
    this.parts = parts;
    this.times = times;
    this.log = log;
  }

  /** @param token of the lease, for what is written at once */
  async look(memory: Memory, token: string, now: number): Promise<void> {
    const { finder } = this.parts;
    const heldBefore = now - this.times.holdGraceMs;
    const signature = await finder.signature(heldBefore);
    const full = now - memory.lookedAt >= FULL_LOOK_MS;
    const standing =
      signature !== memory.signature || full ? await finder.standing(heldBefore) : null;
    if (standing) {
      await this.takeUp(memory, standing, token, now);
      memory.lookedAt = now;
    }
    await this.settle(memory, standing, now);
    memory.signature = signature;
  }

  private async takeUp(
    memory: Memory,
    standing: Map<number, Stand>,
    token: string,
    now: number,
  ): Promise<void> {
    const { book, ownMails } = memory;
    const unknown = [...standing.values()].filter(
      ({ queueId, at, kind }) =>
        ownMails.get(queueId) !== at && !sameTrouble(book.troubles.get(queueId), at, kind),
    );
    const fresh = unknown.slice(0, MOST_NEWS);
    if (fresh.length === 0) return this.noticeOwnMails(memory, standing, token);
    const mails = await this.parts.ledger.mailsAmong(fresh.map((one) => one.queueId));
    for (const { queueId, at } of fresh) if (mails.has(queueId)) ownMails.set(queueId, at);
    const news = await this.newsOf(fresh.filter(({ queueId }) => !mails.has(queueId)));
    for (const one of news) {
      await book.note(one, now, this.times.windowMs, () => this.parts.ledger.nextIncident());
    }
    // The rest comes with the next turn.
    if (unknown.length > fresh.length) memory.signature = '';
    await this.noticeOwnMails(memory, standing, token);
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
  private async noticeOwnMails(
    memory: Memory,
    standing: Map<number, Stand>,
    token: string,
  ): Promise<void> {
    for (const id of memory.ownMails.keys()) if (!standing.has(id)) memory.ownMails.delete(id);
    const count = memory.ownMails.size;
    const text =
      count === 0
        ? ''
        : JSON.stringify({ count, queueIds: [...memory.ownMails.keys()].slice(-20) });
    if (text === memory.notice) return;
    memory.notice = text;
    if (count > 0) this.log.error({ count }, 'mails of the alerts could not be delivered');
    await this.parts.ledger.write(token, [['notice', 'undelivered', text]]);
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
}

const dealtWith: ReadonlySet<string> = new Set(['completed', 'skipped', 'resolved', 'gone']);

function sameTrouble(
  known: { at: number; kind: string } | undefined,
  at: number,
  kind: string,
): boolean {
  return known?.at === at && known.kind === kind;
}
