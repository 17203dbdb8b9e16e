import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { FleetSwitch } from '../../blocking/fleet-switch.js';
import type { Config } from '../../config/load.js';
import { type Figures, look } from '../../observability/figures.js';
import { Registry } from '../../queues/registry.js';
import { Standing } from '../../queues/standing.js';
import { readStatus } from '../../queues/status.js';
import type { Keys } from '../../redis/keys.js';
import { problemWith, readLayout } from '../../redis/layout.js';
import { Presence, type ProcessCard } from '../../redis/presence.js';
import { Scripts } from '../../redis/script.js';
import { openVault } from '../../start/secret-keys.js';
import { untold } from '../check.js';
import { type Finding, fail, ok, seconds, some, warn } from './finding.js';

/** An item that waits for longer is worth a look, in seconds. */
const OLD_S = 900;

/** What stands in the queues, and who is there to carry it out. Changes nothing. */
export async function lookAtWork(redis: Redis, keys: Keys, config: Config): Promise<Finding[]> {
  const data = await layout(redis, keys, config.prefix);
  // Nothing can be read that this program does not know, or that is not there yet.
  if (data.verdict !== 'ok') return [data, ...processes(await new Presence(redis, keys).all())];
  const scripts = new Scripts(redis, keys);
  const holdGraceMs = config.file.hold.graceMs;
  const figures = await look({ redis, scripts, keys, holdGraceMs });
  return [
    data,
    await shards(redis, keys),
    ...(await fleet(redis, scripts, keys)),
    ...(await secrets(redis, scripts, keys, config)),
    ...processes(await new Presence(redis, keys).all()),
    ...(await queues(redis, scripts, keys, figures)),
    oldest(figures),
    ...(await untold(config, redis)).map((line) =>
      warn('recipients', line.replace(/^warning: |: andon recipients.*/g, ''), todoIn(line)),
    ),
  ];
}

const todoIn = (line: string) => `${/andon recipients.*/.exec(line)?.[0] ?? 'andon recipients'}`;

async function layout(redis: Redis, keys: Keys, prefix: string): Promise<Finding> {
  const found = await readLayout(redis, keys);
  if (found.is === null && found.goingTo === null) {
    const todo = 'Start it: andon up. Is ANDON_PREFIX the one that the processes have?';
    return warn('data', `Andon has never run on this Redis under the prefix ${prefix}`, todo);
  }
  const problem = problemWith(found);
  if (!problem) return ok('data', `of layout ${found.is}, which this Andon writes`);
  return fail('data', problem.message, 'docs/upgrade.md says how an upgrade goes.');
}

async function shards(redis: Redis, keys: Keys): Promise<Finding> {
  const stored = await redis.get(keys.registry.shards);
  const wanted = String(keys.shards.length);
  if (stored === wanted) return ok('shards', wanted);
  const todo = `Set ANDON_SHARDS to ${stored} everywhere.`;
  return fail('shards', `ANDON_SHARDS is ${wanted}, but this installation has ${stored}`, todo);
}

async function fleet(redis: Redis, scripts: Scripts, keys: Keys): Promise<Finding[]> {
  const { paused, running } = await new FleetSwitch(redis, scripts, keys).state();
  if (!paused) return [];
  const { by, at, reason } = paused;
  const says = `the whole fleet is paused by ${by} since ${at}${reason ? `: ${reason}` : ''}; ${running} items still run`;
  return [warn('fleet', says, 'andon fleet resume lets it go on.')];
}

async function secrets(
  redis: Redis,
  scripts: Scripts,
  keys: Keys,
  config: Config,
): Promise<Finding[]> {
  // Looking must not make a key.
  if (config.secretKeys.length === 0 && !existsSync(join(config.dataDir, 'secret-key'))) return [];
  const registry = new Registry(redis, scripts, keys, await openVault(config));
  const { all, shut } = await registry.sealedForGood();
  if (shut.length === 0) return [ok('secrets', `all ${all} open`)];
  const todo =
    'Put the key that sealed them behind the present one in ANDON_SECRET_KEY (with a comma), or set these secrets again.';
  return [fail('secrets', `no key opens those of ${some(shut)}`, todo)];
}

export function processes(all: readonly ProcessCard[]): Finding[] {
  const having = (role: string) => all.filter((one) => one.roles.includes(role));
  const found = (
    [
      ['worker', 'fail', 'Items wait: start andon worker.'],
      ['api', 'warn', 'Nothing can be enqueued over HTTP: start andon api.'],
      ['alerts', 'warn', 'Nobody is told of failures: start andon alerts.'],
    ] as const
  ).map(([role, bad, todo]): Finding => {
    const these = having(role);
    if (these.length === 0) return { about: role, verdict: bad, says: 'none runs', todo };
    const where = some(these.map(({ host, pid }) => `${host} (process ${pid})`));
    return ok(role, `${these.length} run${these.length === 1 ? 's' : ''}: ${where}`);
  });
  const versions = [...new Set(all.map((one) => one.version))];
  if (versions.length <= 1) return found;
  const todo = 'Well while you upgrade; afterwards bring all to one.';
  return [...found, warn('versions', `several run: ${versions.join(', ')}`, todo)];
}

async function queues(
  redis: Redis,
  scripts: Scripts,
  keys: Keys,
  { queues: count, longestBlock, longestHold, ready }: Figures,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  if (count.blocked > 0) {
    const standing = await new Standing(redis, scripts, keys).queues();
    const blocked = (await readStatus(scripts, keys, standing)).filter((one) => one.blocked);
    const which = some(
      blocked.map((one) => `${one.name} (by item ${one.blockedBy?.queueId ?? '?'})`),
    );
    const says = `${count.blocked} of ${count.all} blocked, for ${seconds(longestBlock * 1_000)} at the most: ${which}`;
    findings.push(warn('queues', says, 'andon item ID says why; then retry, skip or resolve it.'));
  }
  if (count.overdue > 0) {
    const says = `${count.overdue} wait for their far side, for ${seconds(longestHold * 1_000)} at the most`;
    findings.push(warn('queues', says, 'They go on by themselves: is the shop or ERP down?'));
  }
  if (count.paused > 0) {
    const says = `${count.paused} paused by a person`;
    findings.push(warn('queues', says, 'andon queues tells which; andon resume QUEUE goes on.'));
  }
  const waits = Math.max(0, ...Object.values(ready).map((one) => one.longest));
  if (waits > 60) {
    const says = `queues that could run have waited ${seconds(waits * 1_000)} for a free worker`;
    findings.push(warn('queues', says, 'Start more workers, or raise ANDON_CONCURRENCY.'));
  }
  return findings.length > 0 ? findings : [ok('queues', `${count.all}, and none stands`)];
}

function oldest({ oldestItem, items }: Figures): Finding {
  const age = Math.max(0, ...Object.values(oldestItem));
  const waiting = items['waiting'] ?? 0;
  if (waiting === 0) return ok('oldest item', 'nothing waits');
  const says = `of ${waiting} that wait, the oldest does for ${seconds(age * 1_000)}`;
  if (age <= OLD_S) return ok('oldest item', says);
  return warn('oldest item', says, 'Is its queue blocked, held or paused? andon queues tells.');
}
