import type { Log } from '../log.js';
import { Routine } from './routine.js';

/** Something that should come round now and then. */
export interface Watched {
  readonly name: string;
  readonly silenceMs: number;
}

/**
 * Ends a process that hangs rather than let it look alive: when a loop has been silent for long
 * although Redis answers a fresh connection, two looks running. While Redis is away, silence is as it should
 * be, and when it has just come back the loops have a look's time to come round.
 */
export class Watchdog extends Routine {
  readonly name = 'watchdog';
  protected readonly everyMs: number;
  private readonly watched: readonly Watched[];
  private readonly limitMs: number;
  private readonly redisAnswers: () => Promise<boolean>;
  private readonly giveUp: (why: string) => void;
  /** Who was silent at the last look although Redis answered. */
  private suspect: Watched | undefined;

  constructor(
    watched: readonly Watched[],
    options: {
      limitMs: number;
      redisAnswers: () => Promise<boolean>;
      giveUp: (why: string) => void;
    },
    log: Log,
  ) {
    super(log);
    this.watched = watched;
    this.limitMs = options.limitMs;
    this.everyMs = Math.max(250, options.limitMs / 6);
    this.redisAnswers = options.redisAnswers;
    this.giveUp = options.giveUp;
  }

  protected async turn(): Promise<void> {
    const silent = this.watched.find((one) => one.silenceMs > this.limitMs);
    const answers = silent !== undefined && (await this.redisAnswers());
    const suspect = this.suspect;
    this.suspect = answers ? silent : undefined;
    if (!answers || silent !== suspect) return;
    const why = `${silent.name} has been silent for ${Math.round(silent.silenceMs / 1000)} s although Redis answers`;
    this.log.error({}, why);
    this.giveUp(why);
  }
}
