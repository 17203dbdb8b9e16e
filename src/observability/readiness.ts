import { messageOf, NotReady } from '../errors.js';

/** Why a part makes no progress although it should; null while it does, or rightly rests. */
export type Standstill = () => string | null | Promise<string | null>;

/** What a look at this process found. */
export type Found =
  | { readonly ready: true; readonly redisMs: number }
  | { readonly ready: false; readonly why: string; readonly problem: Error };

export interface ReadinessOptions {
  /** One write round trip; rejects when Redis takes none. */
  readonly write: () => Promise<void>;
  /** Each part of this process that should get on. */
  readonly standstills: readonly Standstill[];
}

/**
 * Whether this process should be given work: Redis takes writes, its parts get on, and it is not about
 * to end. Not whether it lives: a process that waits for Redis lives, and a restart would not help it.
 */
export class Readiness {
  private why: string | null = 'it is starting';
  private options: ReadinessOptions | null = null;
  /** The look that runs: whoever asks meanwhile gets its answer, so that asking often costs nothing. */
  private looking: Promise<Found> | null = null;

  /** From now on it is ready when what it needs is there. */
  open(options: ReadinessOptions): void {
    this.options = options;
    this.why = null;
  }

  /** From now on it is not: the process is about to end. */
  close(): void {
    this.why = 'it is stopping';
  }

  look(): Promise<Found> {
    this.looking ??= this.lookAfresh().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  /** @throws NotReady, or what kept Redis from answering */
  async demand(): Promise<void> {
    const found = await this.look();
    if (!found.ready) throw found.problem;
  }

  private async lookAfresh(): Promise<Found> {
    const found = await this.problem();
    if (typeof found === 'number') return { ready: true, redisMs: found };
    const why =
      found instanceof NotReady ? found.message : `Redis takes no writes: ${messageOf(found)}`;
    return { ready: false, why, problem: found };
  }

  /** How long the write took, in milliseconds, or what is wrong. */
  private async problem(): Promise<number | Error> {
    if (this.why !== null || !this.options) return new NotReady(this.why ?? 'it is starting');
    try {
      const from = performance.now();
      await this.options.write();
      const took = performance.now() - from;
      for (const standstill of this.options.standstills) {
        const why = await standstill();
        if (why !== null) return new NotReady(why);
      }
      return took;
    } catch (error) {
      return error instanceof Error ? error : new Error(messageOf(error));
    }
  }
}
