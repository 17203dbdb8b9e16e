import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { constants, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { until } from './until.js';

/**
 * Redis in every shape it is run in: one server, a master with replicas and Sentinels, a Cluster; and
 * what befalls them. Nothing here knows a test runner: `endShapes()` ends whatever still runs, and
 * what a killed test leaves behind dies with it.
 */
const PASSWORD = 'shapes';
const CLOCK_SOURCE = fileURLToPath(new URL('clock.c', import.meta.url));
const SETPRIV = '/usr/bin/setpriv';

const alive = new Set<RedisProcess>();
process.on('exit', () => {
  for (const one of alive) one.killNow();
});

/** Ends every server that was started here and removes its data: `afterAll(endShapes)`. */
export async function endShapes(): Promise<void> {
  await Promise.all([...alive].map((one) => one.end()));
}

export interface Settings {
  /** Lines of redis.conf besides the usual ones. */
  readonly conf?: readonly string[];
  /** Can have its clock moved by `moveClock`. */
  readonly movableClock?: boolean;
}

/** One server process on a port and with data that stay its own over all restarts. */
export class RedisProcess {
  readonly port: number;
  readonly directory: string;
  private readonly mode: 'server' | 'sentinel';
  private readonly movableClock: boolean;
  private child: ChildProcess | null = null;

  private constructor(
    port: number,
    directory: string,
    mode: 'server' | 'sentinel',
    settings: Settings,
  ) {
    this.port = port;
    this.directory = directory;
    this.mode = mode;
    this.movableClock = settings.movableClock ?? false;
  }

  static async create(mode: 'server' | 'sentinel', settings: Settings = {}): Promise<RedisProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'andon-redis-'));
    const one = new RedisProcess(await freePort(), directory, mode, settings);
    const common = ['bind 127.0.0.1', `port ${one.port}`, `dir ${directory}`, 'daemonize no'];
    const server = [
      `requirepass ${PASSWORD}`,
      `masterauth ${PASSWORD}`,
      `logfile ${join(directory, 'redis.log')}`,
      'appendonly yes',
      'appendfsync everysec',
      'save ""',
      'enable-debug-command local',
      'repl-diskless-sync-delay 0',
    ];
    const lines = [...common, ...(mode === 'server' ? server : []), ...(settings.conf ?? [])];
    await writeFile(one.conf, `${lines.join('\n')}\n`);
    if (one.movableClock) {
      execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', one.clockLibrary, CLOCK_SOURCE]);
      await one.moveClock(0);
    }
    alive.add(one);
    await one.start();
    return one;
  }

  get url(): string {
    return `redis://:${PASSWORD}@127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  get running(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  private get conf(): string {
    return join(this.directory, 'redis.conf');
  }

  private get clock(): string {
    return join(this.directory, 'clock');
  }

  private get clockLibrary(): string {
    return join(this.directory, 'clock.so');
  }

  /** Starts it (again); resolves when it has read its data and answers. */
  async start(): Promise<void> {
    this.launch();
    await until(`Redis on ${this.port}`, () => this.call('PING'), 20_000);
  }

  /** Starts it (again) without waiting: it may be LOADING for a while. `more` are settings for this time only. */
  launch(...more: string[]): void {
    const command = [
      'redis-server',
      this.conf,
      ...more,
      ...(this.mode === 'sentinel' ? ['--sentinel'] : []),
    ];
    // Where it can be had, the kernel ends the server with the test that started it.
    if (existsSync(SETPRIV)) command.unshift(SETPRIV, '--pdeathsig', 'KILL', '--');
    const [program = '', ...args] = command;
    const faked = { LD_PRELOAD: this.clockLibrary, CLOCK_FILE: this.clock };
    this.child = spawn(program, args, {
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], ...(this.movableClock ? faked : {}) },
    });
  }

  /** One command on a connection of its own, so that it needs no history and leaves none. */
  async call(...command: [string, ...(string | number)[]]): Promise<unknown> {
    const redis = this.connect();
    try {
      const [name, ...args] = command;
      return await redis.call(name, ...args);
    } finally {
      redis.disconnect();
    }
  }

  /** A plain client for looking in; the caller disconnects it. */
  connect(): Redis {
    const redis = new Redis({
      port: this.port,
      ...(this.mode === 'server' ? { password: PASSWORD } : {}),
      retryStrategy: () => null,
      connectTimeout: 1_000,
      disconnectTimeout: 100,
      commandTimeout: 5_000,
    });
    redis.on('error', () => {}); // each command tells
    return redis;
  }

  /** A field of INFO. */
  async info(field: string): Promise<string> {
    const text = String(await this.call('INFO', 'everything'));
    return new RegExp(`^${field}:(.*)\r$`, 'm').exec(text)?.[1] ?? '';
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!this.running || !this.child) return;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    if (signal !== 'SIGKILL') this.child.kill('SIGCONT');
    await exited;
  }

  /** Asks it to end in good order. */
  shutdown(): Promise<void> {
    return this.kill('SIGTERM');
  }

  async restart(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  /** It hangs: connections stand, nothing is answered, until `cont`. */
  stop(): void {
    this.child?.kill('SIGSTOP');
  }

  cont(): void {
    this.child?.kill('SIGCONT');
  }

  /** Its wall clock is `seconds` off from now on; needs `movableClock`, and that a C compiler. */
  async moveClock(seconds: number): Promise<void> {
    const offset = Buffer.alloc(8);
    offset.writeBigInt64LE(BigInt(seconds));
    // In place: the server has the file mapped into its memory.
    const file = await open(this.clock, constants.O_RDWR | constants.O_CREAT);
    await file.write(offset, 0, 8, 0);
    await file.close();
  }

  killNow(): void {
    this.child?.kill('SIGKILL');
  }

  /** For good. */
  async end(): Promise<void> {
    alive.delete(this);
    await this.kill();
    // A killed server's child may still be writing a snapshot, into a directory that is being emptied.
    await rm(this.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

/** One Redis with AOF. */
export const startStandalone = (settings: Settings = {}): Promise<RedisProcess> =>
  RedisProcess.create('server', settings);

/** A master, its replicas and the Sentinels that watch over them. */
export class ReplicaSet {
  readonly servers: readonly RedisProcess[];
  readonly sentinels: readonly RedisProcess[];

  private constructor(servers: readonly RedisProcess[], sentinels: readonly RedisProcess[]) {
    this.servers = servers;
    this.sentinels = sentinels;
  }

  /** A master that has been silent for `downAfterMs` counts as down. */
  static async start(
    options: { replicas?: number; sentinels?: number; downAfterMs?: number } & Settings = {},
  ): Promise<ReplicaSet> {
    const { replicas = 2, sentinels = 3, downAfterMs = 1_000 } = options;
    const master = await RedisProcess.create('server', options);
    const following = {
      ...options,
      conf: [...(options.conf ?? []), `replicaof 127.0.0.1 ${master.port}`],
    };
    const others = await Promise.all(
      Array.from({ length: replicas }, () => RedisProcess.create('server', following)),
    );
    for (const other of others)
      await until(
        'a replica to follow',
        async () => (await other.info('master_link_status')) === 'up',
      );
    const quorum = Math.floor(sentinels / 2) + 1;
    const conf = [
      `sentinel monitor shapes 127.0.0.1 ${master.port} ${quorum}`,
      `sentinel auth-pass shapes ${PASSWORD}`,
      `sentinel down-after-milliseconds shapes ${downAfterMs}`,
      'sentinel failover-timeout shapes 5000',
      'sentinel parallel-syncs shapes 2',
    ];
    const watchers = await Promise.all(
      Array.from({ length: sentinels }, () => RedisProcess.create('sentinel', { conf })),
    );
    const set = new ReplicaSet([master, ...others], watchers);
    if (sentinels > 0) await set.untilWatched(replicas, sentinels);
    return set;
  }

  /** For REDIS_URL. */
  get url(): string {
    const hosts = this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    return `redis+sentinel://:${PASSWORD}@${hosts}/shapes`;
  }

  /** The server that the running Sentinels call master. */
  async master(): Promise<RedisProcess> {
    const sentinel = this.sentinels.find((one) => one.running);
    const address = await sentinel?.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'shapes');
    const port = Number((address as string[] | undefined)?.[1]);
    const found = this.servers.find((one) => one.port === port);
    if (!found) throw new Error(`no server of ours is master (port ${port})`);
    return found;
  }

  async replicas(): Promise<RedisProcess[]> {
    const master = await this.master();
    return this.servers.filter((one) => one !== master && one.running);
  }

  /** The master is killed (or hangs); answers the new one once it takes writes. */
  async failover(how: 'kill' | 'stop' | 'command' = 'kill'): Promise<RedisProcess> {
    const before = await this.master();
    if (how === 'kill') await before.kill();
    else if (how === 'stop') before.stop();
    else await this.sentinels.find((one) => one.running)?.call('SENTINEL', 'FAILOVER', 'shapes');
    return this.untilMasterIsNot(before);
  }

  async untilMasterIsNot(before: RedisProcess): Promise<RedisProcess> {
    return until<RedisProcess | null>(
      'another master',
      async () => {
        const master = await this.master();
        const other = master !== before && (await master.info('role')) === 'master';
        return other ? master : null;
      },
      30_000,
    );
  }

  private async untilWatched(replicas: number, sentinels: number): Promise<void> {
    for (const sentinel of this.sentinels)
      await until(
        'the Sentinels to know each other and the replicas',
        async () => {
          const told = (await sentinel.call('SENTINEL', 'MASTER', 'shapes')) as string[];
          const field = (name: string) => Number(told[told.indexOf(name) + 1]);
          return field('num-slaves') === replicas && field('num-other-sentinels') === sentinels - 1;
        },
        30_000,
      );
  }
}

