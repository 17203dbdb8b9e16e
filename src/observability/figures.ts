import type { Redis } from 'ioredis';
import { z } from 'zod';
import { Registry } from '../queues/registry.js';
import { type QueueStatus, readStatus } from '../queues/status.js';
import { mastersOf } from '../redis/cluster.js';
import { type Keys, PARALLEL } from '../redis/keys.js';
import { Presence } from '../redis/presence.js';
import type { Scripts } from '../redis/script.js';

/** How long figures are good for; all processes share them meanwhile. Milliseconds. */
const GOOD_MS = 5_000;
/** Queues that get a series of their own: those whose oldest item waits longest. */
export const WORST = 20;

const seconds = z.number().min(0);
const figuresSchema = z.object({
  /** Items by state, over all queues. */
  items: z.record(z.string(), z.number()),
  queues: z.object({
    all: z.number(),
    blocked: z.number(),
    paused: z.number(),
    held: z.number(),
    overdue: z.number(),
  }),
  longestBlock: seconds,
  longestHold: seconds,
  allBlocks: seconds,
  allHolds: seconds,
  oldestItem: z.record(z.string(), seconds),
  ready: z.record(z.string(), z.object({ queues: z.number(), longest: seconds })),
  worst: z.array(
    z.object({ queue: z.string(), oldest: seconds, waiting: z.number(), state: z.string() }),
  ),
  incidents: z.number(),
  /** A person stopped the whole fleet. */
  paused: z.boolean().default(false),
  processes: z.record(z.string(), z.number()),
  redis: z.object({ used: z.number(), limit: z.number(), replicas: z.number() }),
});
/** What is true of the whole installation at one moment. Lengths of time in seconds. */
export type Figures = z.infer<typeof figuresSchema>;

export interface FiguresParts {
  readonly redis: Redis;
  readonly scripts: Scripts;
  readonly keys: Keys;
  readonly holdGraceMs: number;
}

/**
 * Figures over all queues. Reading them costs a look at every queue, so whoever reads them leaves them
 * for the other processes: however many are scraped, Redis is asked once in `GOOD_MS`.
 */
export async function readFigures(parts: FiguresParts): Promise<Figures> {
  const { redis, keys } = parts;
  const kept = await redis.get(keys.registry.figures);
  if (kept !== null) {
    const known = figuresSchema.safeParse(JSON.parse(kept));
    // Another version may have written them.
    if (known.success) return known.data;
  }
  const figures = await look(parts);
  await redis.set(keys.registry.figures, JSON.stringify(figures), 'PX', GOOD_MS);
  return figures;
}

/** The same afresh, and left for nobody. */
export async function look({ redis, scripts, keys, holdGraceMs }: FiguresParts): Promise<Figures> {
  const [now] = await redis.time().then(([s, us]) => [Number(s) * 1_000 + Number(us) / 1_000]);
  const since = (at: string | number | null) =>
    at === null ? 0 : Math.max(0, ((now ?? 0) - new Date(at).getTime()) / 1_000);
  const registry = new Registry(redis, scripts, keys);
  const names = [PARALLEL, ...(await registry.queueNames())];
  const all = await readStatus(scripts, keys, names, holdGraceMs);
  const [ready, processes, memory, incidents, paused] = await Promise.all([
    readReady(redis, keys, since),
    new Presence(redis, keys).all(),
    readMemory(redis),
    redis.zcard(keys.alerts.open),
    Promise.all(keys.shards.map((shard) => redis.exists(keys.ours(shard, 'fleetPause')))),
  ]);
  const blocks = all.map((one) => since(one.blockedBy?.since ?? null));
  const holds = all.map((one) => since(one.heldSince));
  const byAge = all
    .filter((one) => one.oldestWaitingAt !== null)
    .map((one) => ({
      queue: one.name,
      oldest: since(one.oldestWaitingAt),
      waiting: one.counts.waiting,
      state: one.state,
    }))
    .sort((a, b) => b.oldest - a.oldest);
  const oldest = (mode: QueueStatus['mode']) =>
    byAge.find((one) => (one.queue === PARALLEL) === (mode === 'non-blocking'))?.oldest ?? 0;
  const roles = processes.flatMap((one) => one.roles);
  return {
    items: sumOf(all.map((one) => one.counts)),
    queues: {
      all: all.length,
      blocked: all.filter((one) => one.blocked).length,
      paused: all.filter((one) => one.paused).length,
      held: all.filter((one) => one.heldSince !== null).length,
      overdue: all.filter((one) => one.overdue).length,
    },
    longestBlock: Math.max(0, ...blocks),
    longestHold: Math.max(0, ...holds),
    allBlocks: blocks.reduce((sum, one) => sum + one, 0),
    allHolds: holds.reduce((sum, one) => sum + one, 0),
    oldestItem: { blocking: oldest('blocking'), 'non-blocking': oldest('non-blocking') },
    ready,
    worst: byAge.slice(0, WORST),
    incidents,
    paused: paused.includes(1),
    processes: Object.fromEntries(
      ['api', 'worker', 'alerts'].map((role) => [role, roles.filter((one) => one === role).length]),
    ),
    redis: memory,
  };
}

function sumOf(all: readonly QueueStatus['counts'][]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counts of all)
    for (const [state, count] of Object.entries(counts)) sum[state] = (sum[state] ?? 0) + count;
  return sum;
}

/** Queues that wait for a free worker, and for how long the first of them does. */
async function readReady(
  redis: Redis,
  keys: Keys,
  since: (at: number) => number,
): Promise<Figures['ready']> {
  const kinds = [
    ['blocking', 'readyBlocking'],
    ['parallel', 'readyParallel'],
  ] as const;
  const found = kinds.map(async ([kind, part]) => {
    const shards = await Promise.all(
      keys.shards.map(async (shard) => {
        const key = keys.ours(shard, part);
        const [queues, [, first], paused] = await Promise.all([
          redis.zcard(key),
          redis.zrange(key, '0', '0', 'WITHSCORES'),
          redis.exists(keys.ours(shard, 'fleetPause')),
        ]);
        // While the fleet is paused they wait for a person, not for a worker.
        return { queues, longest: paused || first === undefined ? 0 : since(Number(first)) };
      }),
    );
    const queues = shards.reduce((sum, one) => sum + one.queues, 0);
    return [kind, { queues, longest: Math.max(0, ...shards.map((one) => one.longest)) }] as const;
  });
  return Object.fromEntries(await Promise.all(found));
}

/** Of the fullest master; a limit of 0 is none. */
async function readMemory(redis: Redis): Promise<Figures['redis']> {
  const all = await Promise.all(
    mastersOf(redis).map(async (one) => {
      const info = await one.info();
      const number = (name: string) =>
        Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
      return {
        used: number('used_memory'),
        limit: number('maxmemory'),
        replicas: number('connected_slaves'),
      };
    }),
  );
  const share = (one: Figures['redis']) => (one.limit > 0 ? one.used / one.limit : 0);
  const fullest = all.toSorted((a, b) => share(b) - share(a) || b.used - a.used)[0];
  return {
    used: fullest?.used ?? 0,
    limit: fullest?.limit ?? 0,
    replicas: Math.min(...all.map((one) => one.replicas)),
  };
}
