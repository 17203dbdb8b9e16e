/**
 * What the queues should do, in lists and maps: no Redis, no Lua, nothing of src. Every verb answers
 * what the real one must answer; afterwards the whole state must be what is written here.
 */
export const QUEUES = ['channel.1', 'channel.2', 'parallel'] as const;
export type QueueName = (typeof QUEUES)[number];
export const MAX_DEATHS = 3;
/** Completed items a queue keeps. */
export const KEEP = 4;

export type Scope = 'item' | 'entity' | 'entity-until-add';
/** `…Unknown`: whether it was carried out, nobody knows; `away`, `rate`: it was not sent after all. */
export type Verb =
  | 'complete'
  | 'fail'
  | 'failUnknown'
  | 'backOff'
  | 'backOffUnknown'
  | 'hold'
  | 'holdUnknown'
  | 'away'
  | 'rate';
export type Verdict = 'ok' | 'conflict' | 'not-found';

export interface Order {
  readonly queue: QueueName;
  readonly add: boolean;
  readonly sku: string | null;
  readonly key: string | null;
}

/** Where an item is. A removed one was deleted with plain BullMQ, a forgotten one by retention. */
type Place =
  | 'wait'
  | 'active'
  | 'delayed'
  | 'failed'
  | 'completed'
  | 'skipped'
  | 'resolved'
  | 'removed'
  | 'forgotten';

export interface ModelItem {
  readonly id: number;
  readonly queue: QueueName;
  readonly add: boolean;
  sku: string | null;
  place: Place;
  tries: number;
  deaths: number;
  starts: number;
  /** On hold, whatever is tried meanwhile. */
  onHold: boolean;
  /** Lock of the delivery that runs, while it is there. */
  lock: string | null;
  /** Lock of the delivery that settled it last. */
  settledBy: string | null;
  /** When its lock is thought to end: a rank among those that are over, or later. */
  inflight: number | 'later' | null;
  /** When its delay ends, likewise. */
  due: number | 'later' | null;
  /** Who set it aside, and when: a number that grows with each step. */
  by: string | null;
  setAsideAt: number;
  /** When it was completed, failed or resolved last. */
  ranAt: number;
  /** Lock under which its far side is asked whether it is back. */
  asking: string | null;
  /** What became of an attempt nobody knows; or a person has had it sent all the same since. */
  begun: 'no' | 'yes' | 'retried';
}

export interface ModelQueue {
  readonly name: QueueName;
  readonly blocking: boolean;
  /** Head first. */
  wait: number[];
  /** Longest running first. */
  active: number[];
  done: number[];
  blockedBy: number | null;
  pausedBy: string | null;
  heldBy: number | null;
  heldKind: 'hold' | 'back-off' | 'rate' | null;
  /** The entry in the index of holds. */
  holds: 'due' | 'later' | null;
  /** BullMQ's own switches, and whether somebody turned them since the last sweep. */
  switch: 'ours' | 'stock' | null;
  concurrency: number | null;
  turned: boolean;
  ready: boolean;
  skipped: number;
  resolved: number;
  rules: Map<string, { by: string; over: boolean; at: number }>;
  /** When the newest of those that retention has forgotten was completed. */
  forgotten: number;
}

export interface Delivery {
  readonly queue: QueueName;
  readonly id: number;
  readonly owner: string;
  readonly lock: string;
  readonly fence: number;
}

export interface TicketExpected {
  readonly queueId: number;
  readonly state: 'waiting' | 'skipped';
  readonly replayed: boolean;
}

/** `next`: id of the item taken in the same step; `again`: that one was told before. */
export type SettledExpected =
  | { readonly stored: false }
  | { readonly stored: true; readonly next: number | null; readonly again: boolean };

/** The run over a queue that a delivery belongs to: what settling it takes belongs to it too. */
export const runOf = ({ lock }: Pick<Delivery, 'lock'>): string => lock.split('#')[0]!;

const STRANGER = 'a BullMQ client';

export class Model {
  readonly items = new Map<number, ModelItem>();
  readonly queues = new Map<QueueName, ModelQueue>(QUEUES.map((name) => [name, emptyQueue(name)]));
  /** Every delivery there ever was, oldest first. */
  readonly deliveries: Delivery[] = [];
  private readonly keys = new Map<
    string,
    { content: string; queueId: number; state: 'waiting' | 'skipped' }
  >();
  /** Caused by what is done, and not in its queue yet. */
  readonly outbox: Order[] = [];
  private ranks = 0;
  private steps = 0;

