import type { Redis } from 'ioredis';
import { WrongLayout } from '../errors.js';
import type { Keys } from './keys.js';

/**
 * The number of the layout of the data that this program writes. It grows with a change that older programs
 * would not understand; then `src/migrations` gets a file that leads there.
 */
export const LAYOUT = 1;

/** What Redis says of its data. */
export interface FoundLayout {
  /** 0: from before layouts had numbers. Null: there are no data yet. */
  readonly is: number | null;
  /** Where `andon migrate` is leading them; null when it is not under way, nor was interrupted. */
  readonly goingTo: number | null;
}

export async function readLayout(redis: Redis, keys: Keys): Promise<FoundLayout> {
  const [stored, shards] = await Promise.all([
    redis.get(keys.registry.layout),
    redis.exists(keys.registry.shards),
  ]);
  if (stored !== null) return parse(stored);
  return { is: shards === 1 ? 0 : null, goingTo: null };
}

/** As the key holds it: the number, or "migrating 1 2". */
function parse(text: string): FoundLayout {
  const [, from, to] = /^migrating (\d+) (\d+)$/.exec(text) ?? [];
  if (from && to) return { is: Number(from), goingTo: Number(to) };
  return { is: Number(text), goingTo: null };
}

/** Every shard has it, since each script asks for it; the installation has it last. */
export async function writeLayout(redis: Redis, keys: Keys, text: string): Promise<void> {
  for (const key of layoutKeys(keys)) await redis.set(key, text);
}

const layoutKeys = (keys: Keys): string[] => [
  ...[...keys.shards, keys.alertSlot].map((shard) => keys.layoutOf(shard)),
  keys.registry.layout,
];

/** Whether `andon migrate` of this very program would bring them on. */
export const isBehind = ({ is, goingTo }: FoundLayout): boolean =>
  goingTo === null ? is !== null && is < LAYOUT : goingTo <= LAYOUT;

/** Sentences why this program must not touch the data; data that are not there yet get its number. */
export async function layoutProblems(redis: Redis, keys: Keys): Promise<string[]> {
  const found = await readLayout(redis, keys);
  if (found.is === null) await writeLayout(redis, keys, String(LAYOUT));
  const problem = problemWith(found);
  return problem ? [problem.message] : [];
}

/** What is wrong with a layout for a program that knows `LAYOUT`; null when nothing is. */
export function problemWith({ is, goingTo }: FoundLayout): WrongLayout | null {
  if (goingTo !== null) {
    return new WrongLayout(
      `The data in Redis are being brought to layout ${goingTo} (andon migrate), and nothing is done meanwhile. If that was interrupted, run andon migrate again.`,
      goingTo > LAYOUT ? 'newer' : 'moving',
    );
  }
  if (is === null || is === LAYOUT) return null;
  return is > LAYOUT
    ? new WrongLayout(
        `The data in Redis are of layout ${is}, and this Andon knows only ${LAYOUT}: a newer one has taken over. Start that one; this one does nothing more.`,
        'newer',
      )
    : new WrongLayout(
        `The data in Redis are of layout ${is}, and this Andon needs ${LAYOUT}: stop the older processes, make a backup, then run andon migrate (andon migrate --dry-run tells what it does).`,
        'older',
      );
}

/** The refusal of a script, which ends in the layout that it found; null for any other error. */
export function layoutRefusal(error: unknown): WrongLayout | null {
  const [, text] = error instanceof Error ? (/\bLAYOUT (.+)$/.exec(error.message) ?? []) : [];
  return text === undefined ? null : problemWith(parse(text));
}