const SLOTS = 16_384;

interface ClusterNode {
  readonly id: string;
  readonly port: number;
  readonly flags: readonly string[];
  readonly masterId: string;
  readonly slots: readonly (readonly [number, number])[];
}

/** A Redis Cluster, laid out by hand in a second or two. */
export class Cluster {
  readonly nodes: readonly RedisProcess[];

  private constructor(nodes: readonly RedisProcess[]) {
    this.nodes = nodes;
  }

  static async start(
    options: { masters?: number; replicasEach?: number; nodeTimeoutMs?: number } & Settings = {},
  ): Promise<Cluster> {
    const { masters = 3, replicasEach = 1, nodeTimeoutMs = 2_000 } = options;
    const nodes = await Promise.all(
      Array.from({ length: masters * (1 + replicasEach) }, async () =>
        RedisProcess.create('server', {
          ...options,
          conf: [
            ...(options.conf ?? []),
            'cluster-enabled yes',
            `cluster-port ${await freePort()}`,
            `cluster-node-timeout ${nodeTimeoutMs}`,
            'cluster-replica-validity-factor 0',
          ],
        }),
      ),
    );
    const cluster = new Cluster(nodes);
    await cluster.layOut(masters);
    return cluster;
  }

  /** For REDIS_URL: several hosts mean a Cluster. */
  get url(): string {
    const hosts = this.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
    return `redis://:${PASSWORD}@${hosts}`;
  }

