import { createHash } from 'node:crypto';

/**
 * Every Redis key that Andon touches, BullMQ's and ours. The Lua scripts get their names from here
 * too (`luaKeys`), so that no key is spelt twice.
 *
 * All keys of a shard carry one hash tag and so sit in one slot of a Redis Cluster:
 *   {andon:s0}:channel.12:wait     BullMQ's, one set of keys a queue
 *   {andon:s0}:andon:ready         ours, one set a shard, outside every queue's own key space
 *   {andon:registry}:endpoints     what spans the shards
 */
export type QueueName = string;

/** BullMQ numbers items a queue: each queue's numbers have a range of that size, those of ours are below all. */
export const ID_RANGE = 1_000_000_000;
/**
 * Ranges before this one stay free for the ids of ours, which jump whenever Redis was started again. Those after it
 * end with number 99,999: BullMQ's scripts write ids with 14 digits at most.
 */
export const FIRST_RANGE = 10_000;

export const PARALLEL: QueueName = 'parallel';

export const isBlocking = (queue: QueueName): boolean => queue !== PARALLEL;

/** BullMQ's keys of one queue that our scripts touch, as they are named in `bullmq` 6.7. */
const queueParts = [
  'wait',
  'active',
  'prioritized',
  'delayed',
  'completed',
  'failed',
  'paused',
  'meta',
  'events',
  'stalled',
  'limiter',
  'pc',
  'marker',
  'id',
] as const;

/** Our keys of one shard, and what each holds. */
const shardParts = {
  /** counter behind the queue ids */
  id: 'id',
  /** the last fence */
  fence: 'fence',
  /** string: replication id of the master that gave out the last queue ids */
  master: 'master',
  /** hash: queue id → queue name */
  items: 'items',
  /** zset: queue id → itself; the ids of `items` in their order */
  ids: 'ids',
  /** zset: queue → since when it could run; one for the blocking queues, one for the parallel queue */
  readyBlocking: 'ready:blocking',
  readyParallel: 'ready:parallel',
  /** zset with one member while something is ready: what idle workers block on */
  wakeBlocking: 'wake:blocking',
  wakeParallel: 'wake:parallel',
  /** zset: queue → when its hold or back-off ends */
  holds: 'holds',
  /** zset: "queue id" → since when the item is on hold, whatever was tried meanwhile */
  held: 'held',
  /** zset: queue that is blocked or paused → since when it stands so */
  standing: 'standing',
  /** zset, all scores 0: key of an entity in small letters, line feed, entity; found by how it begins */
  entities: 'entities',
  /** zset: "queue id" → when the lock of the delivery ends */
  inflight: 'inflight',
  /** zset: queue id → when it failed; the same for those set aside */
  failed: 'failed',
  skipped: 'skipped',
  resolved: 'resolved',
  /** hash, there while the whole fleet is paused: since when, by whom, why; the same in every shard */
  fleetPause: 'fleet-pause',
  /** streams */
  events: 'events',
  audit: 'audit',
} as const;

/** Our keys with a variable part, one a queue or entity or idempotency key of the shard. */
const shardPrefixes = {
  /** hash: what stops the queue, and its counters */
  line: 'line:',
  /** list: completed items, newest left, for retention */
  done: 'done:',
  /** hash: client, line feed, entity (`ruleOf`) → rule "keep skipping until the next add" */
  rules: 'rules:',
  /** zset: queue ids of the items of an entity */
  entity: 'entity:',
  /** string with expiry: what an idempotency key was answered with */
  idempotency: 'idempotency:',
  /**
   * list: what items that are done have caused and is not in its queue yet, oldest left, `OUTBOX_FIELDS`
   * elements each; one for every shard that it is going to
   */
  outbox: 'outbox:',
  /** list with expiry: when the last items of an endpoint with a rate limit started, newest left */
  rate: 'rate:',
  /** string with expiry: the last turn that was given to an item waiting for such an endpoint */
  rateTurn: 'rate-turn:',
} as const;

