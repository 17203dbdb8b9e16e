import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { afterAll } from '@jest/globals';
import type { Redis } from 'ioredis';
import { loadConfig } from '../../src/config/load.js';
import type { Log } from '../../src/log.js';
import { closeRedis, connectRedis, untilReady } from '../../src/redis/connect.js';
import { Keys } from '../../src/redis/keys.js';
import { type Role, System } from '../../src/system.js';
import { silent } from './line.js';
import type { TestRedis } from './redis.js';
import { until } from './until.js';

export const SECRET_KEY: string = Buffer.alloc(32, 7).toString('base64');
export const BOOTSTRAP_KEY = 'boot.0123456789abcdef0123';

/** What tests read from a JSON answer; whether it is there is for them to expect. */
export interface Body {
  readonly queueId: number;
  readonly queue: string;
  readonly state: string;
  readonly mode: string;
  readonly position: number;
  readonly name: string;
  readonly id: string;
  readonly key: string;
  readonly secret: string;
  readonly type: string;
  readonly detail: string;
  readonly requestId: string;
  readonly title: string;
  readonly data: Record<string, unknown>;
  readonly errors: { pointer: string; detail: string }[];
  readonly history: Record<string, unknown>[];
  readonly counts: Record<string, number>;
  readonly items: Body[];
  readonly nextCursor: string | null;
  readonly [other: string]: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Empty when the answer is not JSON. */
  readonly body: Body;
}

export interface CallOptions {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Uint8Array;
  /** `id.secret`; null for none. The admin key unless given. */
  readonly key?: string | null;
  /** A list is sent as several headers of that name; undefined takes one away. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface ApiOptions {
  readonly roles?: readonly Role[];
  readonly url?: string;
  readonly prefix?: string;
  readonly config?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly log?: Log;
  readonly giveUp?: (why: string) => void;
}

const running = new Set<Api>();
afterAll(async () => {
  for (const api of running) await api.stop();
});

/** A running Andon with its HTTP API, spoken to as a customer would. Stopped after the tests of the file. */
export class Api {
  readonly prefix: string;
  readonly redisUrl: string;
  readonly keys: Keys;
  /** Looks into Redis past the API. */
  readonly redis: Redis;
  private readonly system: System;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });
  private stopping: Promise<void> | null = null;

  private constructor(redis: TestRedis, options: ApiOptions) {
    this.prefix = options.prefix ?? redis.freshPrefix();
    this.redisUrl = redis.url;
    this.keys = new Keys(this.prefix, 1);
    this.redis = connectRedis(redis.url, { name: 'test', kind: 'fleet' });
    const config = loadConfig({
      REDIS_URL: options.url ?? redis.url,
      ANDON_PREFIX: this.prefix,
      ANDON_PORT: '0',
      ANDON_CONFIG: options.config ?? 'test/support/empty.yaml',
      ANDON_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
      ANDON_SECRET_KEY: SECRET_KEY,
      ANDON_CONNECTOR_NETWORKS: '127.0.0.0/8',
      ...options.environment,
    });
    this.system = new System(config, {
      roles: options.roles ?? ['api'],
      log: options.log ?? silent,
      giveUp: options.giveUp ?? (() => {}),
    });
  }

  static async start(redis: TestRedis, options: ApiOptions = {}): Promise<Api> {
    const api = new Api(redis, options);
    running.add(api);
    await untilReady(api.redis, 5_000);
    await api.system.start();
    return api;
  }

  get url(): string {
    return this.system.url ?? '';
  }

  /** Where its health port listens, where one was asked for. */
  get healthUrl(): string {
    return this.system.healthUrl ?? '';
  }

  call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { key = BOOTSTRAP_KEY, body, raw } = options;
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const headers: Record<string, string | readonly string[] | undefined> = {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    };
    return new Promise((resolve, reject) => {
      const sent = request(new URL(path, this.url), { method, agent: this.agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const json = /json/.test(response.headers['content-type'] ?? '');
          const status = response.statusCode ?? 0;
          resolve({ status, headers: response.headers, text, body: json ? JSON.parse(text) : {} });
        });
      });
      sent.on('error', reject);
      for (const [name, value] of Object.entries(headers))
        if (value !== undefined) sent.setHeader(name, value);
      sent.end(payload);
    });
  }

  /** A call that must succeed; answers its body. */
  async ok(method: string, path: string, body?: unknown, key?: string): Promise<Body> {
    const answer = await this.call(method, path, { body, key });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  /** Registers an `http` channel, source or service. */
  put(kind: string, id: string, url = 'http://127.0.0.1:9/', more: object = {}): Promise<Body> {
    return this.ok('PUT', `/v1/${kind}s/${id}`, {
      description: `${kind} ${id}`,
      connector: { type: 'http', url },
      ...more,
    });
  }

  /** Products to add, in one batch, by their SKUs; answers their queue ids. */
  async add(channel: string, ...skus: string[]): Promise<number[]> {
    const items = skus.map((sku) => product(channel, sku));
    return (await this.ok('POST', '/v1/items/batch', { items })).items.map((one) => one.queueId);
  }

  item(queueId: number, key?: string): Promise<Body> {
    return this.ok('GET', `/v1/items/${queueId}`, undefined, key);
  }

  untilState(queueId: number | undefined, state: string): Promise<Body> {
    return until(`item ${queueId} to be ${state}`, async () => {
      const item = await this.item(queueId ?? 0);
      return item.state === state ? item : null;
    }) as Promise<Body>;
  }

  /** Every key under the prefix with its value, but for when API keys were last used, and how often. */
  async dump(): Promise<Record<string, string>> {
    const { keys } = this;
    const all: Record<string, string> = {};
    for (const name of (await this.redis.keys(`{${this.prefix}:*`)).sort()) {
      if (name.startsWith(keys.registry.requests)) continue;
      const value = await this.redis.dumpBuffer(name);
      all[name] = name === keys.registry.apiKeys ? await this.cards() : value.toString('base64');
    }
    return all;
  }

  private async cards(): Promise<string> {
    const cards = Object.entries(await this.redis.hgetall(this.keys.registry.apiKeys)).sort();
    return JSON.stringify(cards).replace(/\\"lastUsedAt\\":(null|\\"[^"\\]*\\")/g, '');
  }

  stop(): Promise<void> {
    this.stopping ??= this.close();
    return this.stopping;
  }

  private async close(): Promise<void> {
    running.delete(this);
    this.agent.destroy();
    await this.system.stop();
    await closeRedis(this.redis, 1_000);
  }
}

/** The body of an enqueue. */
export const product = (channel: string, sku: string, more: object = {}) => ({
  instruction: 'add_product',
  channel,
  data: { sku, title: sku },
  ...more,
});
