import type { Redis } from 'ioredis';
import type { Registry } from '../queues/registry.js';
import type { Keys } from '../redis/keys.js';
import type { Scripts } from '../redis/script.js';

/** What a migration works with. Nothing else changes the data meanwhile. */
export interface Ground {
  readonly redis: Redis;
  readonly keys: Keys;
  /** Run on data of any layout. */
  readonly scripts: Scripts;
  readonly registry: Registry;
}

/** One step from a layout to the next. */
export interface Migration {
  /** The layout that it leads to, from the one before. */
  readonly to: number;
  /** What it does, for people: "seals …". */
  readonly does: string;
  /** What it would do with these data, in a few words; changes nothing. */
  look(ground: Ground): Promise<string>;
  /** It may be killed anywhere and run again from its beginning: then it does what is missing. */
  run(ground: Ground, say: (line: string) => void): Promise<void>;
}
