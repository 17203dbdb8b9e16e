import { stat } from 'node:fs/promises';
import { InvalidInput } from '../../errors.js';
import type { Log } from '../../log.js';
import { findModule, type ModuleLimits, type ModuleSettings } from './settings.js';
import { ModuleThread } from './thread.js';

/** A thread that has had nothing to do for so long is ended, in milliseconds. */
const IDLE_MS = 5 * 60_000;
/** So many idle ones are kept unless the limits say otherwise; the one that is idle longest is ended first. */
const IDLE_MOST = 64;

interface Place {
  /** Of module and settings: another print needs another thread. */
  readonly print: string;
  readonly thread: ModuleThread;
  timer: NodeJS.Timeout | undefined;
}

/**
 * The threads of all endpoints with a module: one each, so that whatever a module does to its thread hits
 * its own queue only. Made at the first need, kept while there is work, ended when idle.
 */
export class ModuleThreads {
  readonly limits: ModuleLimits;
  private readonly log: Log;
  private readonly idleMs: number;
  private readonly places = new Map<string, Place>();
  /** Replaced while they were busy: they go on until their calls have ended. */
  private readonly retired = new Set<Place>();
  private readonly leaving = new Set<Promise<void>>();
  private stopped = false;

  constructor(limits: ModuleLimits, log: Log, idleMs: number = IDLE_MS) {
    this.limits = limits;
    this.log = log;
    this.idleMs = idleMs;
  }

  /** How many threads there are now. */
  get size(): number {
    return this.places.size + this.retired.size + this.leaving.size;
  }

  /** The thread of an endpoint, with its module as it stands on the disk now. */
  async of(endpoint: string, settings: ModuleSettings): Promise<ModuleThread> {
    const { file, print } = await this.look(settings);
    if (this.stopped) throw new Error('Andon stops');
    const place = this.places.get(endpoint);
    if (place && place.print === print && !place.thread.retired) {
      clearTimeout(place.timer);
      this.places.delete(endpoint); // to the end: the Map's order is the order of last use
      this.places.set(endpoint, place);
      return place.thread;
    }
    if (place) this.replace(endpoint, place);
    return this.make(endpoint, file, print, settings);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const [endpoint, place] of this.places) this.remove(endpoint, place, 'Andon stops');
    for (const place of this.retired) this.remove('', place, 'Andon stops');
    await Promise.all(this.leaving);
  }

  private async look({ path, options, secrets }: ModuleSettings) {
    const found = findModule(this.limits.directory, path);
    if ('wrong' in found)
      throw new InvalidInput([{ pointer: '/connector/path', detail: found.wrong }]);
    const { mtimeMs, size } = await stat(found.file);
    const print = JSON.stringify([found.file, mtimeMs, size, options, secrets]);
    return { file: found.file, print };
  }

  private make(
    endpoint: string,
    file: string,
    print: string,
    { options, secrets }: ModuleSettings,
  ): ModuleThread {
    const thread: ModuleThread = new ModuleThread({
      endpoint,
      birth: { file, options, secrets },
      limits: this.limits,
      log: this.log,
      onIdle: () => this.rest(endpoint, place),
    });
    const place: Place = { print, thread, timer: undefined };
    this.trim();
    this.places.set(endpoint, place);
    // Somebody may only have asked what the module can do.
    thread.loaded.then(
      () => thread.busy || this.rest(endpoint, place),
      () => {}, // told to whoever asked
    );
    return thread;
  }

  private rest(endpoint: string, place: Place): void {
    if (place.thread.retired) {
      this.remove(endpoint, place, 'it was replaced');
      return;
    }
    clearTimeout(place.timer);
    place.timer = setTimeout(() => {
      // A call may have come since; it rests again after that one.
      if (!place.thread.busy) this.remove(endpoint, place, 'it was idle');
    }, this.idleMs);
    place.timer.unref();
  }

  private replace(endpoint: string, place: Place): void {
    this.places.delete(endpoint);
    place.thread.retired = true;
    if (place.thread.busy) this.retired.add(place);
    else this.remove(endpoint, place, 'the module or its settings were changed');
  }

  private remove(endpoint: string, place: Place, why: string): void {
    clearTimeout(place.timer);
    if (this.places.get(endpoint) === place) this.places.delete(endpoint);
    this.retired.delete(place);
    const left = place.thread.end(why).finally(() => this.leaving.delete(left));
    this.leaving.add(left);
  }

  private trim(): void {
    const { keptThreads: most = IDLE_MOST } = this.limits;
    const idle = [...this.places].filter(([, { thread }]) => !thread.busy);
    for (const [endpoint, place] of idle.slice(0, Math.max(0, idle.length - most)))
      this.remove(endpoint, place, 'others need its memory');
  }
}