const LAYOUT_PART = 'layout';

/** Keys of the alerts, in a slot of their own, and what each holds. */
const alertParts = {
  /** string with expiry: whose turn it is to tell; every write of the alerter asks for it */
  lease: 'lease',
  /** counter behind the numbers of incidents */
  lastIncident: 'lastIncident',
  /** hash: incident → what it is */
  incidents: 'incidents',
  /** zset: incident → when it began; the open ones */
  open: 'open',
  /** zset: incident → when it ended; the newest are kept */
  closed: 'closed',
  /** hash: queue id → the trouble with that item, while its incident is open */
  troubles: 'troubles',
  /** hash: idempotency key → mail that has still to be enqueued, whole */
  outbox: 'outbox',
  /** zset: queue id of a mail → when it was enqueued: what fails there is not told by mail */
  mailIds: 'mailIds',
  /** hash: incident → who claimed or snoozed it */
  claims: 'claims',
  /** hash: recipients and overrides, and a version that grows with every change */
  routing: 'routing',
  /** hash: queue → up to when its completed items were told of */
  cursors: 'cursors',
  /** hash: address → successes that a mail will tell of */
  successes: 'successes',
  /** hash: what people should know about the alerts themselves */
  notices: 'notices',
} as const;
export type AlertKeys = Readonly<Record<keyof typeof alertParts, string>>;

/** Keys of the installation: few, small, in a slot of their own. */
const registryParts = {
  /** hash: "channel.12" → endpoint */
  endpoints: 'endpoints',
  /** string: another one after each change of the endpoints */
  endpointsStamp: 'endpointsStamp',
  /** hash: "channel.12" → secret settings of its connector, sealed; "webhook.crm" → what signs it, sealed */
  secrets: 'secrets',
  /** hash: webhook id → webhook */
  webhooks: 'webhooks',
  /** hash: queue → ordinal, from which BullMQ's own ids of that queue are spread */
  ordinals: 'ordinals',
  /** counter behind the ordinals */
  lastOrdinal: 'lastOrdinal',
  /** hash: ordinal → queue name */
  queueOfOrdinal: 'queueOfOrdinal',
  /** hash: key id → API key */
  apiKeys: 'apiKeys',
  /** hash: user name → user */
  users: 'users',
  /** prefix, SHA-256 of a session's id follows: string with expiry, the session */
  session: 'session:',
  /** prefix, a user's name follows: hash, SHA-256 of a session's id → when it ends at the latest */
  sessionsOf: 'sessionsOf:',
  /** prefix of what counts failed logins */
  logins: 'logins',
  /** prefix of what counts requests to the API */
  requests: 'requests',
  /** prefix of what counts visits by links of mails */
  actVisits: 'actVisits',
  /** prefix, a random id follows: string with expiry, a login under way at another provider */
  signIn: 'signIn:',
  /** list: ids of the newest bulk runs, newest left */
  bulkRuns: 'bulkRuns',
  /** hash: id → entry of the known-error book as an admin wrote it, or "removed" */
  knownErrors: 'knownErrors',
  /** hash: "id:followed" and "id:worked" → how often */
  knownErrorCounts: 'knownErrorCounts',
  /** hash: queue id → id of the entry whose advice was followed, until it is known what came of it */
  knownErrorsFollowed: 'knownErrorsFollowed',
  /** string: number of shards, fixed at the first start */
  shards: 'shards',
  /** string: number of the layout of all data, or "migrating 1 2"; in each shard too */
  layout: 'layout',
  /** string with expiry: the process that migrates */
  migrating: 'migrating',
  /** string: set when config/andon.yaml has been read in */
  seeded: 'seeded',
  /** string with expiry: the process that sweeps */
  sweeper: 'sweeper',
  /** string written by the readiness check */
  probe: 'probe',
  /** hash: id of a process → what it is */
  processes: 'processes',
  /** prefix, the id of a process follows: string with expiry, it lives */
  processLease: 'process:',
  /** string with expiry: figures over all queues, as one process of several read them for Prometheus */
  figures: 'figures',
  /** touched to find out what is on the replicas; one in each shard too */
  durable: 'durable',
  /** prefix of first-seen idempotency keys when there are several shards */
  idempotency: 'idempotency:',
} as const;
export type RegistryKeys = Readonly<Record<keyof typeof registryParts, string>>;

