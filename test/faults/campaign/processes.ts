import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Faulted } from '../checker/history.js';
import { now, pause } from './clock.js';

export type Role = 'worker' | 'api' | 'alerts';

export interface Surroundings {
  readonly directory: string;
  /** Where `dist/cli.js` is. */
  readonly product: string;
  readonly lockMs: number;
  readonly shopPort: number;
  readonly redisUrl: string;
  /** More of the environment. */
  readonly settings: Readonly<Record<string, string>>;
  readonly apiKey: string;
  readonly config: string;
  readonly tell: (line: Faulted) => void;
  /** A process that ended although nobody asked it to. */
  readonly endedByItself: (
    who: string,
    code: number | null,
    signal: string | null,
    ready: boolean,
  ) => void;
}

/** A stop that takes longer hangs: the worker's own deadline of 16 s here, then closing. Milliseconds. */
const STOP_MS = 25_000;
const FOR_EVER = Number.MAX_SAFE_INTEGER;
/** Where Debian keeps it; without it the clocks of workers and API do not jump. */
export const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

let born = 0;

/** A place for one process of Andon: whoever stands there is started again when it ends, as a supervisor does. */
export class Place {
  readonly name: string;
  readonly role: Role;
  readonly port: number;
  /** Address of the process that stands here now, which the witness sees. */
  address = '';
  /** How long each graceful stop took, in milliseconds. */
  readonly stops: number[] = [];
  private readonly detours: Record<number, number>;
  private readonly around: Surroundings;
  private child: ChildProcess | null = null;
  private wanted = false;
  private clock: string | null = null;
  ready = false;

  /** @param ways port of the API, and the detours of connections to Redis */
  constructor(
    role: Role,
    n: number,
    ways: { detours: Record<number, number>; api: number },
    around: Surroundings,
  ) {
    this.name = `${role} ${n + 1}`;
    this.role = role;
    this.port = ways.api;
    this.detours = ways.detours;
    this.around = around;
  }

  start(clock: string | null = null): void {
    this.wanted = true;
    this.clock = clock;
    const number = ++born;
    this.address = `127.1.${number >> 8}.${number & 255 || 1}`;
    const { address, around } = this;
    const jump = clock === null ? {} : this.jumping(clock);
    const child = spawn(process.execPath, ['dist/cli.js', this.role], {
      cwd: around.product,
      stdio: ['ignore', 'pipe', process.env['FAULTS_LOG'] ? 'inherit' : 'ignore'],
      env: {
        PATH: process.env['PATH'],
        NODE_OPTIONS: `--import=${new URL('./identity.mjs', import.meta.url).pathname}`,
        UV_THREADPOOL_SIZE: '16',
        FAULTS_ADDRESS: address,
        FAULTS_SHOP_PORT: String(around.shopPort),
        FAULTS_LAG_FILE: join(around.directory, 'lag.jsonl'),
        FAULTS_DETOURS: JSON.stringify(this.detours),
        REDIS_URL: around.redisUrl,
        ANDON_PREFIX: 'campaign',
        ANDON_PORT: String(this.port),
        ANDON_CONFIG: around.config,
        ANDON_DATA_DIR: join(around.directory, 'data'),
        ANDON_BOOTSTRAP_KEY: around.apiKey,
        ANDON_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
        ANDON_LOCK_MS: String(around.lockMs),
        ANDON_CONNECTOR_NETWORKS: '127.0.0.0/8',
        ANDON_LOG_LEVEL: process.env['FAULTS_LOG'] ?? 'silent',
        ...around.settings,
        ...jump,
      },
    });
    this.child = child;
    this.ready = false;
    child.stdout?.once('data', () => {
      this.ready = true;
    });
    child.stdout?.resume();
    child.once('exit', (code, signal) => {
      // Whatever it held is lost from here on.
      around.tell(fault('gone', address, 'locks', now(), FOR_EVER));
      if (this.child !== child || !this.wanted) return;
      around.endedByItself(this.name, code, signal, this.ready);
      setTimeout(() => this.wanted && this.child === child && this.start(this.clock), 200);
    });
  }

  private jumping(offset: string): NodeJS.ProcessEnv {
    const file = join(this.around.directory, `clock-${this.name.replace(' ', '-')}`);
    writeFileSync(file, offset);
    return {
      LD_PRELOAD: FAKETIME,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  async kill(): Promise<void> {
    const { child } = this;
    this.wanted = false;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** A graceful stop. False when it hung and had to be killed. */
  async stop(): Promise<boolean> {
    const { child } = this;
    this.wanted = false;
    if (!child || child.exitCode !== null || child.signalCode !== null) return true;
    const exited = once(child, 'exit');
    const from = now();
    child.kill('SIGTERM');
    let ended = true;
    const hangs = setTimeout(() => {
      ended = false;
      child.kill('SIGKILL');
    }, STOP_MS);
    await exited;
    clearTimeout(hangs);
    this.stops.push(now() - from);
    // Handing back crosses with answers that come in that very moment.
    this.around.tell(fault('stopping', this.address, 'answers', from, now()));
    return ended;
  }

  /** What it needs now, in MB; 0 when nobody stands here. */
  memory(): number {
    const { child } = this;
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return 0;
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1_024);
    } catch {
      return 0; // it ended just now
    }
  }

  async sleep(ms: number): Promise<void> {
    const { child, address } = this;
    const from = now();
    child?.kill('SIGSTOP');
    await pause(ms);
    child?.kill('SIGCONT');
    this.around.tell(fault('asleep', address, 'locks', from, now()));
    // Awake, it finds its timers over and its answers there, in either order.
    this.around.tell(fault('asleep', address, 'answers', from, now() + 200));
  }

  setClock(offset: string): void {
    if (this.clock !== null) this.jumping(offset);
  }
}

export const fault = (
  what: string,
  process: string | null,
  may: Faulted['may'],
  from: number,
  till: number,
): Faulted => ({ by: 'fault', what, process, may, from, till });
