import { basename } from 'node:path';
import { Worker } from 'node:worker_threads';
import { messageOf } from '../../errors.js';
import type { Json, JsonObject } from '../../json.js';
import type { Log } from '../../log.js';
import { Scrubber } from '../../secrets/scrubber.js';
import type { PartOfItem } from '../connector.js';
import {
  type Birth,
  type FromThread,
  fromThreadSchema,
  type ModuleAnswer,
  type Parcel,
  readAnswer,
  type ToThread,
  type What,
} from './messages.js';
import type { ModuleLimits } from './settings.js';

/** How long a module may take to load, in milliseconds. */
const LOAD_MS = 15_000;
/** How long a call may go on after its deadline, to say how far it came. Milliseconds. */
const GRACE_MS = 2_000;
/** The same after an abort: somebody else may have taken the item over. Milliseconds. */
const ABORT_GRACE_MS = 250;

/** What a module sees of the environment: nothing of ours, and no secret of another endpoint. */
const ENVIRONMENT = ['TZ', 'LANG', 'NODE_ENV', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

/** Threads run what the build made, also when this file is run as TypeScript, as in the tests. */
const INSIDE = new URL(
  './inside.js',
  import.meta.url.replace(/\/src\/(connectors\/module\/thread)\.ts$/, '/dist/$1.js'),
);

/** What a module can do, told when it was loaded. */
export type Shape = Extract<FromThread, { kind: 'ready' }>;

/** A module that cannot be used: missing, broken, or not set up as it asks. */
export class ModuleRefused extends Error {}

/** What a call brings along. */
export interface Call {
  readonly what: What;
  readonly parcel: Parcel | null;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  log(line: string): void;
  progress(value: number | JsonObject): void;
  report(part: PartOfItem): Promise<void>;
}

/** The thread ended before the call did. `began`: the module had started on it. */
export interface Lost {
  readonly kind: 'lost';
  readonly began: boolean;
  readonly why: string;
}

interface Open extends Call {
  readonly settle: (answer: ModuleAnswer | Lost) => void;
  began: boolean;
  /** Parts that are being stored. */
  readonly reports: Promise<void>[];
}

/** What a module says about one call. */
type OfCall = Exclude<FromThread, { kind: 'ready' | 'refused' | 'log' }>;

export interface ThreadOptions {
  /** Whose it is, for the log: `channel.12`. */
  readonly endpoint: string;
  readonly birth: Birth;
  readonly limits: ModuleLimits;
  readonly log: Log;
  /** Called whenever the last open call has ended. */
  readonly onIdle: () => void;
}

/**
 * One worker thread with one module of the user in it. Whatever the module does (throw, hang, block its
 * event loop, call `process.exit`, use up its heap) ends here, at the latest with the thread.
 */
export class ModuleThread {
  /** Rejects with `ModuleRefused`. */
  readonly loaded: Promise<Shape>;
  /** Set when no new call may be given to it. */
  retired = false;
  private readonly options: ThreadOptions;
  private readonly module: string;
  private readonly scrubber: Scrubber;
  private readonly worker: Worker;
  private readonly calls = new Map<number, Open>();
  private readonly gone: Promise<void>;
  private readonly loadTimer: NodeJS.Timeout;
  private ready: (shape: Shape) => void = () => {};
  private refuse: (problem: ModuleRefused) => void = () => {};
  private last = 0;
  private waiting = 0;
  private loading = true;
  private ending: string | null = null;

  constructor(options: ThreadOptions) {
    this.options = options;
    this.module = basename(options.birth.file);
    this.scrubber = new Scrubber(Object.values(options.birth.secrets));
    this.worker = new Worker(INSIDE, {
      name: `andon ${options.endpoint}`.slice(0, 60),
      workerData: options.birth,
      env: Object.fromEntries(ENVIRONMENT.map((name) => [name, process.env[name] ?? ''])),
      execArgv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: options.limits.memoryMb },
    });
    this.loaded = new Promise((resolve, reject) => {
      this.ready = resolve;
      this.refuse = reject;
    });
    this.loaded.catch(() => {}); // told to whoever calls
    this.gone = new Promise((resolve) => {
      this.worker.once('exit', () => {
        this.close(this.ending ?? `${this.module} ended its own thread (process.exit)`);
        resolve();
      });
    });
    this.loadTimer = setTimeout(
      () => void this.end(`${this.module} did not load within ${LOAD_MS / 1000} s`),
      LOAD_MS,
    );
    this.worker.on('message', (message: unknown) => this.receive(message));
    this.worker.on('error', (error: NodeJS.ErrnoException) => this.broke(error));
    // Only `process.stdout.write` still ends here; `console` is sent as lines.
    for (const stream of [this.worker.stdout, this.worker.stderr])
      stream.on('data', (text) => this.tell(String(text)));
  }

  /** Something runs on it, or it is still loading for somebody. */
  get busy(): boolean {
    return this.waiting > 0 || this.loading;
  }

  /** Resolves when the call has ended in the module, or the thread has. Rejects with `ModuleRefused`. */
  async call(call: Call): Promise<ModuleAnswer | Lost> {
    this.waiting += 1;
    try {
      await this.loaded;
      return await this.perform(call);
    } finally {
      this.waiting -= 1;
      if (this.waiting === 0) this.options.onIdle();
    }
  }

  private async perform(call: Call): Promise<ModuleAnswer | Lost> {
    this.last += 1;
    const id = this.last;
    const { what, parcel, timeoutMs, signal } = call;
    const { graceMs = GRACE_MS } = this.options.limits;
    const late = `${this.module} did not finish within ${timeoutMs / 1000} s`;
    let grace: NodeJS.Timeout | undefined;
    const stop = (why: string, isLate: boolean, leftMs: number) => {
      this.post({ kind: 'abort', call: id, why, late: isLate });
      clearTimeout(grace);
      const hung = `${why} and did not heed its signal: its thread was ended`;
      grace = setTimeout(() => void this.end(isLate ? hung : 'the delivery was ended'), leftMs);
    };
    const timer = setTimeout(() => stop(late, true, graceMs), timeoutMs);
    const onAbort = () => stop(messageOf(signal.reason), false, ABORT_GRACE_MS);
    try {
      return await new Promise((settle) => {
        this.calls.set(id, { ...call, settle, began: false, reports: [] });
        if (this.ending !== null) {
          this.close(this.ending);
          return;
        }
        this.post({ kind: 'call', call: id, what, parcel });
        if (signal.aborted) onAbort();
        else signal.addEventListener('abort', onAbort, { once: true });
      });
    } finally {
      clearTimeout(timer);
      clearTimeout(grace);
      signal.removeEventListener('abort', onAbort);
      await Promise.allSettled(this.calls.get(id)?.reports ?? []);
      this.calls.delete(id);
    }
  }

  /** Ends the thread whatever it does; open calls are answered as lost. */
  async end(why: string): Promise<void> {
    this.ending ??= why;
    this.retired = true;
    await this.worker.terminate();
    await this.gone;
  }

  private close(why: string): void {
    clearTimeout(this.loadTimer);
    this.loading = false;
    this.retired = true;
    this.ending ??= why;
    this.refuse(new ModuleRefused(why));
    for (const open of this.calls.values()) open.settle({ kind: 'lost', began: open.began, why });
  }

  private broke(error: NodeJS.ErrnoException): void {
    const memory = `${this.module} used more than its ${this.options.limits.memoryMb} MB of memory: its thread was ended`;
    const message = this.scrubber.text(error.message);
    this.ending ??=
      error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? memory
        : `${this.module} broke outside of its run: ${message}`;
    this.complain(this.ending, error.stack);
  }

  private post(message: ToThread): void {
    this.worker.postMessage(message);
  }

  private receive(raw: unknown): void {
    const parsed = fromThreadSchema.safeParse(raw);
    if (!parsed.success) {
      this.complain('a module sent a message of its own', undefined);
      return;
    }
    const message = parsed.data;
    if (message.kind === 'ready') {
      clearTimeout(this.loadTimer);
      this.loading = false;
      this.ready(message);
    } else if (message.kind === 'refused') {
      const told = this.scrubber.text(message.message);
      this.complain(told, message.stack);
      void this.end(told);
    } else if (message.kind === 'log') {
      this.line(message.call, this.scrubber.text(message.line));
    } else {
      const open = this.calls.get(message.call);
      if (open) this.heard(open, message);
    }
  }

  private heard(open: Open, message: OfCall): void {
    if (message.kind === 'began') open.began = true;
    else if (message.kind === 'progress') open.progress(this.progressOf(message.value));
    else if (message.kind === 'report') this.report(open, message);
    else void this.settled(open, message);
  }

  private line(call: number | null, line: string): void {
    const open = call === null ? undefined : this.calls.get(call);
    if (open) open.log(line);
    else this.tell(line);
  }

  private progressOf(text: string): number | JsonObject {
    const value = this.scrubber.json(JSON.parse(text) as Json);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return typeof value === 'number' || isObject ? value : { progress: value };
  }

  private report(open: Open, { ask, part }: Extract<FromThread, { kind: 'report' }>): void {
    const stored = open.report(
      this.scrubber.json(part as unknown as Json) as unknown as PartOfItem,
    );
    open.reports.push(stored);
    stored.then(
      () => this.post({ kind: 'reported', ask, problem: null }),
      (error) => this.post({ kind: 'reported', ask, problem: messageOf(error) }),
    );
  }

  /** What was reported is stored before the outcome counts. */
  private async settled(
    open: Open,
    { answer, stack }: Extract<FromThread, { kind: 'settled' }>,
  ): Promise<void> {
    if (stack) this.complain('a module broke', stack);
    await Promise.allSettled(open.reports);
    try {
      open.settle(this.scrubber.json(readAnswer(answer) as Json) as ModuleAnswer);
    } catch (error) {
      const message = `its answer cannot be read: ${messageOf(error)}`;
      open.settle({ kind: 'fail', failure: { message, cause: 'bug' } });
    }
  }

  private tell(line: string): void {
    const facts = { endpoint: this.options.endpoint, module: this.module };
    this.options.log.info(facts, this.scrubber.text(line.trimEnd().slice(0, 4_000)));
  }

  private complain(message: string, stack: string | undefined): void {
    const { endpoint } = this.options;
    const facts = { endpoint, module: this.module, stack: this.scrubber.text(stack ?? '') };
    this.options.log.error(facts, message);
  }
}
