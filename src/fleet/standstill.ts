import type { Redis } from 'ioredis';
import type { SlotKind } from '../blocking/deliveries.js';
import type { Keys } from '../redis/keys.js';
import type { Watched } from './watchdog.js';

/** What is looked at to tell whether a worker gets on. */
export interface Moving {
  readonly loops: readonly Watched[];
  /** A crew without free slots is at work. */
  readonly crews: readonly {
    readonly kind: SlotKind;
    readonly slots: number;
    readonly free: number;
  }[];
}

/**
 * Why a worker stands still although there is work: a loop has been silent, or queues have been ready
 * for long while it has free slots. Null when it gets on, or rightly rests.
 * @param limitMs how long is long
 */
export async function standstill(
  { loops, crews }: Moving,
  redis: Redis,
  keys: Keys,
  limitMs: number,
): Promise<string | null> {
  const silent = loops.find((one) => one.silenceMs > limitMs);
  if (silent) return `${silent.name} has been silent for ${inSeconds(silent.silenceMs)}`;
  for (const crew of crews) {
    if (crew.free === 0) continue;
    const waits = await longestReady(redis, keys, crew.kind);
    if (waits > limitMs)
      return `queues have been ready for ${inSeconds(waits)}, and the ${crew.kind} crew takes none though it has free slots`;
  }
  return null;
}

/** For how long the longest-ready queue waits for a worker, in milliseconds by the clock of Redis; 0 when none does. */
async function longestReady(redis: Redis, keys: Keys, kind: SlotKind): Promise<number> {
  const part = kind === 'blocking' ? 'readyBlocking' : 'readyParallel';
  const firsts = await Promise.all(
    keys.shards.map(async (shard) =>
      // While the fleet is paused nothing is to be taken.
      (await redis.exists(keys.ours(shard, 'fleetPause')))
        ? []
        : redis.zrange(keys.ours(shard, part), '0', '0', 'WITHSCORES'),
    ),
  );
  const since = firsts.map(([, score]) => Number(score ?? Number.POSITIVE_INFINITY));
  const oldest = Math.min(...since);
  if (!Number.isFinite(oldest)) return 0;
  const [seconds] = await redis.time();
  return Math.max(0, Number(seconds) * 1_000 - oldest);
}

const inSeconds = (ms: number) => `${Math.round(ms / 1_000)} s`;
