import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach } from '@jest/globals';
import type { Line } from './line.js';

const running = new Set<ChildProcess>();

/** A worker process of the built program, on the Redis and prefix of a line; ready when it says so. */
export async function startWorker(
  line: Pick<Line, 'prefix'>,
  url: string,
  lockMs = 1_000,
  more: Readonly<Record<string, string>> = {},
): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['dist/cli.js', 'worker'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      REDIS_URL: url,
      ANDON_PREFIX: line.prefix,
      ANDON_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
      ANDON_CONFIG: 'test/support/worker.yaml',
      ANDON_LOCK_MS: String(lockMs),
      ANDON_CONNECTOR_NETWORKS: '127.0.0.0/8',
      ANDON_LOG_LEVEL: 'error',
      ...more,
    },
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  child.stdout?.resume();
  return child;
}

export async function kill(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

afterEach(async () => {
  await Promise.all([...running].map((child) => kill(child)));
});