  private async layOut(masters: number): Promise<void> {
    const [first] = this.nodes;
    const share = Math.ceil(SLOTS / masters);
    for (const [n, node] of this.nodes.entries()) {
      await node.call('CLUSTER', 'SET-CONFIG-EPOCH', n + 1);
      if (n < masters) {
        const last = Math.min(SLOTS, (n + 1) * share) - 1;
        await node.call('CLUSTER', 'ADDSLOTSRANGE', n * share, last);
      }
      if (n > 0 && first) {
        const bus = /@(\d+)/.exec(String(await node.call('CLUSTER', 'NODES')))?.[1] ?? '';
        await first.call('CLUSTER', 'MEET', '127.0.0.1', node.port, bus);
      }
    }
    await this.untilEachSees(this.nodes.length);
    const known = await this.look();
    for (const [n, node] of this.nodes.entries()) {
      if (n < masters) continue;
      const master = known.find(({ port }) => port === this.nodes[n % masters]?.port);
      await node.call('CLUSTER', 'REPLICATE', master?.id ?? '');
    }
    await this.untilWell(this.nodes.length - masters);
  }

  /** Every slot is served and the replicas follow, in the eyes of each running node. */
  async untilWell(replicas: number): Promise<void> {
    for (const node of this.nodes.filter((one) => one.running))
      await until(
        `the Cluster to be well in the eyes of ${node.port}`,
        async () => {
          const state = String(await node.call('CLUSTER', 'INFO'));
          if (!/cluster_state:ok/.test(state)) return false;
          return (
            (await node.info('role')) === 'master' ||
            (await node.info('master_link_status')) === 'up'
          );
        },
        30_000,
      );
    for (const node of this.nodes.filter((one) => one.running))
      await until('everybody to know the replicas', async () => {
        const seen = (await this.look(node)).filter(({ flags }) => flags.includes('slave'));
        return seen.length >= replicas;
      });
  }

