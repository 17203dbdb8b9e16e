import type { Redis } from 'ioredis';
import { isCluster, mastersOf } from './cluster.js';

/** Sentences. A problem is a reason not to start; a warning is not. */
export interface Preflight {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export interface PreflightOptions {
  /** For experiments: a Redis that may forget is only a warning. */
  readonly allowVolatile: boolean;
  /** How many replicas there should be; fewer is a warning, since they may still come. */
  readonly replicas?: number;
}

/** Whether a Redis can be trusted with the queues: what it is, and whether it keeps what it is given. */
export async function checkRedis(redis: Redis, options: PreflightOptions): Promise<Preflight> {
  const found = await Promise.all(
    mastersOf(redis).map((one) => checkServer(one, isCluster(redis), options)),
  );
  const unique = (of: 'problems' | 'warnings') => [...new Set(found.flatMap((one) => one[of]))];
  return { problems: unique('problems'), warnings: unique('warnings') };
}

async function checkServer(
  redis: Redis,
  inCluster: boolean,
  options: PreflightOptions,
): Promise<Preflight> {
  const info = await readFacts(redis);
  const problems = unfit(info, inCluster);
  const volatile = forgetful(info);
  const odd = [
    ...tooFewReplicas(info, options.replicas ?? 0),
    ...otherTime(await clockSkew(redis)),
  ];
  return options.allowVolatile
    ? { problems, warnings: [...volatile, ...odd] }
    : { problems: [...problems, ...volatile], warnings: odd };
}

/** What a server says of itself, by name. */
export type Facts = ReadonlyMap<string, string>;

/** INFO tells it all, also where CONFIG is forbidden, as in many hosted services. */
export async function readFacts(redis: Redis): Promise<Facts> {
  return parseInfo(await redis.info());
}

/** Clocks that differ by more than this are worth a word. Milliseconds. */
const SKEW_MS = 5_000;

/** By how much this machine's clock is ahead of the server's, in milliseconds; the way there and back is allowed for. */
export async function clockSkew(redis: Redis): Promise<number> {
  const from = Date.now();
  const [seconds, micros] = (await redis.time()).map(Number);
  const to = Date.now();
  const theirs = (seconds ?? 0) * 1_000 + (micros ?? 0) / 1_000;
  if (theirs < from) return from - theirs;
  return theirs > to ? to - theirs : 0;
}

/** Nothing of ours is out of order then: queues go by the clock of Redis. What leaves this machine is. */
export function otherTime(skewMs: number): string[] {
  if (Math.abs(skewMs) <= SKEW_MS) return [];
  const way = skewMs > 0 ? 'ahead of' : 'behind';
  return [
    `The clock of this machine is ${Math.round(Math.abs(skewMs) / 1_000)} s ${way} that of Redis: far sides may refuse signatures, and times in logs and mails mislead. Let both follow a time server (NTP).`,
  ];
}

export function unfit(info: Facts, inCluster: boolean): string[] {
  const problems: string[] = [];
  const version = info.get('redis_version') ?? 'of an unknown version';
  if (!atLeast(version, 6, 2)) problems.push(`Redis must be 6.2 or newer; this is ${version}.`);
  if (info.get('cluster_enabled') === '1' && !inCluster) {
    problems.push(
      'This is a Redis Cluster: name several of its nodes (redis://host1,host2), or write redis+cluster:// for redis://.',
    );
  }
  if (info.get('role') !== 'master') {
    const of = info.has('master_host')
      ? `${info.get('master_host')}:${info.get('master_port')}`
      : 'another';
    problems.push(
      `Redis must be a master; this one is a replica of ${of}: name that one in REDIS_URL, or the Sentinels that know who it is (redis+sentinel://…).`,
    );
  }
  return problems;
}

export function forgetful(info: Facts): string[] {
  const problems: string[] = [];
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  if (policy !== 'noeviction') {
    problems.push(
      `maxmemory-policy is ${policy}, so a full Redis would delete items; set it to noeviction.`,
    );
  }
  // Snapshots alone lose what was accepted since the last one.
  if (info.get('aof_enabled') !== '1') {
    problems.push(
      'Redis keeps no append-only file, so a crash loses items; set appendonly to yes.',
    );
  }
  return problems;
}

export function tooFewReplicas(info: Facts, wanted: number): string[] {
  const there = Number(info.get('connected_slaves') ?? 0);
  if (there >= wanted) return [];
  return [
    `ANDON_DURABILITY is replicated, but ${there} of ${wanted} replicas are connected: until they are, every write is answered with 503.`,
  ];
}

function parseInfo(text: string): Facts {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [hasMajor = 0, hasMinor = 0] = version.split('.').map(Number);
  return hasMajor > major || (hasMajor === major && hasMinor >= minor);
}
