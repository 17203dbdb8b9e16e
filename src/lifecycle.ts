import type { Server } from 'node:http';

/**
 * The one contract of every long-lived part: `start` resolves when the part does its work,
 * `stop` resolves when it holds nothing any more (no timer, no connection, no child process).
 * `stop` is safe twice and before `start`.
 */
export interface Part {
  readonly name: string;
  /** How long it may take to stop, in milliseconds, where that is not `STOP_DEADLINE_MS`. */
  readonly stopDeadlineMs?: number;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** How long one part may take to stop before it is left behind, in milliseconds. */
export const STOP_DEADLINE_MS = 30_000;

/** Told when a part could not be stopped cleanly; the others are stopped all the same. */
export type StopProblem = (part: string, problem: unknown) => void;

/**
 * Several parts as one: started in order, stopped in reverse.
 * When one fails to start, those already started are stopped and the error is thrown on.
 */
export class Parts implements Part {
  readonly name: string;
  private readonly parts: readonly Part[];
  private readonly onProblem: StopProblem;
  private started: Part[] = [];
  private stopping: Promise<void> | null = null;

  constructor(name: string, parts: readonly Part[], onProblem: StopProblem) {
    this.name = name;
    this.parts = parts;
    this.onProblem = onProblem;
  }

  async start(): Promise<void> {
    for (const part of this.parts) {
      if (this.stopping) return;
      try {
        this.started.push(part);
        await part.start();
      } catch (error) {
        await this.stop();
        throw error;
      }
    }
  }

  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  private async stopAll(): Promise<void> {
    for (const part of this.started.reverse()) {
      try {
        const deadline = part.stopDeadlineMs ?? STOP_DEADLINE_MS;
        await within(deadline, part.stop(), `${part.name} did not stop`);
      } catch (problem) {
        this.onProblem(part.name, problem);
      }
    }
    this.started = [];
  }
}

/** Takes no more connections; what is under way has `graceMs` milliseconds, then it is cut. */
export async function closeServer(server: Server | null, graceMs: number): Promise<void> {
  if (!server?.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await within(graceMs, closed, 'the last request').catch(() => {}); // cut below
  server.closeAllConnections();
  await closed;
}

/** Settles like `work`, or rejects with `message` after `ms` milliseconds. */
export async function within<T>(ms: number, work: Promise<T>, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${message} within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves after `ms` milliseconds, or at once when `signal` aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
