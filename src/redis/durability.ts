import type { Redis } from 'ioredis';
import { NotReplicated } from '../errors.js';
import { within } from '../lifecycle.js';
import type { Heirs } from './heirs.js';
import { Master } from './master.js';
import { isOutage } from './outage.js';

/** When a write may be answered with success. */
export interface Durability {
  /**
   * Runs a write; resolves when what it wrote is safe. `key` lies where it writes (a slot of a Cluster),
   * belongs to nothing else, and is touched. @throws NotReplicated
   */
  cover<T>(write: () => Promise<T>, key: string): Promise<T>;
}

/** As soon as the one Redis has it. */
export const local: Durability = { cover: (write) => write() };

export interface ReplicatedOptions {
  /** The connection over which the writes go. */
  readonly redis: Redis;
  /** A connection of its own: WAIT lets everything behind it on its connection wait too. */
  readonly witness: Redis;
  /** The fewest; more where more of them may take over. */
  readonly replicas: number;
  readonly heirs: Heirs;
  /** How long replicas may take, in milliseconds. */
  readonly waitMs: number;
}

/** The WAIT that runs for a key, and the one after it. */
interface Turns {
  running: Promise<unknown>;
  next: Promise<Reached> | null;
}

interface Reached {
  readonly replication: string;
  readonly replicas: number;
  readonly wanted: number;
}

/**
 * As soon as so many replicas have it, and all that may take over: a master that hung or steps down
 * can still be told yes by a replica that was not chosen. After the
 * write a key is touched over the witness connection and WAITed for: whatever reached the same master
 * before is then on the replicas as well. That it is the same master, and that the write's own
 * connection has been to no other meanwhile, is looked at each time. Writes that come together share
 * one WAIT.
 */
export class Replicated implements Durability {
  private readonly options: ReplicatedOptions;
  private readonly writer: Master;
  private readonly witness: Master;
  private readonly turns = new Map<string, Turns>();

  constructor(options: ReplicatedOptions) {
    this.options = options;
    this.writer = new Master(options.redis);
    this.witness = new Master(options.witness);
  }

  async cover<T>(write: () => Promise<T>, key: string): Promise<T> {
    const mark = await this.writer.mark(key);
    const result = await write();
    const { replication, replicas, wanted } = await this.reached(key);
    const same = this.writer.still(mark, key) && replication === mark.replication;
    if (!same || replicas < wanted) throw new NotReplicated(replicas, wanted);
    return result;
  }

  /** A WAIT that runs already may have been sent before our write: the one after it counts. */
  private reached(key: string): Promise<Reached> {
    const turns = this.turns.get(key) ?? { running: Promise.resolve(), next: null };
    this.turns.set(key, turns);
    turns.next ??= turns.running.then(() => {
      turns.next = null;
      const asked = this.ask(key);
      turns.running = asked.catch(() => {}); // each asker is told by `asked` itself
      return asked;
    });
    return turns.next;
  }

  private async ask(key: string): Promise<Reached> {
    const { replicas, heirs, waitMs } = this.options;
    try {
      const mark = await this.witness.mark(key);
      const needed = await within(waitMs, heirs.needed(mark.node), 'no answer to WAIT');
      const wanted = Math.max(replicas, needed);
      if (wanted === Number.POSITIVE_INFINITY) return NOT_REACHED;
      // Sent in one go, so over one connection. EXPIRE is carried out even when memory is full.
      const both = Promise.all([mark.node.expire(key, KEEP_S), mark.node.wait(wanted, waitMs)]);
      const [touched, count] = await within(waitMs + SLACK_MS, both, 'no answer to WAIT');
      if (touched === 0) {
        await mark.node.set(key, 1, 'EX', KEEP_S);
        return await this.ask(key);
      }
      const still = this.witness.still(mark, key);
      return { replication: mark.replication, replicas: still ? count : 0, wanted };
    } catch (error) {
      if (isOutage(error)) return NOT_REACHED;
      throw error;
    }
  }
}

const NOT_REACHED: Reached = { replication: 'none', replicas: 0, wanted: 1 };
const KEEP_S = 7 * 24 * 3_600;
/** For the way there and back, in milliseconds. */
const SLACK_MS = 1_000;
