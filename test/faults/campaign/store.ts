import { existsSync } from 'node:fs';
import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import {
  Cluster,
  endShapes,
  type RedisProcess,
  ReplicaSet,
  startStandalone,
} from '../../support/redis-shapes.js';
import { until } from '../../support/until.js';

export type Topology = 'single' | 'sentinel' | 'cluster';

/** Roughly what one command takes in the append-only file. */
const BYTES_A_COMMAND = 80;
/** What the shortest nap takes, on a machine that is neither idle nor full. */
const NAP_MS = 0.4;
const READY_MS = 180_000;
/** A master that is silent for so long is replaced. Milliseconds. */
const DOWN_AFTER_MS = 1_000;
/** With it a library is built that moves the clock of a Redis. */
export const COMPILER = '/usr/bin/cc';

const conf = [
  'aof-load-truncated yes',
  'auto-aof-rewrite-min-size 16mb',
  'maxmemory-policy noeviction',
  'loading-process-events-interval-bytes 1024',
];

/** What the campaign keeps its items in. */
export interface Store {
  readonly topology: Topology;
  /** For REDIS_URL. */
  readonly url: string;
  /** Every server that a process of Andon may speak to: a link stands before each. */
  readonly ports: readonly number[];
  /** The servers that take writes now. */
  masters(): Promise<readonly RedisProcess[]>;
  /** It takes commands, its data read, its replicas there. */
  ready(): Promise<void>;
  end(): Promise<void>;
}

export const startStore = (topology: Topology): Promise<Store> =>
  ({ single: Single.start, sentinel: Watched.start, cluster: Sharded.start })[topology]();

/** One server with an append-only file, at a port that stays. */
export class Single implements Store {
  readonly topology = 'single';
  readonly server: RedisProcess;
  /** A connection of the campaign's own, past every link. */
  readonly admin: Redis;
  private seconds = 0;

  private constructor(server: RedisProcess) {
    this.server = server;
    this.admin = new Redis(server.url, {
      lazyConnect: true,
      maxRetriesPerRequest: null,
      retryStrategy: () => 50,
    });
    this.admin.on('error', () => {}); // each fault says what it did
  }

  static async start(this: void): Promise<Single> {
    const store = new Single(await startStandalone({ conf, movableClock: existsSync(COMPILER) }));
    await store.admin.connect();
    return store;
  }

  get url(): string {
    return this.server.url;
  }

  get ports(): readonly number[] {
    return [this.server.port];
  }

  async masters(): Promise<readonly RedisProcess[]> {
    return [this.server];
  }

  async ready(): Promise<void> {
    await until(
      'Redis',
      async () => (await this.server.call('SET', 'probe', 1)) === 'OK',
      READY_MS,
    );
  }

  /** Its wall clock jumps and stays where it is. */
  async jump(seconds: number): Promise<void> {
    this.seconds += seconds;
    await this.server.moveClock(this.seconds);
  }

  /** At how many commands Redis is to take one nap each, that the loading may take about so long; as `key-load-delay` wants it. */
  async napEvery(ms: number): Promise<number> {
    const directory = join(this.server.directory, 'appendonlydir');
    let bytes = 0;
    for (const name of await readdir(directory)) bytes += (await stat(join(directory, name))).size;
    return -Math.max(1, Math.round((bytes / BYTES_A_COMMAND / ms) * NAP_MS));
  }

  /** Cuts the last bytes off the append-only file, as a power failure may; Redis must be down. */
  async cutTail(bytes: number): Promise<void> {
    const directory = join(this.server.directory, 'appendonlydir');
    const parts = (await readdir(directory)).filter((name) => name.endsWith('.incr.aof')).sort();
    const last = parts.at(-1);
    if (!last) return;
    const path = join(directory, last);
    await truncate(path, Math.max(0, (await stat(path)).size - bytes));
  }

  async end(): Promise<void> {
    this.admin.disconnect();
    await endShapes();
  }
}

/** A master, two replicas, three Sentinels. */
export class Watched implements Store {
  readonly topology = 'sentinel';
  readonly set: ReplicaSet;

  private constructor(set: ReplicaSet) {
    this.set = set;
  }

  static async start(this: void): Promise<Watched> {
    return new Watched(await ReplicaSet.start({ conf, downAfterMs: DOWN_AFTER_MS }));
  }

  get url(): string {
    return this.set.url;
  }

  get ports(): readonly number[] {
    return [...this.set.servers, ...this.set.sentinels].map(({ port }) => port);
  }

  async masters(): Promise<readonly RedisProcess[]> {
    return [await this.set.master()];
  }

  replicasOf(): Promise<readonly RedisProcess[]> {
    return this.set.replicas();
  }

  async ready(): Promise<void> {
    await until(
      'the replicas to follow the master',
      async () => {
        const master = await this.set.master();
        if ((await master.info('role')) !== 'master') return false;
        const others = this.set.servers.filter((one) => one !== master);
        for (const other of others) {
          if ((await other.info('master_port')) !== String(master.port)) return false;
          if ((await other.info('master_link_status')) !== 'up') return false;
        }
        return true;
      },
      READY_MS,
    );
  }

  async end(): Promise<void> {
    await endShapes();
  }
}

/** Three masters with a replica each. */
export class Sharded implements Store {
  readonly topology = 'cluster';
  readonly cluster: Cluster;

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  static async start(this: void): Promise<Sharded> {
    return new Sharded(await Cluster.start({ conf, nodeTimeoutMs: DOWN_AFTER_MS * 2 }));
  }

  get url(): string {
    return this.cluster.url;
  }

  get ports(): readonly number[] {
    return this.cluster.nodes.map(({ port }) => port);
  }

  masters(): Promise<readonly RedisProcess[]> {
    return this.cluster.masters();
  }

  replicasOf(master: RedisProcess): Promise<readonly RedisProcess[]> {
    return this.cluster.replicasOf(master);
  }

  async ready(): Promise<void> {
    await this.cluster.untilWell(this.cluster.nodes.length / 2);
  }

  async end(): Promise<void> {
    await endShapes();
  }
}
