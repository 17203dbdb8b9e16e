import type { Redis } from 'ioredis';

/** Sentences. A problem is a reason not to start; a warning is not. */
export interface Preflight {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export interface PreflightOptions {
  /** For experiments: a Redis that may forget is only a warning. */
  readonly allowVolatile: boolean;
}

/** Whether a Redis can be trusted with the queues: what it is, and whether it keeps what it is given. */
export async function checkRedis(redis: Redis, options: PreflightOptions): Promise<Preflight> {
  // INFO tells it all, also where CONFIG is forbidden, as in many hosted services.
  const info = parseInfo(await redis.info());
  const problems = unfit(info);
  const volatile = forgetful(info);
  return options.allowVolatile
    ? { problems, warnings: volatile }
    : { problems: [...problems, ...volatile], warnings: [] };
}

type Facts = ReadonlyMap<string, string>;

function unfit(info: Facts): string[] {
  const problems: string[] = [];
  const version = info.get('redis_version') ?? 'of an unknown version';
  if (!atLeast(version, 6, 2)) problems.push(`Redis must be 6.2 or newer; this is ${version}.`);
  if (info.get('cluster_enabled') === '1') {
    problems.push('This is a Redis Cluster, which is not supported yet; use a single Redis.');
  }
  if (info.get('role') !== 'master') {
    problems.push(
      `Redis must be a master; this one is a ${info.get('role') ?? 'server of no role'}.`,
    );
  }
  return problems;
}

function forgetful(info: Facts): string[] {
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