  queue(name: QueueName): ModelQueue {
    return this.queues.get(name)!;
  }

  item(id: number): ModelItem {
    return this.items.get(id)!;
  }

  nextRank(): number {
    this.ranks += 1;
    return this.ranks;
  }

  stateOf(item: ModelItem): string {
    const q = this.queue(item.queue);
    const blocks = q.blockedBy === item.id;
    switch (item.place) {
      case 'removed':
        return blocks ? 'removed' : 'gone';
      case 'forgotten':
        return 'gone';
      case 'delayed':
        return 'backing-off';
      case 'wait':
        return blocks ? 'failed' : q.heldBy === item.id ? 'backing-off' : 'waiting';
      case 'active':
        return this.isAsked(item) ? 'backing-off' : 'active';
      default:
        return item.place;
    }
  }

  /** Deliveries whose worker still owns the lock. */
  owned(): Delivery[] {
    return this.deliveries.filter((one) => this.owns(one));
  }

  owns({ id, lock }: Delivery): boolean {
    const item = this.item(id);
    return item.place === 'active' && item.lock === lock;
  }

  isAsked(item: ModelItem): boolean {
    return item.place === 'active' && item.asking !== null && item.asking === item.lock;
  }

  delayed(q: ModelQueue): ModelItem[] {
    return [...this.items.values()].filter(
      (one) => one.queue === q.name && one.place === 'delayed',
    );
  }

  // --- enqueue

  enqueue(orders: readonly Order[]): TicketExpected[] | 'mismatch' {
    const content = (order: Order) => JSON.stringify([order.queue, order.add, order.sku]);
    const seen = new Map([...this.keys].map(([key, one]) => [key, one.content]));
    for (const order of orders) {
      if (!order.key) continue;
      if ((seen.get(order.key) ?? content(order)) !== content(order)) return 'mismatch';
      seen.set(order.key, content(order));
    }
    const tickets = orders.map((order): TicketExpected => {
      const before = order.key ? this.keys.get(order.key) : undefined;
      if (before) return { queueId: before.queueId, state: before.state, replayed: true };
      const { queueId, state } = this.accept(order);
      if (order.key) this.keys.set(order.key, { content: content(order), queueId, state });
      return { queueId, state, replayed: false };
    });
    for (const name of new Set(
      orders.filter((_, n) => !tickets[n]!.replayed).map((o) => o.queue),
    )) {
      this.wake(this.queue(name));
    }
    return tickets;
  }

  private accept(order: Order): { queueId: number; state: 'waiting' | 'skipped' } {
    const q = this.queue(order.queue);
    const id = this.items.size + 1;
    const item: ModelItem = {
      id,
      queue: order.queue,
      add: order.add,
      sku: order.sku,
      place: 'wait',
      tries: 0,
      deaths: 0,
      starts: 0,
      onHold: false,
      lock: null,
      settledBy: null,
      inflight: null,
      due: null,
      by: null,
      setAsideAt: 0,
      ranAt: 0,
      asking: null,
      begun: 'no',
    };
    this.items.set(id, item);
    const rule = order.sku === null ? undefined : q.rules.get(order.sku);
    if (rule && (rule.over || order.add)) q.rules.delete(order.sku!);
    else if (rule) {
      this.aside(item, 'skipped', rule.by, rule.at);
      return { queueId: id, state: 'skipped' };
    }
    q.wait.push(id);
    return { queueId: id, state: 'waiting' };
  }

  // --- what workers do

  /** `order`: the ready queues, longest ready first. Answers the ids that are handed out. */
  claim(order: readonly QueueName[], slots: number): number[] {
    const taken: number[] = [];
    const names = [...order];
    for (
      let name = names.shift();
      name !== undefined && slots > taken.length;
      name = names.shift()
    ) {
      const q = this.queue(name);
      q.ready = false;
      if (q.blocking) q.concurrency ??= 1;
      const room = q.blocking ? 1 : slots - taken.length;
      let got = 0;
      while (got < room) {
        const id = this.take(q);
        if (id === null) break;
        taken.push(id);
        got += 1;
      }
      if (!q.blocking && got > 0) this.wake(q);
    }
    return taken;
  }

  /** A claim was handed out under this lock. */
  started(delivery: Delivery): void {
    this.deliveries.push(delivery);
    this.item(delivery.id).lock = delivery.lock;
  }