export interface ShardKeys {
  readonly index: number;
  /** BullMQ's `prefix`, and KEYS[1] of every script of ours. */
  readonly prefix: string;
  /**
   * KEYS[2] of every script of ours; there never is such a key. Two keys of which one is missing make a
   * Cluster refuse the script while it moves the slot (TRYAGAIN), before its first step; with one, it
   * would be stopped halfway, or run where the keys have not arrived yet.
   */
  readonly absent: string;
  readonly durable: string;
  readonly wakeBlocking: string;
  readonly wakeParallel: string;
}

/** The key of each part, under the same name. */
const named = <Name extends string>(
  parts: Readonly<Record<Name, string>>,
  key: (part: string) => string,
): Record<Name, string> =>
  Object.fromEntries(
    Object.entries<string>(parts).map(([name, part]) => [name, key(part)]),
  ) as Record<Name, string>;

/** Builds every key; see above for what each holds. */
export class Keys {
  readonly registry: RegistryKeys;
  readonly shards: readonly ShardKeys[];
  readonly alerts: AlertKeys;
  /** What `Scripts.run` takes for a script that works on the keys of the alerts. */
  readonly alertSlot: ShardKeys;

  /** @param prefix `ANDON_PREFIX` @param shardCount `ANDON_SHARDS` */
  constructor(prefix: string, shardCount: number) {
    this.registry = named(registryParts, (part) => `{${prefix}:registry}:${part}`);
    const alertTag = `{${prefix}:alerts}`;
    this.alertSlot = {
      index: -1,
      prefix: alertTag,
      absent: `${alertTag}:absent`,
      durable: `${alertTag}:durable`,
      wakeBlocking: '',
      wakeParallel: '',
    };
    this.alerts = named(alertParts, (part) => `${alertTag}:${part}`);
    this.shards = Array.from({ length: shardCount }, (_, index) => {
      const tag = `{${prefix}:s${index}}`;
      const ours = (part: string) => `${tag}:andon:${part}`;
      return {
        index,
        prefix: tag,
        absent: ours('absent'),
        durable: ours('durable'),
        wakeBlocking: ours(shardParts.wakeBlocking),
        wakeParallel: ours(shardParts.wakeParallel),
      };
    });
  }

  /** The shard of a queue: a stable hash of its name. */
  shardOf(queue: QueueName): ShardKeys {
    if (this.shards.length === 1) return this.shard(0);
    const hash = createHash('sha1').update(queue).digest().readUInt32BE(0);
    return this.shard(hash % this.shards.length);
  }

  /** The shard that gave out a queue id. */
  shardOfId(queueId: number): ShardKeys {
    return this.shard(queueId % this.shards.length);
  }

  private shard(index: number): ShardKeys {
    const shard = this.shards[index];
    if (!shard) throw new RangeError(`there is no shard ${index}`);
    return shard;
  }

  /** One of BullMQ's keys of a queue. */
  queue(queue: QueueName, part: (typeof queueParts)[number]): string {
    return `${this.shardOf(queue).prefix}:${queue}:${part}`;
  }

  /** The hash of one item. */
  item(queue: QueueName, queueId: number | string): string {
    return `${this.shardOf(queue).prefix}:${queue}:${queueId}`;
  }

  /** String with expiry: who delivers the item. */
  lock(queue: QueueName, queueId: number | string): string {
    return `${this.item(queue, queueId)}:lock`;
  }

