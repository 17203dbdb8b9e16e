import { afterEach } from '@jest/globals';
import { Deliveries } from '../../src/blocking/deliveries.js';
import { Transitions } from '../../src/blocking/transitions.js';
import { type Config, loadConfig } from '../../src/config/load.js';
import type { FileConfig } from '../../src/config/schema.js';
import type { Connector, Delivery, Outcome } from '../../src/connectors/connector.js';
import { Fleet } from '../../src/fleet/fleet.js';
import { loadCatalogue } from '../../src/instructions/catalogue.js';
import { entityOf, titleOf } from '../../src/instructions/entity.js';
import { route } from '../../src/instructions/route.js';
import type { JsonObject } from '../../src/json.js';
import { type Accepted, Enqueuer, type Ticket } from '../../src/queues/enqueue.js';
import { Finder } from '../../src/queues/find.js';
import type { Item, ItemState } from '../../src/queues/item.js';
import { type Endpoint, type EndpointKind, Registry } from '../../src/queues/registry.js';
import { type QueueStatus, readStatus } from '../../src/queues/status.js';
import { closeRedis, connectRedis, untilReady } from '../../src/redis/connect.js';
import { Keys, PARALLEL } from '../../src/redis/keys.js';
import { Scripts } from '../../src/redis/script.js';
import type { TestRedis } from './redis.js';
import { until } from './until.js';

export const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** What a delivery should come to: an outcome, or a function that decides at each attempt. */
export type Script = (delivery: Delivery) => Outcome | Promise<Outcome>;

export const done: Outcome = { kind: 'done' };
export const failure = { message: 'the shop said no', cause: 'data' } as const;
export const fail: Outcome = { kind: 'fail', failure };
export const tryAgain: Outcome = { kind: 'retry', failure };

const catalogue = loadCatalogue();

/**
 * A line on real Redis: registry, enqueue, fleet and operator verbs, with a connector that does as
 * scripted and writes down what was started in which order. Everything is stopped after the test.
 */
export class Line {
  readonly keys: Keys;
  readonly prefix: string;
  readonly config: Config;
  readonly registry: Registry;
  readonly scripts: Scripts;
  readonly enqueuer: Enqueuer;
  readonly finder: Finder;
  readonly transitions: Transitions;
  readonly deliveries: Deliveries;
  readonly redis;
  /** Titles of the items in the order in which their deliveries started. */
  readonly started: string[] = [];
  /** Deliveries that run now, by queue, and the most there ever were. */
  readonly running = new Map<string, number>();
  readonly mostRunning = new Map<string, number>();
  script: Script = () => done;
  /** The connector's ping; none unless a test brings one. */
  ping: Connector['ping'];
  /** The connector's look at what became of an item; none unless a test brings one. */
  verify: Connector['verify'];
  /** Called while a connector is made. */
  making: () => void = () => {};
  private readonly url: string;
  private readonly fleets: Fleet[] = [];
  readonly gaveUp: string[] = [];

  constructor(redis: TestRedis, options: LineOptions = {}) {
    this.url = options.url ?? redis.url;
    this.prefix = options.prefix ?? redis.freshPrefix();
    this.config = configFor(this.prefix, options);
    this.keys = new Keys(this.prefix, this.config.shards);
    this.redis = connectRedis(this.url, { name: 'test', kind: 'fleet' });
    this.scripts = new Scripts(this.redis, this.keys);
    this.registry = new Registry(this.redis, this.scripts, this.keys);
    this.enqueuer = new Enqueuer(this.redis, this.scripts, this.keys);
    this.finder = new Finder(this.redis, this.scripts, this.keys, this.registry);
    this.transitions = new Transitions(this.scripts, this.keys, catalogue);
    this.deliveries = new Deliveries(this.scripts, this.keys, {
      lockMs: this.config.lockMs,
      worker: 'by-hand',
      keepFinished: this.config.file.retention.completed.count,
    });
    lines.add(this);
  }

  async ready(...channels: string[]): Promise<this> {
    await untilReady(this.redis, 5_000);
    await this.registry.spreadIds(PARALLEL);
    for (const id of channels) await this.put('channel', id);
    return this;
  }

  async put(
    kind: EndpointKind,
    id: string,
    retry: FileConfig['retry'][string] | null = null,
    connector: Endpoint['connector'] = { type: 'scripted' },
    rateLimit: Endpoint['rateLimit'] = null,
    more: Partial<Endpoint> = {},
  ): Promise<void> {
    await this.registry.put(
      {
        kind,
        id,
        description: `${kind} ${id}`,
        client: null,
        connector,
        retry,
        rateLimit,
        resendUnknown: false,
        recordUrl: null,
        ...more,
      },
      {},
    );
  }

  /** A worker process's fleet, in this process. */
  async startFleet(): Promise<Fleet> {
    const fleet = new Fleet({
      config: this.config,
      keys: this.keys,
      catalogue,
      log: silent,
      giveUp: (why) => this.gaveUp.push(why),
      open: (kind, name) => connectRedis(this.url, { name, kind }),
      close: (redis) => closeRedis(redis, 1_000),
      connect: async () => {
        this.making();
        return {
          deliver: (delivery) => this.deliver(delivery),
          ...(this.ping && { ping: this.ping }),
          ...(this.verify && { verify: this.verify }),
        };
      },
    });
    this.fleets.push(fleet);
    await fleet.start();
    return fleet;
  }