  settle(
    delivery: Delivery,
    verb: Verb,
    more: boolean,
    causes: readonly Order[] = [],
  ): SettledExpected {
    const q = this.queue(delivery.queue);
    if (verb !== 'complete') this.notice(q);
    if (!this.owns(delivery)) {
      const told = this.refusal(delivery);
      // What was taken with it has a whole lock again.
      if (told.stored && told.next !== null) this.item(told.next).inflight = 'later';
      return told;
    }
    const item = this.letGo(delivery);
    if (['fail', 'backOff', 'hold'].includes(verb)) item.begun = 'no';
    if (verb === 'complete') {
      item.place = 'completed';
      item.ranAt = this.step();
      this.outbox.push(...causes);
      q.done.push(item.id);
      for (let n = 0; n < 2 && q.done.length > KEEP; n += 1) this.forget(q.done.shift()!);
    } else if (verb === 'fail' || verb === 'failUnknown') {
      this.fail(item);
    } else if (verb === 'backOff' || verb === 'backOffUnknown') {
      item.deaths = 0;
      item.tries += 1;
      this.delay(q, item, 'back-off');
    } else {
      if (verb === 'away' || verb === 'rate') {
        item.asking = null;
        item.starts -= 1;
      }
      if (verb !== 'rate') {
        item.deaths = 0;
        item.onHold = true;
      }
      this.delay(q, item, verb === 'rate' ? 'rate' : 'hold');
    }
    const next = more ? this.take(q) : null;
    if (next === null) this.wake(q);
    return { stored: true, next, again: false };
  }

  giveBack(delivery: Delivery): boolean {
    if (!this.owns(delivery)) return this.refusal(delivery).stored;
    const item = this.letGo(delivery);
    this.unask(item);
    this.toHead(item);
    this.wake(this.queue(item.queue));
    return true;
  }

  /** The claim was not answered: nobody delivers what it took. */
  unclaim(ids: readonly number[], lockOf: (id: number) => string): void {
    for (const id of [...ids].reverse()) {
      const item = this.item(id);
      this.leaveActive(item);
      item.settledBy = lockOf(id);
      item.starts -= 1;
      this.toHead(item);
      this.wake(this.queue(item.queue));
    }
  }

  /** Before the far side of an item is asked, and before it is delivered after all. */
  ask(delivery: Delivery, asks: boolean): boolean {
    if (!this.owns(delivery)) return false;
    this.item(delivery.id).asking = asks ? delivery.lock : null;
    return true;
  }

  begin(delivery: Delivery): boolean {
    if (!this.owns(delivery)) return false;
    this.item(delivery.id).begun = 'yes';
    return true;
  }

  /** What was caused goes into its queues; answers what came of each. */
  relay(): { queue: QueueName; queueId: number }[] {
    const moved = this.outbox.splice(0);
    const ids = moved.map((order) => ({ queue: order.queue, queueId: this.accept(order).queueId }));
    for (const name of new Set(moved.map((order) => order.queue))) this.wake(this.queue(name));
    return ids;
  }

  /** Nothing of it was sent under the claim that ends: no attempt, and no death. */
  private unask(item: ModelItem): boolean {
    if (item.asking === null) return false;
    item.asking = null;
    item.starts -= 1;
    return true;
  }

  private step(): number {
    this.steps += 1;
    return this.steps;
  }

  pardon({ id }: Delivery): void {
    const item = this.item(id);
    if (item.place === 'active' && item.lock === null) {
      this.leaveActive(item);
      this.unask(item);
      this.toHead(item);
      this.wake(this.queue(item.queue));
    } else if (item.deaths > 0) item.deaths -= 1;
  }

  /** Answers those that lost their lock. */
  renew(deliveries: readonly Delivery[]): Delivery[] {
    for (const one of deliveries) if (this.owns(one)) this.item(one.id).inflight = 'later';
    return deliveries.filter((one) => !this.owns(one));
  }

  // --- what time and accidents do

  /** The lock is gone; the index hears of it now (its rank) or later. */
  loseLock({ id }: Delivery, rank: number | null): void {
    const item = this.item(id);
    item.lock = null;
    if (rank !== null) item.inflight = rank;
  }

  /** The index thinks the lock is over, though it is not. */
  doubt({ id }: Delivery, rank: number): void {
    this.item(id).inflight = rank;
  }

  holdOver(q: ModelQueue, delayed: ModelItem | null, rank: number): void {
    q.holds = 'due';
    if (delayed) delayed.due = rank;
  }