  private async untilEachSees(count: number): Promise<void> {
    for (const node of this.nodes)
      await until('the nodes to meet', async () => {
        const seen = await this.look(node);
        return seen.length === count && seen.every(({ flags }) => !flags.includes('handshake'));
      });
  }

  private async look(by = this.nodes.find((one) => one.running)): Promise<ClusterNode[]> {
    const text = String(await by?.call('CLUSTER', 'NODES'));
    return text
      .trim()
      .split('\n')
      .map((line) => {
        const [id = '', address = '', flags = '', masterId = '', , , , , ...slots] =
          line.split(' ');
        const ranges = slots
          .filter((slot) => /^\d/.test(slot))
          .map((slot) => slot.split('-').map(Number))
          .map(([from = 0, to = from]) => [from, to] as const);
        const port = Number(/:(\d+)/.exec(address)?.[1]);
        return { id, port, flags: flags.split(','), masterId, slots: ranges };
      });
  }

  private process({ port }: ClusterNode): RedisProcess {
    const found = this.nodes.find((one) => one.port === port);
    if (!found) throw new Error(`no node of ours has port ${port}`);
    return found;
  }

  async masters(): Promise<RedisProcess[]> {
    const known = await this.look();
    return known
      .filter(
        ({ flags, slots }) =>
          flags.includes('master') && !flags.includes('fail') && slots.length > 0,
      )
      .map((node) => this.process(node));
  }

  async slotOf(key: string): Promise<number> {
    return Number(await this.nodes.find((one) => one.running)?.call('CLUSTER', 'KEYSLOT', key));
  }

  async masterOf(slot: number): Promise<RedisProcess> {
    const known = await this.look();
    const owner = known.find(({ slots }) => slots.some(([from, to]) => slot >= from && slot <= to));
    if (!owner) throw new Error(`nobody has slot ${slot}`);
    return this.process(owner);
  }

  async replicasOf(master: RedisProcess): Promise<RedisProcess[]> {
    const known = await this.look();
    const id = known.find(({ port }) => port === master.port)?.id;
    return known.filter(({ masterId }) => masterId === id).map((node) => this.process(node));
  }

  /** The master is killed, hangs or steps down; answers its follower once that serves the slots. */
  async failover(
    master: RedisProcess,
    how: 'kill' | 'stop' | 'command' = 'kill',
  ): Promise<RedisProcess> {
    const [heir] = await this.replicasOf(master);
    if (!heir) throw new Error(`${master.port} has no replica to take over`);
    if (how === 'kill') await master.kill();
    else if (how === 'stop') master.stop();
    else await heir.call('CLUSTER', 'FAILOVER');
    await until(
      'the replica to take over',
      async () =>
        /cluster_state:ok/.test(String(await heir.call('CLUSTER', 'INFO'))) &&
        (await heir.info('role')) === 'master',
      30_000,
    );
    return heir;
  }

  /** Moves a slot with all its keys while it is in use, a few keys at a time, as `redis-cli` does. */
  async moveSlot(
    slot: number,
    to: RedisProcess,
    pauseBetween?: () => Promise<void>,
  ): Promise<void> {
    const from = await this.masterOf(slot);
    if (from === to) return;
    const known = await this.look();
    const idOf = (one: RedisProcess) => known.find(({ port }) => port === one.port)?.id ?? '';
    await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', idOf(from));
    await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', idOf(to));
    for (;;) {
      const keys = (await from.call('CLUSTER', 'GETKEYSINSLOT', slot, 20)) as string[];
      if (keys.length === 0) break;
      await from.call(
        'MIGRATE',
        '127.0.0.1',
        to.port,
        '',
        0,
        5_000,
        'AUTH',
        PASSWORD,
        'KEYS',
        ...keys,
      );
      await pauseBetween?.();
    }
    await to.call('CLUSTER', 'SETSLOT', slot, 'NODE', idOf(to));
    for (const master of await this.masters())
      await master.call('CLUSTER', 'SETSLOT', slot, 'NODE', idOf(to));
  }
}
