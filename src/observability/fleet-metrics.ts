import { Gauge, type Registry } from 'prom-client';
import { type Figures, WORST } from './figures.js';

/** Said with each, as the help text is all that a person sees who writes a query. */
const OF_ALL = 'Of the whole installation, the same in every process: use max, not sum';

/** What is true of the whole installation, for processes that tell it. */
export class FleetMetrics {
  private readonly all: Gauge[] = [];
  private readonly plain: Gauge[] = [];
  private readonly items = this.gauge('items', 'Items by state', ['state']);
  private readonly queues = this.gauge('queues', 'Queues there are');
  private readonly blocked = this.gauge('queues_blocked', 'Queues that a failed item stops');
  private readonly paused = this.gauge('queues_paused', 'Queues that a person stopped');
  private readonly held = this.gauge('queues_held', 'Queues that wait for their far side');
  private readonly overdue = this.gauge('queues_overdue', 'Of those, for longer than hold.graceMs');
  private readonly blockedMost = this.gauge('longest_block_seconds', 'Age of the oldest block');
  private readonly heldMost = this.gauge('longest_hold_seconds', 'Age of the oldest hold');
  private readonly blockedAll = this.gauge('blocked_seconds', 'Ages of all blocks together');
  private readonly heldAll = this.gauge('held_seconds', 'Ages of all holds together');
  private readonly oldest = this.gauge(
    'oldest_item_age_seconds',
    'Age of the oldest item waiting',
    ['mode'],
  );
  private readonly ready = this.gauge('ready_queues', 'Queues that wait for a free worker', [
    'kind',
  ]);
  private readonly readyMost = this.gauge(
    'ready_age_seconds',
    'For how long the first of them does: grows when there are too few workers',
    ['kind'],
  );
  private readonly worstAge = this.gauge(
    'queue_oldest_item_age_seconds',
    `Age of the oldest item of a queue, for the ${WORST} queues where it is highest`,
    ['queue', 'state'],
  );
  private readonly worstWaiting = this.gauge(
    'queue_waiting_items',
    `Items that wait in a queue, for the ${WORST} queues with the oldest`,
    ['queue', 'state'],
  );
  private readonly incidents = this.gauge('incidents_open', 'Incidents that are open');
  private readonly fleetPaused = this.gauge(
    'paused',
    '1 while a person has stopped the whole fleet',
  );
  private readonly processes = this.gauge('processes', 'Processes that run, by role', ['role']);
  private readonly used = this.gauge('redis_memory_bytes', 'Memory that Redis uses');
  private readonly limit = this.gauge('redis_memory_limit_bytes', 'What it may use; 0 is no limit');
  private readonly replicas = this.gauge('redis_replicas', 'Replicas that are connected');

  constructor(registry: Registry) {
    for (const gauge of this.all) registry.registerMetric(gauge);
    this.show(null);
  }

  /** Null: nothing is known now, so nothing is told. */
  show(figures: Figures | null): void {
    for (const gauge of this.all) gauge.reset();
    // A reset makes one without labels 0, which would be told as a fact.
    for (const gauge of this.plain) gauge.remove();
    if (!figures) return;
    const { queues, redis } = figures;
    for (const [state, count] of Object.entries(figures.items))
      this.items.set({ state: state === 'backingOff' ? 'backing-off' : state }, count);
    this.queues.set(queues.all);
    this.blocked.set(queues.blocked);
    this.paused.set(queues.paused);
    this.held.set(queues.held);
    this.overdue.set(queues.overdue);
    this.blockedMost.set(figures.longestBlock);
    this.heldMost.set(figures.longestHold);
    this.blockedAll.set(figures.allBlocks);
    this.heldAll.set(figures.allHolds);
    for (const [mode, age] of Object.entries(figures.oldestItem)) this.oldest.set({ mode }, age);
    for (const [kind, { queues: count, longest }] of Object.entries(figures.ready)) {
      this.ready.set({ kind }, count);
      this.readyMost.set({ kind }, longest);
    }
    for (const { queue, state, oldest, waiting } of figures.worst) {
      this.worstAge.set({ queue, state }, oldest);
      this.worstWaiting.set({ queue, state }, waiting);
    }
    this.incidents.set(figures.incidents);
    this.fleetPaused.set(figures.paused ? 1 : 0);
    for (const [role, count] of Object.entries(figures.processes))
      this.processes.set({ role }, count);
    this.used.set(redis.used);
    this.limit.set(redis.limit);
    this.replicas.set(redis.replicas);
  }

  private gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    const gauge = new Gauge({
      name: `andon_fleet_${name}`,
      help: `${help}. ${OF_ALL}`,
      labelNames,
      registers: [],
    });
    this.all.push(gauge);
    if (labelNames.length === 0) this.plain.push(gauge);
    return gauge;
  }
}