  tend(): { released: number; recovered: number; failed: number } {
    const answer = { released: 0, recovered: 0, failed: 0 };
    for (const q of this.queues.values()) {
      if (q.holds !== 'due') continue;
      q.holds = null;
      if (!q.blocking)
        q.holds = this.delayed(q).some((one) => one.due === 'later') ? 'later' : null;
      else if (q.heldBy !== null) this.lift(q, q.heldBy);
      answer.released += 1;
      this.wake(q);
    }
    const over = [...this.items.values()].filter((one) => typeof one.inflight === 'number');
    for (const item of over.sort((a, b) => Number(a.inflight) - Number(b.inflight))) {
      if (item.lock !== null) {
        item.inflight = 'later';
        continue;
      }
      this.leaveActive(item);
      const asked = this.unask(item);
      if (!asked) item.deaths += 1;
      if (asked || item.deaths < MAX_DEATHS) {
        this.toHead(item);
        answer.recovered += 1;
      } else {
        item.settledBy = 'nobody';
        this.notice(this.queue(item.queue));
        this.fail(item);
        answer.failed += 1;
      }
      this.wake(this.queue(item.queue));
    }
    return answer;
  }

  sweep(names: readonly QueueName[]): number {
    let found = 0;
    for (const name of names) {
      const q = this.queue(name);
      const paused = q.blockedBy !== null || q.pausedBy !== null ? 'ours' : null;
      const concurrency = q.blockedBy !== null || q.heldBy !== null ? 0 : 1;
      const turned = q.blocking && q.concurrency !== null && q.concurrency !== concurrency;
      if (q.switch !== paused || turned) {
        this.notice(q);
        this.mirror(q);
      }
      q.turned = false;
      if (this.wake(q)) found += 1;
    }
    return found;
  }

  // --- what people do

  retry(id: number, _by: string): Verdict {
    const item = this.item(id);
    const refused = this.undealable(item);
    if (refused) return refused;
    if (item.place === 'removed') return 'conflict';
    if (this.stateOf(item) === 'failed' && item.begun !== 'no') item.begun = 'retried';
    this.pick(item);
    item.onHold = false;
    item.tries = 0;
    item.deaths = 0;
    this.toHead(item);
    return this.dealtWith(item);
  }

  /** Answers the ids that were skipped. */
  skip(id: number, scope: Scope, by: string, over: boolean): number[] | Verdict {
    const item = this.item(id);
    const refused = this.undealable(item);
    if (refused) return refused;
    if (item.place === 'removed') {
      this.dealtWith(item);
      return [id];
    }
    const q = this.queue(item.queue);
    const at = this.step();
    this.pick(item);
    const all = [item];
    if (scope !== 'item' && item.sku !== null) {
      const same = q.wait.map((one) => this.item(one)).filter((one) => one.sku === item.sku);
      const add = scope === 'entity' ? -1 : same.findIndex((one) => one.add);
      all.push(...(add < 0 ? same : same.slice(0, add)));
      if (scope === 'entity-until-add' && add < 0) q.rules.set(item.sku, { by, over, at });
    }
    for (const one of all) {
      q.wait = q.wait.filter((waiting) => waiting !== one.id);
      this.aside(one, 'skipped', by, at);
    }
    this.dealtWith(item);
    return all.map((one) => one.id);
  }

  resolve(id: number, by: string): Verdict {
    const item = this.item(id);
    const refused = this.undealable(item);
    if (refused) return refused;
    if (item.place !== 'removed') {
      this.pick(item);
      item.ranAt = this.step();
      this.aside(item, 'resolved', by, item.ranAt);
    }
    return this.dealtWith(item);
  }

  /** `ids` of one queue. All come back, each to its place, or none. */
  undo(ids: readonly number[]): Verdict {
    const items = [...ids].sort((a, b) => a - b).map((id) => this.item(id));
    for (const item of items) {
      if (this.stateOf(item) === 'gone') return 'not-found';
      if (item.place !== 'skipped' || this.isOvertaken(item, ids)) return 'conflict';
    }
    for (const item of items) {
      const q = this.queue(item.queue);
      const rule = item.sku === null ? undefined : q.rules.get(item.sku);
      if (rule && (rule.at === item.setAsideAt || item.add)) q.rules.delete(item.sku!);
      const behind = q.wait.findIndex((id) => id > item.id && id !== q.heldBy);
      q.wait.splice(behind < 0 ? q.wait.length : behind, 0, item.id);
      Object.assign(item, { place: 'wait', by: null, tries: 0, deaths: 0 });
      q.skipped -= 1;
      this.wake(q);
    }
    return 'ok';
  }

