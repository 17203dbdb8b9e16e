import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AndonClient, collect } from '../client/client.js';
import type { EndpointKind, EndpointSettings, Item, NewItem } from '../client/shapes.js';
import { loadConfig } from '../config/load.js';
import type { AnyConnectorType, Connector } from '../connectors/connector.js';
import { InvalidInput, messageOf } from '../errors.js';
import { pause } from '../lifecycle.js';
import { makeKey } from '../secrets/vault.js';
import { System } from '../system.js';

export interface KitOptions {
  /** A Redis to use, which must persist; without it a private one is started (needs `redis-server`). */
  readonly redisUrl?: string;
  /** Where modules lie, for endpoints with a `module` connector. */
  readonly modules?: string;
}

/** What `drain` found when nothing moved any more. */
export interface Drained {
  /** Every item of the queue, in the order of their queue ids. */
  readonly items: readonly Item[];
  /** The item that blocks the queue, if one does. */
  readonly blockedBy: Item | null;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const KEY = 'kit.0123456789abcdef0123456789';

/**
 * A whole Andon for a test: real Redis, API, workers, without a mail or a log line. Connectors are given
 * as objects (`connect`), or by their settings (`put`).
 */
export class TestAndon {
  readonly client: AndonClient;
  private readonly system: System;
  private readonly directory: string;
  private readonly given: Map<string, Connector>;

  private constructor(system: System, directory: string, given: Map<string, Connector>) {
    this.system = system;
    this.directory = directory;
    this.given = given;
    this.client = new AndonClient({ url: system.url ?? '', key: KEY });
  }

  static async start({ redisUrl, modules }: KitOptions = {}): Promise<TestAndon> {
    const directory = await mkdtemp(join(tmpdir(), 'andon-kit-'));
    // Settings of this machine's own Andon must not change what a test does.
    await writeFile(join(directory, 'andon.yaml'), '');
    const given = new Map<string, Connector>();
    const system = new System(configFor(directory, redisUrl, modules), {
      roles: ['api', 'worker'],
      log: silent,
      giveUp: () => {},
      connectors: [givenType(given)],
    });
    try {
      await system.start();
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
    return new TestAndon(system, directory, given);
  }

  /** Registers a channel, source or service that this connector serves. */
  async connect(kind: EndpointKind, id: string, connector: Connector): Promise<void> {
    this.given.set(`${kind}.${id}`, connector);
    await this.put(kind, id, { type: 'given', name: `${kind}.${id}` });
  }

  /** Registers one with settings, as over HTTP. Retries come without waiting. */
  async put(
    kind: EndpointKind,
    id: string,
    connector: EndpointSettings['connector'],
  ): Promise<void> {
    const retry = { firstDelayMs: 0, maxDelayMs: 0 };
    await this.client.putEndpoint(kind, id, { description: `${kind} ${id}`, connector, retry });
  }

  /** In one batch, in this order; answers their queue ids. */
  async enqueue(...items: readonly NewItem[]): Promise<number[]> {
    return (await this.client.enqueueBatch(items)).map(({ queueId }) => queueId);
  }

  /**
   * Waits until nothing of a queue moves any more: everything is dealt with, or its head has failed.
   * @throws when that takes longer than `withinMs` milliseconds
   */
  async drain(queue: string, withinMs = 20_000): Promise<Drained> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const { counts, blockedBy } = await this.client.queue(queue);
      const open = counts.waiting + counts.active + counts.backingOff;
      if (counts.active === 0 && (blockedBy || open === 0))
        return {
          items: await this.items(queue),
          blockedBy: blockedBy ? await this.client.item(blockedBy.queueId) : null,
        };
      if (Date.now() > deadline)
        throw new Error(`${queue} still has ${open} open items after ${withinMs} ms`);
      await pause(10);
    }
  }

  /** The first truthy answer of `look`, asked again and again. @throws after 20 s, naming `what` */
  async until<T>(what: string, look: () => Promise<T>, withinMs = 20_000): Promise<NonNullable<T>> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const answer = await look();
      if (answer) return answer;
      if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms in vain for ${what}`);
      await pause(10);
    }
  }

  /** All items of a queue, in the order of their queue ids. */
  async items(queue: string): Promise<Item[]> {
    const items = await collect(this.client.search({ queue }));
    return items.sort((a, b) => a.queueId - b.queueId);
  }

  /** An item with these fields is in the queue, in whatever state; answers it. */
  async assertQueued(queue: string, fields: Partial<Item>): Promise<Item> {
    const items = await this.items(queue);
    const found = items.find((item) => matches(item, fields));
    if (found) return found;
    const there = items.map(
      ({ instruction, title, state }) => `${instruction} ${title} (${state})`,
    );
    throw new assert.AssertionError({
      message: `${queue} has no item like ${JSON.stringify(fields)}; there are: ${there.join(', ') || 'none'}`,
      actual: items,
      expected: fields,
      operator: 'assertQueued',
    });
  }

  async assertNotQueued(queue: string, fields: Partial<Item>): Promise<void> {
    const found = (await this.items(queue)).find((item) => matches(item, fields));
    if (found)
      assert.fail(`${queue} has item ${found.queueId}, which is like ${JSON.stringify(fields)}`);
  }

  /** Safe twice; leaves nothing running and nothing on the disk. */
  async stop(): Promise<void> {
    await this.system.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

function configFor(directory: string, redisUrl: string | undefined, modules: string | undefined) {
  const config = loadConfig({
    ANDON_PORT: '0',
    ANDON_DATA_DIR: directory,
    ANDON_CONFIG: join(directory, 'andon.yaml'),
    ANDON_PREFIX: `kit${process.pid}-${Date.now().toString(36)}`,
    ANDON_BOOTSTRAP_KEY: KEY,
    ANDON_SECRET_KEY: makeKey(),
    ANDON_CONNECTOR_NETWORKS: '127.0.0.0/8',
    ...(redisUrl ? { REDIS_URL: redisUrl } : {}),
  });
  const limits = { ...config.file.modules, ...(modules ? { directory: modules } : {}) };
  const fleet = { ...config.file.fleet, tendMs: 20, sweepMs: 200, stopGraceMs: 500 };
  return { ...config, file: { ...config.file, fleet, modules: limits } };
}

/** Connectors that a test made itself, by name. */
const givenType = (given: ReadonlyMap<string, Connector>): AnyConnectorType => ({
  type: 'given',
  secrets: [],
  parse: (settings) => settings,
  create(settings) {
    const { name } = settings as { name: string };
    const connector = given.get(name);
    if (!connector)
      throw new InvalidInput([{ pointer: '/connector/name', detail: messageOf(name) }]);
    return connector;
  },
});

/** Every field that is asked for is there and the same, objects in depth. */
function matches(actual: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return actual === wanted;
  if (typeof actual !== 'object' || actual === null) return false;
  return Object.entries(wanted).every(([name, value]) =>
    matches((actual as Record<string, unknown>)[name], value),
  );
}