  private async deliver(delivery: Delivery): Promise<Outcome> {
    const queue = delivery.mode === 'blocking' ? `channel.${delivery.channel}` : 'parallel';
    this.started.push(String(delivery.data['title'] ?? delivery.data['orderNumber']));
    const now = (this.running.get(queue) ?? 0) + 1;
    this.running.set(queue, now);
    this.mostRunning.set(queue, Math.max(now, this.mostRunning.get(queue) ?? 0));
    try {
      return await this.script(delivery);
    } finally {
      this.running.set(queue, (this.running.get(queue) ?? 1) - 1);
    }
  }

  /** Enqueues products by title, in one batch; each is its own entity unless `sku` says otherwise. */
  async add(channel: string, ...titles: string[]): Promise<Ticket[]> {
    return this.enqueuer.enqueue(titles.map((title) => product(channel, title)));
  }

  async item(queueId: number): Promise<Item> {
    const item = await this.finder.item(queueId);
    if (!item) throw new Error(`there is no item ${queueId}`);
    return item;
  }

  async untilState(queueId: number, state: ItemState): Promise<Item> {
    return until(`item ${queueId} to be ${state}`, async () => {
      const item = await this.item(queueId);
      return item.state === state ? item : undefined;
    });
  }

  async status(queue: string): Promise<QueueStatus> {
    const [status] = await readStatus(
      this.scripts,
      this.keys,
      [queue],
      this.config.file.hold.graceMs,
    );
    if (!status) throw new Error(`there is no queue ${queue}`);
    return status;
  }

  untilStarted(count: number, deadlineMs?: number): Promise<unknown> {
    return until(
      `${count} deliveries to start (so far: ${this.started.join(' ')})`,
      () => this.started.length >= count,
      deadlineMs,
    );
  }

  async stopFleets(): Promise<void> {
    await Promise.all(this.fleets.map((fleet) => fleet.stop()));
  }

  async close(): Promise<void> {
    await this.stopFleets();
    await closeRedis(this.redis, 1_000);
  }
}

export interface LineOptions {
  readonly url?: string;
  readonly prefix?: string;
  readonly environment?: Record<string, string>;
  readonly fleet?: Partial<FileConfig['fleet']>;
  readonly hold?: Partial<FileConfig['hold']>;
  readonly keep?: number;
  readonly retention?: Partial<FileConfig['retention']>;
}

const lines = new Set<Line>();

afterEach(async () => {
  for (const line of lines) await line.close();
  lines.clear();
});

/** Quick enough for tests: nothing here changes what is promised, only how long it takes. */
function configFor(prefix: string, options: LineOptions): Config {
  const config = loadConfig({
    ANDON_PREFIX: prefix,
    ANDON_CONFIG: 'test/support/empty.yaml',
    ANDON_LOCK_MS: '1000',
    ...options.environment,
  });
  const fleet = {
    ...config.file.fleet,
    tendMs: 20,
    sweepMs: 200,
    stopGraceMs: 500,
    ...options.fleet,
  };
  const kept = config.file.retention;
  const retention = {
    ...kept,
    ...(options.keep === undefined
      ? {}
      : { completed: { ...kept.completed, count: options.keep } }),
    ...options.retention,
  };
  const hold = { ...config.file.hold, firstMs: 50, maxMs: 100, ...options.hold };
  return { ...config, file: { ...config.file, fleet, retention, hold } };
}

/** A product to add, as the API would have accepted it. */
export function product(
  channel: string,
  title: string,
  more: Partial<Accepted> & { sku?: string } = {},
): Accepted {
  const { sku = title, ...rest } = more;
  return accept(rest.instruction ?? 'add_product', { channel }, { sku, title }, rest);
}

export function accept(
  instruction: string,
  target: { channel?: string; source?: string },
  data: JsonObject,
  more: Partial<Accepted> = {},
): Accepted {
  const entry = catalogue.get(instruction);
  if (!entry) throw new Error(`no instruction ${instruction}`);
  const way = route(entry, target);
  if ('pointer' in way) throw new Error(way.detail);
  const entity = entityOf(entry, data);
  return {
    queue: way.queue,
    instruction,
    data,
    title: titleOf(entity, data),
    entity,
    barrier: entry.barrier,
    channel: target.channel ?? null,
    source: target.source ?? null,
    client: null,
    idempotencyKey: null,
    ...more,
  };
}

/** A line whose channel 12 is blocked by `a`, with `b` behind it; every delivery fails until told otherwise. */
export async function blockedByA(redis: TestRedis): Promise<{ line: Line; a: Ticket | undefined }> {
  const line = await new Line(redis).ready('12');
  line.script = () => fail;
  await line.startFleet();
  const [a] = await line.add('12', 'a', 'b');
  await line.untilState(a!.queueId, 'failed');
  return { line, a };
}
