import type { Line } from '../checker/history.js';
import type { Andon } from './andon.js';
import { Chances } from './chances.js';
import { now, pause } from './clock.js';

interface Wish {
  readonly queue: string;
  readonly item: string;
  readonly body: Record<string, unknown>;
}

/** What the witness is told by the item itself. */
interface Data {
  readonly item: string;
  readonly answers: number[];
  readonly takesMs: number;
  /** For its words when it refuses: what is lacking makes an incident of its own. */
  readonly lacks?: string;
  /** What is to follow when it is done. */
  readonly causes?: readonly Wish[];
}

const LACKING = ['a price', 'a weight', 'a picture', 'a title', 'a brand', 'a tax class', 'a unit'];

/** Requests under way at once; beyond it the producer waits, as a program with a pool would. */
const MOST_AT_ONCE = 40;
const PATIENCE_MS = 20_000;
/** Between two requests while too much waits already. */
const TRICKLE_MS = 300;

/**
 * Asks for items at a steady rate through the HTTP API, and asks again when it hears nothing. What it asks for
 * follows from the seed alone, however long the quiet time lasts.
 */
export class Producer {
  items = 0;
  private batches = 0;
  private stones = 0;
  /** While it is, every item is one that the shop takes at once. */
  calm = true;
  private readonly lot: Chances;
  /** Of the stones, which come at times of their own. */
  private readonly stonesLot: Chances;
  private readonly andon: Andon;
  private readonly channels: readonly string[];
  private readonly write: (line: Line) => void;
  private readonly options: {
    readonly rate: number;
    readonly lockMs: number;
    readonly durable: boolean;
  };
  private readonly busy = new Set<Promise<void>>();

  constructor(
    andon: Andon,
    channels: readonly string[],
    write: (line: Line) => void,
    options: { seed: number; rate: number; lockMs: number; durable: boolean },
  ) {
    this.andon = andon;
    this.channels = channels;
    this.write = write;
    this.options = options;
    this.lot = new Chances(options.seed, 1);
    this.stonesLot = new Chances(options.seed, 3);
  }

  /** @param pace share of the rate that is asked for now; 0 is the end */
  async run(pace: () => number, backlog: () => number): Promise<void> {
    let [last, due, asked] = [now(), 0, 0];
    for (let share = pace(); share > 0; share = pace()) {
      const at = now();
      due += ((at - last) / 1_000) * this.options.rate * share;
      last = at;
      // Somebody goes on asking, so that it is seen who accepts.
      const rest = backlog() > this.options.rate * 30 && at - asked < TRICKLE_MS;
      if (rest || this.items >= due || this.busy.size >= MOST_AT_ONCE) {
        await pause(10);
        continue;
      }
      asked = at;
      const work = this.ask(this.wishes(), this.lot).finally(() => this.busy.delete(work));
      this.busy.add(work);
    }
    await Promise.all(this.busy);
  }

  /** An item on which its queue stops at once, until somebody deals with it. */
  async stone(channel: string): Promise<void> {
    this.stones += 1;
    const item = `stone ${this.stones}`;
    const data = { item, answers: [422], takesMs: 1, lacks: this.stonesLot.one(LACKING) };
    await this.ask([this.asProduct(channel, data)], this.stonesLot);
  }

  private wishes(): Wish[] {
    // A whole price list now and then.
    if (this.lot.chance(0.05)) {
      const channel = this.lot.one(this.channels);
      this.batches += 1;
      return Array.from({ length: this.lot.between(40, 100) }, () => this.product(channel));
    }
    if (this.lot.chance(0.55)) {
      const channel = this.lot.one(this.channels);
      this.batches += 1;
      return Array.from({ length: this.lot.between(2, 20) }, () => this.product(channel));
    }
    return [this.lot.chance(0.3) ? this.order() : this.product(this.lot.one(this.channels))];
  }

  private product(channel: string): Wish {
    const data = this.data();
    const causes = this.lot.chance(0.04) ? this.caused(data.item) : [];
    return this.asProduct(channel, causes.length > 0 && !this.calm ? { ...data, causes } : data);
  }

  /** One to three that follow an item, mostly elsewhere. */
  private caused(by: string): Wish[] {
    const [one, other] = [this.lot.one(this.channels), this.lot.one(this.channels)];
    return [one, other, one].slice(0, this.lot.between(1, 3)).map((channel, n) =>
      this.asProduct(channel, {
        item: `${by} causes ${n + 1}`,
        answers: this.lot.chance(0.05) ? [500] : [],
        takesMs: this.lot.between(1, 25),
      }),
    );
  }

  private asProduct(channel: string, data: Data): Wish {
    return {
      queue: `channel.${channel}`,
      item: data.item,
      body: {
        instruction: 'add_product',
        channel,
        data: { ...data, sku: data.item, title: data.item },
      },
    };
  }

  private order(): Wish {
    const data = this.data();
    const channel = this.lot.one(this.channels);
    return {
      queue: 'parallel',
      item: data.item,
      body: { instruction: 'sync_order', channel, data: { ...data, orderNumber: data.item } },
    };
  }

  private data(): Data {
    this.items += 1;
    const item = `item ${this.items}`;
    const answers = this.lot.chance(0.02) ? [422] : this.lot.chance(0.03) ? [500] : [];
    if (answers[0] && this.lot.chance(0.3)) answers.push(this.lot.one([422, 500]));
    // A few take longer than a lock, so that there is something to lose it in.
    const { lockMs } = this.options;
    const long = this.lot.chance(0.004);
    const usual = this.lot.between(1, 25);
    const takesMs = long ? this.lot.between(lockMs, lockMs * 2) : usual;
    const lacks = answers[0] === 422 ? { lacks: this.lot.one(LACKING) } : {};
    return this.calm ? { item, answers: [], takesMs: usual } : { item, answers, takesMs, ...lacks };
  }

  private async ask(wishes: readonly Wish[], lot: Chances): Promise<void> {
    const insists = !lot.chance(0.2);
    const twice = lot.chance(0.03);
    const till = now() + PATIENCE_MS;
    for (let wait = 200; !(await this.askOnce(wishes)) && insists && now() < till; wait *= 1.5)
      await pause(Math.min(wait, 2_000));
    if (twice) await this.askOnce(wishes);
  }

  /** False when nobody knows what became of it. */
  private async askOnce(wishes: readonly Wish[]): Promise<boolean> {
    const place = this.andon.next();
    const asked = now();
    const [only] = wishes;
    const single = wishes.length === 1 && only;
    const { status, body } = single
      ? await this.andon.call(
          'POST',
          '/v1/items',
          only.body,
          { 'idempotency-key': key(only) },
          place,
        )
      : await this.andon.call(
          'POST',
          '/v1/items/batch',
          { items: wishes.map((wish) => ({ ...wish.body, idempotencyKey: key(wish) })) },
          {},
          place,
        );
    const answered = now();
    const did = status === 202 ? 'accepted' : status >= 400 && status < 500 ? 'refused' : 'unknown';
    const tickets: { queueId: number }[] = did === 'accepted' ? (single ? [body] : body.items) : [];
    for (const [n, wish] of wishes.entries())
      this.write({
        by: 'producer',
        did,
        asked,
        answered,
        queue: wish.queue,
        item: wish.item,
        idempotencyKey: key(wish),
        batch: single ? null : (only?.item ?? null),
        durable: this.options.durable,
        place,
        id: tickets[n]?.queueId ?? null,
      });
    return did !== 'unknown';
  }
}

const key = ({ item }: Wish): string => `key-of-${item.replace(' ', '-')}`;
