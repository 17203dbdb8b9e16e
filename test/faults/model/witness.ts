const PARALLEL = 'parallel';

/**
 * The promises, watched from outside: it sees only what was accepted, what was started and what people
 * did, and knows nothing of lists, heads or switches. What breaks here is wrong whatever the model says.
 */
export class Witness {
  private readonly queueOf = new Map<number, string>();
  /** Accepted and not yet at an end, per queue, in the order of acceptance. */
  private readonly open = new Map<string, Set<number>>();
  private readonly unresolved = new Map<string, number>();
  private states: ReadonlyMap<number, string> = new Map();
  private lastFence = 0;

  accepted(queue: string, id: number): void {
    if (this.queueOf.has(id)) throw new Error(`P7: id ${id} was given twice`);
    this.queueOf.set(id, queue);
    this.openOf(queue).add(id);
  }

  started(queue: string, id: number, fence: number): void {
    if (this.queueOf.get(id) !== queue) throw new Error(`P7: ${queue} ${id} was invented`);
    if (fence <= this.lastFence) throw new Error(`P2: fence ${fence} after ${this.lastFence}`);
    this.lastFence = fence;
    if (!this.openOf(queue).has(id)) throw new Error(`P7: ${id} started though it was at its end`);
    if (queue === PARALLEL) return;
    const failed = this.unresolved.get(queue);
    if (failed !== undefined) throw new Error(`P3: ${id} started behind ${failed}, which failed`);
    const [first] = this.openOf(queue);
    if (first !== id) throw new Error(`P1: ${id} started before ${first}`);
  }

  /** A worker that owned the lock was told that its result is stored. */
  settled(id: number, verb: string): void {
    const queue = this.queueOf.get(id)!;
    if (verb === 'complete') this.openOf(queue).delete(id);
    if (verb === 'fail' && queue !== PARALLEL) this.unresolved.set(queue, id);
  }

  /** A person retried, skipped or resolved it. */
  dealtWith(id: number): void {
    const queue = this.queueOf.get(id)!;
    if (this.unresolved.get(queue) === id) this.unresolved.delete(queue);
  }

  /** Skips were taken back: each is to start before what came later, but for a head that was started. */
  undone(ids: readonly number[]): void {
    const fixed = ['active', 'backing-off', 'failed', 'removed'];
    for (const id of [...ids].sort((a, b) => a - b)) {
      const queue = this.queueOf.get(id)!;
      const open = [...this.openOf(queue)];
      const at = open.findIndex((one) => one > id && !fixed.includes(this.states.get(one)!));
      open.splice(at < 0 ? open.length : at, 0, id);
      this.open.set(queue, new Set(open));
    }
  }

  /** What the system says of every item, after each step. */
  saw(states: ReadonlyMap<number, string>): void {
    this.states = states;
    for (const [id, queue] of this.queueOf) {
      const state = states.get(id)!;
      const failed = state === 'failed' || state === 'removed';
      if (failed && queue !== PARALLEL) this.unresolved.set(queue, id);
      if (!failed && this.unresolved.get(queue) === id) {
        throw new Error(`P3: ${id} had failed, nobody dealt with it, and it is ${state}`);
      }
      if (['completed', 'skipped', 'resolved', 'gone'].includes(state)) {
        this.openOf(queue).delete(id);
      } else if (!this.openOf(queue).has(id)) {
        throw new Error(`P7: ${id} was at its end and is ${state}`);
      }
    }
    for (const queue of this.open.keys()) {
      const active = [...this.openOf(queue)].filter((id) => states.get(id) === 'active');
      if (queue !== PARALLEL && active.length > 1) throw new Error(`P2: ${active} run together`);
      const held = [...this.openOf(queue)].find((id) => states.get(id) === 'backing-off');
      if (queue !== PARALLEL && held !== undefined && held !== [...this.openOf(queue)][0]) {
        throw new Error(`P4: ${held} is held and is not the head`);
      }
    }
  }

  private openOf(queue: string): Set<number> {
    const open = this.open.get(queue) ?? new Set<number>();
    this.open.set(queue, open);
    return open;
  }
}