  /** Something newer of its entity has run, or something newer while one of the two concerns no entity. */
  private isOvertaken(
    { id, queue, sku, setAsideAt }: ModelItem,
    undone: readonly number[],
  ): boolean {
    const q = this.queue(queue);
    const newer = [...this.items.values()].filter(
      (one) => one.queue === queue && one.id > id && !undone.includes(one.id),
    );
    const kept = newer.filter((one) => !['removed', 'forgotten'].includes(one.place));
    const same = kept.filter((one) => sku !== null && one.sku === sku && one.place !== 'skipped');
    if (same.some((one) => one.starts > 0)) return true;
    if (!q.blocking) return sku !== null && q.forgotten > setAsideAt;
    const ran = kept.filter(
      (one) =>
        one.place === 'active' ||
        (one.place === 'wait' && one.starts > 0) ||
        (['failed', 'completed', 'resolved'].includes(one.place) && one.ranAt > setAsideAt),
    );
    return q.forgotten > setAsideAt || ran.some((one) => sku === null || one.sku === null);
  }

  edit(id: number, sku: string | null): Verdict {
    const item = this.item(id);
    const state = this.stateOf(item);
    if (state === 'gone') return 'not-found';
    if (!['failed', 'backing-off', 'waiting'].includes(state)) return 'conflict';
    if (this.isAsked(item)) return 'conflict';
    item.sku = sku;
    return 'ok';
  }

  pause(q: ModelQueue, by: string): Verdict {
    if (q.pausedBy !== null) return 'conflict';
    q.pausedBy = by;
    this.mirror(q);
    return 'ok';
  }

  resume(q: ModelQueue): Verdict {
    this.notice(q);
    if (q.pausedBy === null) return 'conflict';
    q.pausedBy = null;
    this.mirror(q);
    this.wake(q);
    return 'ok';
  }

  /** From the head, at most `count`; a failed item stays, wherever plain BullMQ has put it. */
  clear(q: ModelQueue, by: string, count: number): number {
    const out = q.wait.filter((id) => id !== q.blockedBy).slice(0, count);
    const failed = q.wait.filter((id) => id === q.blockedBy);
    const stay = q.wait.filter((id) => !out.includes(id) && id !== q.blockedBy);
    q.wait = [...failed, ...stay];
    const at = this.step();
    for (const id of out) this.aside(this.item(id), 'skipped', by, at);
    if (q.heldBy !== null && out.includes(q.heldBy)) this.lift(q, q.heldBy);
    this.wake(q);
    return out.length;
  }

  // --- what plain BullMQ does

  stockPause(q: ModelQueue): void {
    q.switch = 'stock';
    q.turned = true;
  }

  stockResume(q: ModelQueue): void {
    q.switch = null;
    q.turned = true;
  }

  stockConcurrency(q: ModelQueue, concurrency: number): void {
    q.concurrency = concurrency;
    q.turned = true;
  }

  /** A retry puts the item at the end of the queue. */
  stockRetry(item: ModelItem): void {
    const q = this.queue(item.queue);
    item.place = 'wait';
    q.wait.push(item.id);
    q.turned = true;
  }

  stockRemove(item: ModelItem): void {
    const q = this.queue(item.queue);
    q.wait = q.wait.filter((id) => id !== item.id);
    item.place = 'removed';
  }

  // --- the parts of it

  stopped(q: ModelQueue): boolean {
    return q.blockedBy !== null || q.pausedBy !== null || q.heldBy !== null;
  }

  hasWork(q: ModelQueue): boolean {
    return q.wait.length > 0 || this.delayed(q).some((one) => one.due !== 'later');
  }

  private wake(q: ModelQueue): boolean {
    if (this.stopped(q) || !this.hasWork(q)) return false;
    if (q.blocking && q.active.length > 0) return false;
    const added = !q.ready;
    q.ready = true;
    return added;
  }

  /** The head goes to a worker, unless something stops the queue. */
  private take(q: ModelQueue): number | null {
    if (this.stopped(q)) return null;
    const due = this.delayed(q).filter((one) => one.due !== 'later');
    for (const item of due.sort((a, b) => Number(a.due) - Number(b.due))) {
      item.place = 'wait';
      item.due = null;
      q.wait.push(item.id);
    }
    if (q.switch !== null) return null;
    if (q.concurrency !== null && q.active.length >= q.concurrency) return null;
    const id = q.wait.shift();
    if (id === undefined) return null;
    q.active.push(id);
    const item = this.item(id);
    item.place = 'active';
    item.starts += 1;
    item.inflight = 'later';
    return id;
  }