  /** The log lines of one item, as BullMQ keeps them. */
  logs(queue: QueueName, queueId: number): string {
    return `${this.item(queue, queueId)}:logs`;
  }

  /** How many items finished, by the minute, as BullMQ keeps it. */
  metrics(queue: QueueName, type: 'completed' | 'failed'): string {
    return `${this.shardOf(queue).prefix}:${queue}:metrics:${type}`;
  }

  /** Hash with expiry: a bulk run and what became of each of its items. */
  bulkRun(id: string): string {
    return `${this.registry.bulkRuns}:${id}`;
  }

  /** String with expiry: the process that does the run lives. */
  bulkLease(id: string): string {
    return `${this.bulkRun(id)}:lease`;
  }

  /** One of our keys of a shard. */
  ours(shard: ShardKeys, part: keyof typeof shardParts): string {
    return `${shard.prefix}:andon:${shardParts[part]}`;
  }

  /** String: the layout of a shard's data, which each script asks for first. */
  layoutOf(shard: ShardKeys): string {
    return `${shard.prefix}:andon:${LAYOUT_PART}`;
  }

  /** The facts and counters of a queue. */
  line(queue: QueueName): string {
    return `${this.shardOf(queue).prefix}:andon:${shardPrefixes.line}${queue}`;
  }

  /** What items of a shard have caused in another, or the same, and is still under way. */
  outbox(from: ShardKeys, to: ShardKeys): string {
    return `${from.prefix}:andon:${shardPrefixes.outbox}${to.index}`;
  }

  /** When the last items of an endpoint with a rate limit started. */
  rate(endpoint: string): string {
    return `${this.shardOf(endpoint).prefix}:andon:${shardPrefixes.rate}${endpoint}`;
  }

  /** The rules of a queue. */
  rules(queue: QueueName): string {
    return `${this.shardOf(queue).prefix}:andon:${shardPrefixes.rules}${queue}`;
  }

  /**
   * Where a client's rule for an entity stands in the rules of a queue; null for the items of no client.
   * Undefined: where a rule of an older release does, which is one of all clients.
   */
  ruleOf(client: string | null | undefined, entity: string): string {
    return client === undefined ? entity : `${client ?? ''}\n${entity}`;
  }

  /** String with expiry: a link of a mail was used. @param token SHA-256 of it */
  acted(token: string): string {
    return `${this.alertSlot.prefix}:acted:${token}`;
  }

  /** The queue ids of an entity within a shard. */
  entity(shard: ShardKeys, entity: string): string {
    return `${shard.prefix}:andon:${shardPrefixes.entity}${entity}`;
  }
}

/** The same names for Lua: `line(name)` gives the keys of a queue, `shard` those of the shard in KEYS[1]. */
export const luaKeys: string = [
  'local PREFIX = KEYS[1]',
  "local OURS = PREFIX .. ':andon:'",
  `local LAYOUT_KEY = OURS .. '${LAYOUT_PART}'`,
  `local PARALLEL = '${PARALLEL}'`,
  `local FOREIGN_IDS = ${FIRST_RANGE * ID_RANGE}`,
  `local shard = { ${Object.entries(shardParts)
    .map(([name, part]) => `${name} = OURS .. '${part}'`)
    .join(', ')} }`,
  `local alerts = { ${Object.entries(alertParts)
    .map(([name, part]) => `${name} = PREFIX .. ':${part}'`)
    .join(', ')} }`,
  ...Object.entries(shardPrefixes).map(
    ([name, part]) => `local function ${name}Key(of) return OURS .. '${part}' .. of end`,
  ),
  'local function line(name)',
  "  local base = PREFIX .. ':' .. name .. ':'",
  `  return { name = name, base = base, blocking = name ~= PARALLEL, facts = lineKey(name), ${queueParts
    .map((part) => `${part} = base .. '${part}'`)
    .join(', ')} }`,
  'end',
].join('\n');
