import { Redis, type RedisOptions } from 'ioredis';
import type { RedisTls } from '../config/redis-tls.js';
import { messageOf } from '../errors.js';
import { within } from '../lifecycle.js';
import type { Log } from '../log.js';
import { connectCluster, isClusterUrl } from './cluster.js';
import { SentinelRedis } from './sentinel-redis.js';
import { isSentinelUrl, parseSentinelUrl } from './sentinel-url.js';

/**
 * What a connection is for:
 *  api       answers or rejects every command within 1.5 s, also while Redis is away
 *  fleet     gives Redis 10 s, since workers would rather wait than give up
 *  blocking  carries blocking pops of up to 5 s
 */
export type ConnectionKind = 'api' | 'fleet' | 'blocking';

export interface ConnectOptions {
  /** Shown by CLIENT LIST. */
  readonly name: string;
  readonly kind: ConnectionKind;
  readonly log?: Log;
  /** How a `rediss` URL is proved. */
  readonly tls?: RedisTls | null | undefined;
}

/** Milliseconds. A connection that stays silent for `socketTimeout` is dead, even if TCP has not noticed. */
const patience: Record<ConnectionKind, RedisOptions> = {
  api: { commandTimeout: 1_500, socketTimeout: 5_000 },
  fleet: { commandTimeout: 10_000, socketTimeout: 15_000 },
  blocking: { socketTimeout: 15_000 },
};

/** Connects at once and for ever: a lost connection is made again until `closeRedis`. */
export function connectRedis(url: string, { name, kind, log, tls }: ConnectOptions): Redis {
  const options: RedisOptions = {
    ...patience[kind],
    connectionName: name,
    connectTimeout: 2_000,
    disconnectTimeout: 500,
    keepAlive: 10_000,
    maxLoadingRetryTime: 500,
    retryStrategy: (times) => Math.min(50 * 2 ** (times - 1), 1_000),
    // Redis says so after a failover, when we still talk to the former master.
    reconnectOnError: (error) => /\b(READONLY|UNBLOCKED)\b/.test(error.message),
    // A command whose reply is lost may have been carried out: only the caller knows whether it may
    // be sent again. So nothing is queued, nothing is sent twice, and a lost connection rejects
    // what was under way at once. With another number, or null, it would stay unanswered for ever.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    ...(url.startsWith('rediss') ? { tls: { ...tls }, sentinelTLS: { ...tls } } : {}),
  };
  return speakOfOutages(open(url, options), name, log);
}

function open(url: string, options: RedisOptions): Redis {
  if (isClusterUrl(url)) return connectCluster(url, options);
  if (isSentinelUrl(url)) return new SentinelRedis({ ...options, ...parseSentinelUrl(url) });
  return new Redis(url, options);
}

/**
 * One line when Redis goes, one for each other reason why it stays away, one when it is back. Without an
 * error listener every failed try is printed.
 */
function speakOfOutages(redis: Redis, connection: string, log?: Log): Redis {
  const told = new Set<string>();
  redis.on('error', (error: Error) => {
    const reason = reasonOf(error);
    const kind = reason.replace(/\d+/g, '');
    if (told.has(kind)) return;
    told.add(kind);
    log?.warn({ connection, reason }, 'Redis cannot be reached; trying again');
  });
  const away = new Set<string>();
  redis.on('sentinelError', ({ message }: Error) => {
    const host = /[^ ]+:\d+/.exec(message)?.[0] ?? message;
    if (!away.has(host)) log?.warn({ connection, reason: message }, 'A Sentinel cannot be reached');
    away.add(host);
  });
  redis.on('close', () => away.clear());
  redis.on('ready', () => {
    if (told.size > 0) log?.info({ connection }, 'Redis is back');
    told.clear();
  });
  return redis;
}

/** Node gives refused connections to several addresses as one error without a message. */
function reasonOf(error: Error & { code?: string }): string {
  const reason = error.message || error.code || error.name;
  if (untrusted.test(error.code ?? ''))
    return `the certificate of Redis is not trusted (${reason}): ANDON_REDIS_CA_FILE names the file of the CA that signed it`;
  if (/certificate required|handshake failure/i.test(reason))
    return `Redis asks for our certificate (${reason}): set ANDON_REDIS_CERT_FILE and ANDON_REDIS_KEY_FILE`;
  return reason;
}

/** What a certificate may be that proves nothing to us. */
const untrusted =
  /SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|CERT_UNTRUSTED|ERR_TLS_CERT_ALTNAME_INVALID/;

/** Resolves when commands can be sent; rejects with the last reason when that takes too long, or at `signal`. */
export async function untilReady(
  redis: Redis,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<void> {
  if (redis.status === 'ready') return;
  let reason = 'no answer';
  let wake: () => void = () => {};
  let giveUp: (error: Error) => void = () => {};
  const ready = new Promise<void>((resolve, reject) => {
    wake = resolve;
    giveUp = reject;
  });
  const note = (error: Error) => {
    reason = reasonOf(error);
    // No wait makes a password or a certificate right.
    if (/NOAUTH|WRONGPASS/.test(reason)) giveUp(error);
    if (/ANDON_REDIS_/.test(reason)) giveUp(new Error('Redis was not reached'));
  };
  const stop = () => giveUp(new Error('nobody waits any more'));
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  redis.on('error', note).once('ready', wake);
  try {
    await within(deadlineMs, ready, 'Redis was not reached');
  } catch (error) {
    throw new Error(`${messageOf(error)}: ${reason}`);
  } finally {
    signal?.removeEventListener('abort', stop);
    redis.off('error', note).off('ready', wake);
  }
}

/** Lets running commands finish until the deadline, then cuts the connection. Never rejects, never hangs. */
export async function closeRedis(redis: Redis, deadlineMs = 2_000): Promise<void> {
  // One to a master that Sentinels name may have ended by itself, and be about to be made again.
  if (redis.status === 'end') return redis.disconnect();
  const ended = new Promise<void>((resolve) => redis.once('end', resolve));
  if (redis.status === 'ready' && deadlineMs > 0) {
    await within(deadlineMs, redis.quit(), 'QUIT').catch(() => {});
  }
  // Between two tries there is no socket whose end could be awaited.
  const connected = redis.status !== 'reconnecting';
  redis.disconnect();
  if (connected) await within(1_000, ended, 'the end').catch(() => {});
}
