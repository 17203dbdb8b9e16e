import { Redis, type RedisOptions } from 'ioredis';
import type { RedisTls } from '../config/redis-tls.js';

const form =
  /^rediss?\+sentinel:\/\/(?:([^:@/]*):([^@/]*)@)?([^@/?]+)\/([^/?]+)(?:\/(\d+))?(?:\?sentinelPassword=(.*))?$/;

export const isSentinelUrl = (url: string): boolean => /^rediss?\+sentinel:/.test(url);

/**
 * `redis+sentinel://[user:password@]host1:port,host2:port/masterName[/db][?sentinelPassword=…]`.
 * User and password are those of the Redis servers. No standard URL parser takes several hosts.
 */
export function parseSentinelUrl(url: string): RedisOptions {
  const match = form.exec(url);
  if (!match) {
    throw new Error(
      'A Sentinel URL must look like redis+sentinel://:password@host1:26379,host2:26379/masterName',
    );
  }
  const [, username, password, hosts = '', name = '', db, sentinelPassword] = match;
  return {
    sentinels: hosts.split(',').map(parseHost),
    name: decodeURIComponent(name),
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(sentinelPassword ? { sentinelPassword: decodeURIComponent(sentinelPassword) } : {}),
    ...(db ? { db: Number(db) } : {}),
    // Sentinels are asked who is master, so they are spoken to the same way.
    enableTLSForSentinelMode: url.startsWith('rediss'),
    // The former master may take commands for ten seconds more until a Sentinel tells it; we go at once.
    failoverDetector: true,
    sentinelCommandTimeout: 1_000,
    sentinelRetryStrategy: (times) => Math.min(50 * times, 1_000),
    // Of those that tell of failovers. By default one that was restarted is listened to again after a minute.
    sentinelReconnectStrategy: (times) => Math.min(50 * times, 1_000),
  };
}

/** A connection to each of the Sentinels themselves, and what they call the master. */
export function connectSentinels(
  url: string,
  tls?: RedisTls | null,
): { name: string; sentinels: Redis[] } {
  const { name = '', sentinels = [], sentinelPassword } = parseSentinelUrl(url);
  const connected = sentinels.map((address) => {
    const redis = new Redis({
      ...address,
      ...(sentinelPassword ? { password: sentinelPassword } : {}),
      ...(url.startsWith('rediss') ? { tls: { ...tls } } : {}),
      connectionName: 'andon-heirs',
      enableReadyCheck: false,
      connectTimeout: 2_000,
      commandTimeout: 1_000,
      socketTimeout: 5_000,
      disconnectTimeout: 500,
      maxRetriesPerRequest: 0,
      retryStrategy: (times) => Math.min(50 * times, 1_000),
    });
    redis.on('error', () => {}); // one that is away gives no answer, which is what counts
    return redis;
  });
  return { name, sentinels: connected };
}

function parseHost(text: string): { host: string; port: number } {
  const { hostname, port } = new URL(`redis://${text}`);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 26_379) };
}
