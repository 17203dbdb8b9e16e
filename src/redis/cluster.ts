import { Cluster, type ClusterOptions, type Redis, type RedisOptions } from 'ioredis';

const form = /^(rediss?)(?:\+cluster)?:\/\/(?:([^:@/]*):([^@/]*)@)?([^@/?]+)\/?$/;

/** `redis://[user:password@]host1:port,host2:port` (several hosts), or `redis+cluster://` with one or more. */
export const isClusterUrl = (url: string): boolean =>
  /^rediss?\+cluster:/.test(url) || /^rediss?:\/\/[^/]*,/.test(url);

/**
 * A connection to a Redis Cluster. It speaks the same commands as one to a single Redis, each goes to
 * the node that has its key; what differs is asked with `nodeOf` and `mastersOf`.
 */
export function connectCluster(url: string, options: RedisOptions): Redis {
  const match = form.exec(url);
  if (!match) {
    throw new Error(
      'A Cluster URL must look like redis://:password@host1:6379,host2:6379 or redis+cluster://host:6379',
    );
  }
  const [, , username, password, hosts = ''] = match;
  const { retryStrategy, enableOfflineQueue: _, ...each } = options;
  const settings: ClusterOptions = {
    redisOptions: {
      ...each,
      ...(username ? { username: decodeURIComponent(username) } : {}),
      ...(password ? { password: decodeURIComponent(password) } : {}),
    },
    clusterRetryStrategy: retryStrategy,
    // A node that was restarted is the same node: without this it would be met again by chance only.
    clusterNodeRetryStrategy: retryStrategy ?? (() => 500),
    enableOfflineQueue: false,
    // What may have been carried out is never sent again: only the caller knows whether it may be.
    retryDelayOnFailover: 0,
    slotsRefreshTimeout: 2_000,
    slotsRefreshInterval: 2_000,
    maxRedirections: 8,
  };
  const nodes = hosts.split(',').map((text) => {
    const { hostname, port } = new URL(`redis://${text}`);
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6_379) };
  });
  return new Cluster(nodes, settings) as unknown as Redis;
}

export const isCluster = (redis: Redis): boolean => redis instanceof Cluster;

/** The connection to the server that has a key, as far as known; a single Redis has them all. */
export function nodeOf(redis: Redis, key: string): Redis | undefined {
  if (!((redis as unknown) instanceof Cluster)) return redis;
  const cluster = redis as unknown as Cluster;
  const name = cluster.slots[slotOf(key)]?.[0];
  return cluster.nodes('master').find(({ options }) => `${options.host}:${options.port}` === name);
}

/** CRC16 (XMODEM) of what stands in the braces, as the Cluster specification has it. */
function slotOf(key: string): number {
  const tag = /\{([^}]+)\}/.exec(key)?.[1] ?? key;
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1)
      crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc % 16_384;
}

/** Every server that must be fit. */
export const mastersOf = (redis: Redis): readonly Redis[] =>
  (redis as unknown) instanceof Cluster ? (redis as unknown as Cluster).nodes('master') : [redis];
