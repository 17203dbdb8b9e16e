import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Redis } from 'ioredis';
import type { RedisTls } from '../config/redis-tls.js';
import { pause } from '../lifecycle.js';
import { isClusterUrl } from './cluster.js';
import { connectSentinels, isSentinelUrl } from './sentinel-url.js';

/** Who may take over from a master. */
export interface Heirs {
  /**
   * So many replicas must have a write of the master that `node` is connected to, so that none takes
   * over without it. Infinity: nobody can say.
   */
  needed(node: Redis): Promise<number>;
  close(): void;
}

/**
 * Of the servers behind a URL. Where nobody is known to choose an heir, only people do.
 * @param tls how a `rediss` URL is proved
 */
export function heirsOf(url: string, tls?: RedisTls | null): Heirs {
  if (isSentinelUrl(url)) {
    const { name, sentinels } = connectSentinels(url, tls);
    return new SentinelHeirs(name, sentinels);
  }
  if (isClusterUrl(url)) return new ClusterHeirs();
  return { needed: async () => 0, close: () => {} };
}

/** A replica as a Sentinel sees it. */
export interface Candidate {
  readonly address: string;
  /** It answers the Sentinel. */
  readonly up: boolean;
  /** It follows its master, as far as it says. */
  readonly linked: boolean;
  /** Lower goes first; 0 never takes over. */
  readonly priority: number;
  readonly offset: number;
}

/**
 * Those that the Sentinel might choose, by its own rule: of those that answer, the lowest priority, and
 * then who has read most. One that has lost its master is chosen only if no other one is ahead of it.
 */
export function eligible(all: readonly Candidate[]): Candidate[] {
  const able = all.filter((one) => one.up && one.priority > 0);
  const ahead = (one: Candidate) =>
    able.some(
      (other) =>
        other.linked &&
        other.priority <= one.priority &&
        other.offset > one.offset &&
        other !== one,
    );
  return able.filter((one) => one.linked || !ahead(one));
}

/** What a Sentinel last told. */
interface View {
  /** When it was asked. */
  readonly at: number;
  readonly masters: readonly string[];
  readonly replicas: readonly Candidate[];
}

/** An answer is good for so long, in milliseconds: less than a master must be away to be replaced. */
const FRESH_MS = 500;
/** Answers are asked for again when they are as old as that. */
const STALE_MS = 250;
/** So long a write waits for the Sentinels at most; one that was silent last time is not waited for. */
const LOOK_MS = 200;
/** And as long as none has ever told anything. */
const FIRST_MS = 2_000;

/**
 * Sentinels replace a master by the replica of their choice before anybody can hear of it: for up to
 * some seconds master and the other replicas go on, and lose what they say yes to. No Sentinel can be
 * asked whether that has begun. But whoever is promoted acknowledges nothing to its former master from
 * then on: so all that may be chosen must have a write. As long as most of the Sentinels tell, and agree
 * on the master, that is whoever they might choose; otherwise everybody they ever named.
 */
export class SentinelHeirs implements Heirs {
  private readonly name: string;
  private readonly sentinels: { readonly redis: Redis; view: View | null; silent: boolean }[];
  private asked = Number.NEGATIVE_INFINITY;
  private looking: Promise<unknown> = Promise.resolve();

  constructor(name: string, sentinels: readonly Redis[]) {
    this.name = name;
    this.sentinels = sentinels.map((redis) => ({ redis, view: null, silent: false }));
  }

  async needed(node: Redis): Promise<number> {
    if (performance.now() - this.asked > STALE_MS) this.looking = this.look();
    if (this.fresh().length < this.majority) await this.looking;
    const fresh = this.fresh();
    const master = addressOf(node);
    const agreed =
      fresh.length >= this.majority && fresh.every(({ masters }) => masters.includes(master));
    if (agreed) return new Set(fresh.flatMap((view) => eligible(view.replicas).map(address))).size;
    const views = this.sentinels.flatMap(({ view }) => view ?? []);
    const everybody = views.flatMap((view) => [
      ...view.masters.slice(0, 1),
      ...view.replicas.map(address),
    ]);
    return views.length === 0 ? Number.POSITIVE_INFINITY : new Set(everybody).size - 1;
  }

