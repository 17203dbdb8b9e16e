import type { Standing } from '../queues/standing.js';
import type { QueueStatus } from '../queues/status.js';
import { type QueueView, showQueue } from '../queues/view.js';
import { PARALLEL, type QueueName } from '../redis/keys.js';
import type { Roll } from './roll.js';
import { SharedLook } from './shared-look.js';

export interface SnapshotParts {
  readonly roll: Roll;
  readonly standing: Standing;
  status(names: readonly QueueName[]): Promise<QueueStatus[]>;
}

/** What the queues of a snapshot look like; whoever is not in it just runs, or rests. */
export type Views = ReadonlyMap<QueueName, QueueView>;

/** So long a queue that somebody looks at is read with the others, in milliseconds: pages poll every few seconds. */
const ASKED_FOR_MS = 60_000;

/**
 * The queues as they are now. Above `listedMost` only those are looked into that stand, fail or work, which
 * the indexes name, and those that somebody looks at: what a look costs depends on how much happens, not on how
 * many queues there are.
 */
export class Snapshot {
  private readonly parts: SnapshotParts;
  private readonly listedMost: number;
  private readonly shared = new SharedLook(() => this.look());
  /** The board's names of queues that somebody looks at, and when that one asked last. */
  private readonly askedFor = new Map<string, number>();

  constructor(parts: SnapshotParts, listedMost: number) {
    this.parts = parts;
    this.listedMost = listedMost;
  }

  /** @param name the board's name of the queue that is looked at, if one is: it will be in the answer */
  views(name?: string): Promise<Views> {
    if (name !== undefined) this.askedFor.set(name, performance.now());
    return this.shared.now();
  }

  private async look(): Promise<Views> {
    const { roll, status } = this.parts;
    await roll.refresh();
    const names = await this.names();
    return new Map(
      (await status(names)).map((one) => [
        one.name,
        showQueue(one, roll.of(one.name)?.endpoint ?? null),
      ]),
    );
  }

  private async names(): Promise<QueueName[]> {
    const { roll, standing } = this.parts;
    if (roll.size <= this.listedMost) return [...roll.all()].map(({ queue }) => queue);
    const names = new Set([...(await standing.stirring()), PARALLEL]);
    const now = performance.now();
    for (const [name, at] of this.askedFor) {
      const queue = roll.named(name)?.queue;
      if (!queue || now - at > ASKED_FOR_MS) this.askedFor.delete(name);
      else names.add(queue);
    }
    return [...names].filter((name) => roll.of(name) !== null);
  }
}
