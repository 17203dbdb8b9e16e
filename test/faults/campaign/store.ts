import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, stat, truncate } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { awaited } from './clock.js';

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Roughly what one command takes in the append-only file. */
const BYTES_A_COMMAND = 80;

/** The Redis of a campaign: a single server with an append-only file, at a port that stays. */
export class Store {
  readonly port: number;
  /** A connection of the campaign's own, past every proxy. */
  readonly admin: Redis;
  private readonly directory: string;
  private child: ChildProcess | null = null;

  private constructor(port: number, directory: string) {
    this.port = port;
    this.directory = directory;
    this.admin = new Redis(port, '127.0.0.1', {
      lazyConnect: true,
      maxRetriesPerRequest: null,
      retryStrategy: () => 50,
    });
    this.admin.on('error', () => {});
  }

  static async start(directory: string): Promise<Store> {
    await mkdir(directory, { recursive: true });
    const store = new Store(await freePort(), directory);
    await store.launch();
    await store.ready();
    await store.admin.connect();
    return store;
  }

  /** Up and answering; `loadDelayUs` makes it read its data slowly. */
  async launch(loadDelayUs = 0): Promise<void> {
    const settings = {
      port: this.port,
      bind: '127.0.0.1',
      dir: this.directory,
      save: '',
      appendonly: 'yes',
      appendfsync: 'everysec',
      'aof-load-truncated': 'yes',
      'auto-aof-rewrite-min-size': '16mb',
      'maxmemory-policy': 'noeviction',
      'loading-process-events-interval-bytes': '1024',
      'key-load-delay': String(loadDelayUs),
    };
    this.child = spawn(
      'redis-server',
      Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
      { stdio: 'ignore' },
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** It takes commands, its data read. */
  ready(): Promise<void> {
    return awaited('Redis', 60_000, async () => {
      const probe = new Redis(this.port, '127.0.0.1', {
        retryStrategy: () => null,
        maxRetriesPerRequest: 0,
        enableReadyCheck: false,
        commandTimeout: 500,
      });
      probe.on('error', () => {});
      try {
        return (await probe.set('campaign:probe', '1')) === 'OK';
      } catch {
        return false;
      } finally {
        probe.disconnect();
      }
    });
  }

  /** By how much each command must be delayed for the loading to take about so long; microseconds. */
  async delayFor(ms: number): Promise<number> {
    const directory = join(this.directory, 'appendonlydir');
    let bytes = 0;
    for (const name of await readdir(directory)) bytes += (await stat(join(directory, name))).size;
    return Math.min(400, Math.round((ms * 1_000) / (1 + bytes / BYTES_A_COMMAND)));
  }

  /** Cuts the last bytes off the append-only file, as a power failure may; Redis must be down. */
  async cutTail(bytes: number): Promise<void> {
    const directory = join(this.directory, 'appendonlydir');
    const parts = (await readdir(directory)).filter((name) => name.endsWith('.incr.aof')).sort();
    const last = parts.at(-1);
    if (!last) return;
    const path = join(directory, last);
    await truncate(path, Math.max(0, (await stat(path)).size - bytes));
  }

  async end(): Promise<void> {
    this.admin.disconnect();
    this.child?.kill('SIGCONT');
    await this.kill();
  }
}