  close(): void {
    for (const { redis } of this.sentinels) redis.disconnect();
  }

  private get majority(): number {
    return Math.floor(this.sentinels.length / 2) + 1;
  }

  private fresh(): View[] {
    const since = performance.now() - FRESH_MS;
    return this.sentinels.flatMap(({ view }) => (view && view.at > since ? [view] : []));
  }

  private async look(): Promise<void> {
    this.asked = performance.now();
    const answers = this.sentinels.map((one) => this.ask(one));
    const heard = this.sentinels.flatMap((one, n) => (one.silent ? [] : [answers[n]]));
    for (const one of this.sentinels) one.silent = true; // until it answers
    const patience = this.sentinels.some(({ view }) => view) ? LOOK_MS : FIRST_MS;
    const over = new AbortController();
    await Promise.race([Promise.all(heard), pause(patience, over.signal)]);
    over.abort();
  }

  private async ask(one: (typeof this.sentinels)[number]): Promise<void> {
    const at = performance.now();
    try {
      const [master, replicas] = await Promise.all([
        one.redis.call('SENTINEL', 'MASTER', this.name),
        one.redis.call('SENTINEL', 'REPLICAS', this.name),
      ]);
      one.view = await viewOf(at, master, replicas);
      one.silent = false;
    } catch {
      // It is away: what it told before grows old.
    }
  }
}

/**
 * In a Cluster the masters vote for a replica. Its former master hears of that within milliseconds once
 * it is awake, yet may say yes to what it finds waiting: so every replica counts that has not failed.
 */
export class ClusterHeirs implements Heirs {
  private readonly known = new WeakMap<
    Redis,
    { readonly at: number; readonly told: Promise<number> }
  >();

  needed(node: Redis): Promise<number> {
    const known = this.known.get(node);
    if (known && performance.now() - known.at < FRESH_MS) return known.told;
    const told = replicasOf(node);
    told.catch(() => this.known.delete(node)); // the asker is told by `told` itself
    this.known.set(node, { at: performance.now(), told });
    return told;
  }

  close(): void {}
}

async function replicasOf(node: Redis): Promise<number> {
  const lines = String(await node.call('CLUSTER', 'NODES'))
    .split('\n')
    .map((line) => line.split(' '));
  const [id] = lines.find(([, , flags]) => flags?.includes('myself')) ?? [];
  const replicas = lines.filter(([, , , master]) => master !== undefined && master === id);
  return replicas.filter(([, , flags = '']) => !flags.split(',').includes('fail')).length;
}

const address = ({ address }: Candidate) => address;
const addressOf = ({ stream }: Redis) =>
  `${(stream?.remoteAddress ?? '').replace(/^::ffff:/, '')}:${stream?.remotePort}`;

/** Replies are lists of names and values. */
async function viewOf(at: number, master: unknown, replicas: unknown): Promise<View> {
  const { ip = '', port = '' } = fields(master);
  const hosts = isIP(ip) ? [ip] : (await lookup(ip, { all: true })).map((found) => found.address);
  return {
    at,
    masters: [ip, ...hosts].map((host) => `${host}:${port}`),
    replicas: (Array.isArray(replicas) ? replicas : []).map((reply) => {
      const told = fields(reply);
      return {
        address: `${told['ip']}:${told['port']}`,
        up: !/_down/.test(told['flags'] ?? ''),
        linked: told['master-link-status'] === 'ok',
        priority: Number(told['slave-priority']),
        offset: Number(told['slave-repl-offset']),
      };
    }),
  };
}

function fields(reply: unknown): Record<string, string> {
  const list: readonly unknown[] = Array.isArray(reply) ? reply : [];
  const pairs = list.flatMap((name, n) => (n % 2 ? [] : [[String(name), String(list[n + 1])]]));
  return Object.fromEntries(pairs);
}
