import { isDeepStrictEqual } from 'node:util';
import type { Andon } from '../campaign/andon.js';
import { WIRE_CHANNEL } from './example.js';

interface Sent {
  readonly instruction?: unknown;
  readonly data?: unknown;
  readonly title?: unknown;
  readonly channel?: unknown;
  readonly source?: unknown;
  readonly entity?: { readonly kind?: unknown; readonly key?: unknown };
}

interface Entry {
  readonly sent: Sent | null;
  /** What it may hold: what it came with, and every edit that was accepted. */
  readonly data: unknown[];
}

const trimmed = (value: unknown) => (typeof value === 'string' ? value.trim() : value);

/** Keeps what was accepted, and holds it against what is stored. */
export class Ledger {
  readonly faults: string[] = [];
  /** Items of raw sockets that were closed before the answer. */
  untold = 0;
  private readonly entries = new Map<number, Entry>();

  get size(): number {
    return this.entries.size;
  }

  /** An answer of success to a request with this body, if it is one about items. */
  note(method: string, path: string, body: Buffer | null, answer: string): void {
    // Upper case, an origin before and a fragment behind are the same path to the product.
    const clean = path
      .replace(/^https?:\/\/[^/]*/, '')
      .replace(/[?#].*$/, '')
      .replace(/\/$/, '')
      .toLowerCase();
    if (method === 'POST' && clean === '/v1/items')
      this.add(JSON.parse(answer).queueId, JSON.parse(String(body)));
    if (method === 'POST' && clean === '/v1/items/batch') {
      const items: Sent[] = JSON.parse(String(body)).items;
      const tickets: { queueId: number }[] = JSON.parse(answer).items;
      if (items.length !== tickets.length)
        this.faults.push(`a batch of ${items.length} was answered with ${tickets.length} tickets`);
      tickets.forEach(({ queueId }, n) => {
        this.add(queueId, items[n] ?? null);
      });
    }
    const edited =
      method === 'PATCH' && /^\/v1\/items\/\d+$/.test(clean)
        ? this.entries.get(JSON.parse(answer).queueId)
        : undefined;
    edited?.data.push(JSON.parse(String(body)).data);
  }

  /** `sent` is null where only the item's existence is known. */
  add(queueId: number, sent: Sent | null): void {
    if (!Number.isSafeInteger(queueId)) {
      this.faults.push(`accepted without a queue id: ${JSON.stringify(sent)?.slice(0, 300)}`);
      return;
    }
    const known = this.entries.get(queueId);
    // An idempotency key may give the same ticket again, but for the same request only.
    if (known?.sent && sent && !isDeepStrictEqual(known.sent.data ?? {}, sent.data ?? {}))
      this.faults.push(`item ${queueId} was answered for two different requests`);
    if (!known) this.entries.set(queueId, { sent, data: sent ? [sent.data ?? {}] : [] });
  }

  /** Reads every item there is, and compares. */
  async compare(api: Andon): Promise<void> {
    const seen = new Set<number>();
    let cursor = '';
    do {
      const page = await api.insist('GET', `/v1/items?limit=200${cursor && `&cursor=${cursor}`}`);
      for (const item of page.body.items) {
        seen.add(item.queueId);
        this.check(item);
      }
      cursor = page.body.nextCursor ?? '';
    } while (cursor);
    for (const id of this.entries.keys())
      if (!seen.has(id)) this.faults.push(`item ${id} was accepted and is not stored`);
  }

  private check(item: Sent & { queueId: number }): void {
    const entry = this.entries.get(item.queueId);
    if (!entry && item.channel === WIRE_CHANNEL) {
      this.untold += 1;
      return;
    }
    if (!entry) {
      this.faults.push(
        `item is stored, though nobody was told so: ${JSON.stringify(item).slice(0, 600)}`,
      );
      return;
    }
    const { sent, data } = entry;
    if (!sent) return;
    const wrong = (what: string) =>
      this.faults.push(`item ${item.queueId}: ${what} is not what was accepted`);
    if (!data.some((one) => isDeepStrictEqual(one, item.data))) wrong('data');
    if (item.instruction !== trimmed(sent.instruction)) wrong('instruction');
    for (const name of ['channel', 'source'] as const)
      if ((item[name] ?? null) !== (sent[name] ?? null)) wrong(name);
    // With other data it has the title of these.
    if (sent.title !== undefined && data.length === 1 && item.title !== trimmed(sent.title))
      wrong('title');
    if (
      sent.entity &&
      (item.entity?.kind !== sent.entity.kind || item.entity?.key !== trimmed(sent.entity.key))
    )
      wrong('entity');
  }
}
