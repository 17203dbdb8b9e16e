import type { Redis } from 'ioredis';
import { nodeOf } from './cluster.js';

/** One connection to one master: as long as it is the same, everything written over it is there. */
export interface Mark {
  readonly node: Redis;
  readonly connection: number;
  /** Another one after each failover and each restart. */
  readonly replication: string;
}

interface Known {
  connection: number;
  asked: Promise<string> | null;
}

/** Knows which master a connection speaks to about a key, asked once a connection and server. */
export class Master {
  private readonly redis: Redis;
  private readonly known = new WeakMap<Redis, Known>();

  constructor(redis: Redis) {
    this.redis = redis;
  }

  async mark(key: string): Promise<Mark> {
    for (;;) {
      const node = nodeOf(this.redis, key);
      if (!node) throw new Error('Connection is closed.');
      const known = this.about(node);
      const { connection } = known;
      known.asked ??= ask(node).catch((error) => {
        known.asked = null;
        throw error;
      });
      const replication = await known.asked;
      const mark = { node, connection, replication };
      if (this.still(mark, key)) return mark;
      if (node.status !== 'ready') throw new Error('Connection is closed.');
    }
  }

  /** Whether that is still where the key is, over the same connection. */
  still(mark: Mark, key: string): boolean {
    return (
      nodeOf(this.redis, key) === mark.node &&
      this.about(mark.node).connection === mark.connection &&
      mark.node.status === 'ready'
    );
  }

  private about(node: Redis): Known {
    const before = this.known.get(node);
    if (before) return before;
    const known: Known = { connection: 0, asked: null };
    this.known.set(node, known);
    for (const event of ['ready', 'close']) {
      node.on(event, () => {
        known.connection += 1;
        known.asked = null;
      });
    }
    return known;
  }
}

async function ask(node: Redis): Promise<string> {
  const text = await node.info('replication');
  return /^master_replid:(\w+)/m.exec(text)?.[1] ?? '';
}