  private leaveActive(item: ModelItem): void {
    const q = this.queue(item.queue);
    q.active = q.active.filter((id) => id !== item.id);
    item.lock = null;
    item.inflight = null;
  }

  private letGo({ id, lock }: Delivery): ModelItem {
    const item = this.item(id);
    this.leaveActive(item);
    item.settledBy = lock;
    return item;
  }

  /** A late result changes nothing. Sent twice by the delivery that settled, it is told what it was told. */
  private refusal({ queue, id, lock }: Delivery): SettledExpected {
    const item = this.item(id);
    if (item.place === 'forgotten' || item.place === 'removed') return { stored: false };
    if (item.settledBy !== lock) return { stored: false };
    const { active } = this.queue(queue);
    const its = this.deliveries.find(
      (one) => active.includes(one.id) && this.owns(one) && runOf(one) === runOf({ lock }),
    );
    return { stored: true, next: its?.id ?? null, again: true };
  }

  private toHead(item: ModelItem): void {
    item.place = 'wait';
    item.due = null;
    this.queue(item.queue).wait.unshift(item.id);
  }

  private fail(item: ModelItem): void {
    const q = this.queue(item.queue);
    item.place = 'failed';
    item.ranAt = this.step();
    item.onHold = false;
    if (!q.blocking) return;
    q.blockedBy = item.id;
    this.mirror(q);
  }

  private delay(q: ModelQueue, item: ModelItem, kind: 'hold' | 'back-off' | 'rate'): void {
    if (!q.blocking) {
      item.place = 'delayed';
      item.due = 'later';
      q.holds ??= 'later';
      return;
    }
    this.toHead(item);
    q.heldBy = item.id;
    q.heldKind = kind;
    q.holds = 'later';
    this.mirror(q);
  }

  private aside(item: ModelItem, place: 'skipped' | 'resolved', by: string, at: number): void {
    item.place = place;
    item.setAsideAt = at;
    item.onHold = false;
    item.due = null;
    item.by = by;
    this.queue(item.queue)[place] += 1;
  }

  private forget(id: number): void {
    const item = this.item(id);
    item.place = 'forgotten';
    this.queue(item.queue).forgotten = item.ranAt;
  }

  private undealable(item: ModelItem): Verdict | null {
    const state = this.stateOf(item);
    if (state === 'gone') return 'not-found';
    return ['failed', 'backing-off', 'removed'].includes(state) ? null : 'conflict';
  }

  private pick(item: ModelItem): void {
    const q = this.queue(item.queue);
    if (item.place === 'active') {
      this.leaveActive(item);
      this.unask(item);
    }
    q.wait = q.wait.filter((id) => id !== item.id);
  }

  private dealtWith(item: ModelItem): Verdict {
    const q = this.queue(item.queue);
    this.lift(q, item.id);
    this.wake(q);
    return 'ok';
  }

  private lift(q: ModelQueue, id: number): void {
    this.notice(q);
    if (q.blockedBy === id) q.blockedBy = null;
    if (q.heldBy === id) {
      q.heldBy = null;
      q.heldKind = null;
      q.holds = null;
    }
    this.mirror(q);
  }

  /** Somebody paused or resumed with plain BullMQ. */
  private notice(q: ModelQueue): void {
    if (q.switch === 'ours') return;
    if (q.switch === 'stock') q.pausedBy ??= STRANGER;
    else if (q.pausedBy === STRANGER) q.pausedBy = null;
  }

  private mirror(q: ModelQueue): void {
    q.switch = q.blockedBy !== null || q.pausedBy !== null ? 'ours' : null;
    if (q.blocking) q.concurrency = q.blockedBy !== null || q.heldBy !== null ? 0 : 1;
  }
}

function emptyQueue(name: QueueName): ModelQueue {
  return {
    name,
    blocking: name !== 'parallel',
    wait: [],
    active: [],
    done: [],
    blockedBy: null,
    pausedBy: null,
    heldBy: null,
    heldKind: null,
    holds: null,
    switch: null,
    concurrency: null,
    turned: false,
    ready: false,
    skipped: 0,
    resolved: 0,
    rules: new Map(),
    forgotten: 0,
  };
}
