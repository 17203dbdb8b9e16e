import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { pause } from '../lifecycle.js';
import type { Log } from '../log.js';
import { findRedisServer, HOW_TO_GET_REDIS } from './binary.js';
import { probe } from './probe.js';
import { endProcess } from './process.js';

/** How long a new Redis may stay silent before its start has failed; reading its data may take longer. */
const SILENT_MS = 20_000;
/** A Redis that keeps dying is started no more often than this. */
const RESTARTS = 5;
const RESTART_WINDOW_MS = 60_000;

export interface RedisServerOptions {
  /** Where the data is; exists already. */
  readonly directory: string;
  readonly port: number;
  readonly password: string;
  readonly log?: Log | undefined;
  /** Told the process id after each start. */
  readonly onReady: (pid: number) => Promise<void>;
}

/** One Redis process, started again on the same port whenever it ends unasked. */
export class RedisServer {
  private readonly options: RedisServerOptions;
  private readonly stopping = new AbortController();
  private child: ChildProcess | null = null;
  /** Resolves with the reason when the present process has ended. */
  private ended: Promise<string> = Promise.resolve('not started');
  private supervised: Promise<void> = Promise.resolve();

  constructor(options: RedisServerOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    await this.launch();
    this.supervised = this.supervise();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    if (this.child?.pid !== undefined) await endProcess(this.child.pid);
    await this.supervised;
  }

  private async launch(): Promise<void> {
    const binary = findRedisServer();
    if (!binary) throw new Error(HOW_TO_GET_REDIS);
    // A group of its own: Ctrl-C in a terminal must not end Redis before the workers are done.
    const child = spawn(binary, ['-'], {
      cwd: this.options.directory,
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    this.child = child;
    this.ended = endOf(child);
    child.stdin.on('error', () => {}); // it ended before it had read its settings; `ended` tells
    child.stdin.end(settings(this.options));
    await this.untilReady(child);
    await this.options.onReady(child.pid ?? 0);
  }

  private async untilReady(child: ChildProcess): Promise<void> {
    let reason: string | null = null;
    void this.ended.then((why) => {
      reason = why;
    });
    let heard = Date.now();
    for (;;) {
      const found = await probe(this.options.port, this.options.password);
      if (reason !== null) throw new Error(`Redis did not start: ${reason}`);
      if (found.is === 'ready' && found.pid === child.pid) return;
      if (found.is === 'loading') heard = Date.now();
      if (Date.now() - heard > SILENT_MS) {
        await endProcess(child.pid ?? 0);
        throw new Error(`Redis did not answer within ${SILENT_MS} ms`);
      }
      await pause(10);
    }
  }

  private async supervise(): Promise<void> {
    const { log, directory } = this.options;
    const { signal } = this.stopping;
    const restarts: number[] = [];
    for (;;) {
      const reason = await this.ended;
      if (signal.aborted) return;
      log?.warn({ reason, log: join(directory, 'redis.log') }, 'Redis ended; it is started again');
      const oldest = restarts[restarts.length - RESTARTS];
      if (oldest !== undefined) await pause(oldest + RESTART_WINDOW_MS - Date.now(), signal);
      if (signal.aborted) return;
      restarts.push(Date.now());
      try {
        await this.launch();
      } catch (error) {
        if (!signal.aborted) log?.error({ reason: messageOf(error) }, 'Redis did not start');
      }
    }
  }
}

/** Given on standard input: the command line and the environment of a process are no secrets. */
function settings({ directory, port, password }: RedisServerOptions): string {
  return [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    'daemonize no',
    // Redis reads quoted strings as JSON writes them.
    `dir ${JSON.stringify(directory)}`,
    `logfile ${JSON.stringify(join(directory, 'redis.log'))}`,
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    'maxmemory-policy noeviction',
    '',
  ].join('\n');
}

function endOf(child: ChildProcess): Promise<string> {
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-1_000);
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve([signal ?? `exit code ${code}`, complaint.trim()].filter(Boolean).join(': ')),
    );
  });
}
