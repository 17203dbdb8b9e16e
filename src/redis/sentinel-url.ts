import type { RedisOptions } from 'ioredis';

const form =
  /^redis\+sentinel:\/\/(?:([^:@/]*):([^@/]*)@)?([^@/?]+)\/([^/?]+)(?:\/(\d+))?(?:\?sentinelPassword=(.*))?$/;

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
    // The former master may take commands for ten seconds more until a Sentinel tells it; we go at once.
    failoverDetector: true,
    sentinelCommandTimeout: 1_000,
    sentinelRetryStrategy: (times) => Math.min(50 * times, 1_000),
    // Of those that tell of failovers. By default one that was restarted is listened to again after a minute.
    sentinelReconnectStrategy: (times) => Math.min(50 * times, 1_000),
  };
}

function parseHost(text: string): { host: string; port: number } {
  const { hostname, port } = new URL(`redis://${text}`);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 26_379) };
}
