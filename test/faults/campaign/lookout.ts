import type { Incident, Line } from '../checker/history.js';
import type { Andon } from './andon.js';
import { now, pause } from './clock.js';

const LOOK_MS = 700;

/** Somebody who looks at the incidents all the time and writes down what there is to be seen. */
export class Lookout {
  /** Items that were told of, and what was the matter. */
  readonly seen = new Set<number>();
  private readonly written = new Map<string, Set<number>>();
  private readonly andon: Andon;
  private readonly write: (line: Line) => void;
  /** How each incident stood when its items were read. */
  private readonly looked = new Map<number, string>();
  private stood = '';
  private over = false;
  private work: Promise<void> = Promise.resolve();

  constructor(andon: Andon, write: (line: Line) => void) {
    this.andon = andon;
    this.write = write;
  }

  start(): void {
    this.work = this.run();
  }

  private async run(): Promise<void> {
    while (!this.over) {
      const { status, body } = await this.andon.call('GET', '/v1/incidents?state=open&limit=200');
      if (status === 200) await this.look(body.items);
      await pause(LOOK_MS);
    }
  }

  private async look(open: readonly Seen[]): Promise<void> {
    const at = now();
    let whole = true;
    const standing = open.map(({ id }) => id).join(' ');
    for (const one of open) {
      const ids = await this.itemsOf(one);
      whole &&= ids !== null;
      this.note(one, at, ids ?? [], standing !== this.stood);
    }
    // Of what was there when it began.
    if (whole) this.write({ by: 'look', at });
    this.stood = standing;
  }

  /** None when nothing has changed since it was read; null when it could not be read. */
  private async itemsOf(one: Seen): Promise<number[] | null> {
    const looks = `${one.failures} ${one.open}`;
    if (one.open === 0 || this.looked.get(one.id) === looks) return [];
    const { status, body } = await this.andon.call('GET', `/v1/incidents/${one.id}`);
    if (status !== 200) return null;
    this.looked.set(one.id, looks);
    return body.items.map(({ queueId }: { queueId: number }) => queueId);
  }

  private note(one: Seen, at: number, queueIds: readonly number[], anyway: boolean): void {
    const known = this.written.get(String(one.id)) ?? new Set();
    this.written.set(String(one.id), known);
    const ids = queueIds.filter((id) => !known.has(id));
    for (const id of ids) known.add(id);
    for (const id of ids) this.seen.add(id);
    if (anyway || ids.length > 0) this.write(asLine(one, at, ids));
  }

  /** The last look at all there ever was; whoever is not over is seen whole. */
  async stop(): Promise<number> {
    this.over = true;
    await this.work;
    const all: Seen[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor ? `&cursor=${cursor}` : '';
      const { body } = await this.andon.insist('GET', `/v1/incidents?limit=200${query}`);
      all.push(...body.items);
      cursor = body.nextCursor;
    } while (cursor);
    await this.look(all.filter(({ state }) => state === 'open'));
    const at = now();
    for (const one of all) if (one.state !== 'open') this.write(asLine(one, at, []));
    return all.length;
  }
}

/** What the API says of an incident, as far as it matters here. */
interface Seen {
  readonly id: number;
  readonly state: 'open' | 'over';
  readonly error: string;
  readonly cause: string;
  readonly farSide: string;
  readonly away: boolean;
  readonly failures: number;
  readonly open: number;
  readonly queues: readonly string[];
}

const asLine = (one: Seen, at: number, ids: readonly number[]): Incident => ({
  by: 'incident',
  at,
  incident: String(one.id),
  about: about(one),
  open: one.state === 'open',
  ids,
});

/** A far side that is away is one trouble, whatever was asked of it; else orders and products have their own. */
const about = ({ error, cause, farSide, away, queues }: Seen): string =>
  away
    ? `${farSide} is away (${cause === 'throttled' ? 'connection' : cause})`
    : `${farSide}, ${queues.includes('parallel') ? 'orders' : 'products'}: ${error}`;
