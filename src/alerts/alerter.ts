import { randomUUID } from 'node:crypto';
import type { Timings } from '../config/alerts-schema.js';
import { crashPoint } from '../crash-points.js';
import { messageOf } from '../errors.js';
import type { Recipients } from '../incidents/recipients.js';
import { type Part, pause } from '../lifecycle.js';
import type { Log } from '../log.js';
import type { Enqueuer } from '../queues/enqueue.js';
import { Book } from './book.js';
import type { Entry } from './ledger.js';
import type { Memory } from './memory.js';
import { asItem, Outbox } from './outbox.js';
import type { Successes } from './successes.js';
import { Teller, type TellerParts } from './teller.js';
import { Watch, type WatchParts } from './watch.js';

export interface AlerterParts extends WatchParts, TellerParts {
  readonly recipients: Recipients;
  readonly enqueuer: Enqueuer;
  readonly successes: Successes;
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

const MAIL_MEMORY_MS = 30 * 86_400_000;

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
  private readonly watch: Watch;
  private readonly teller: Teller;
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
    const { timings, holdGraceMs } = options;
    this.watch = new Watch(parts, { windowMs: timings.windowMs, holdGraceMs }, log);
    this.teller = new Teller(parts, timings);
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
      await this.watch.look(memory, this.token, this.now());
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

  private async tell(memory: Memory): Promise<void> {
    const { ledger } = this.parts;
    if (memory.book.incidents.size === 0) return;
    await this.teller.tell(memory, await ledger.claims(), this.now());
    await ledger.write(this.token, memory.book.takeChanges());
  }

  private async tellSuccesses({ routing, outbox }: Memory): Promise<void> {
    const { successes, ledger } = this.parts;
    const entries = await successes.look(routing, this.options.timings.successesMs, this.now());
    await ledger.write(this.token, entries);
    for (const [what, which, value] of entries) {
      if (what === 'mail') outbox.add(String(which), String(value));
    }
  }

  /** Enqueues what was written down. Sent twice, it is enqueued once: the key is the same, and the text. */
  private async post({ outbox, book }: Memory): Promise<void> {
    const { enqueuer, ledger } = this.parts;
    for (const batch of outbox.batches()) {
      crashPoint('before-post');
      const tickets = await enqueuer.enqueue(batch.map(({ letter }) => asItem(letter)));
      crashPoint('after-post');
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
