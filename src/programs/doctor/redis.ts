import type { Redis } from 'ioredis';
import type { Config } from '../../config/load.js';
import { messageOf } from '../../errors.js';
import { isCluster, mastersOf } from '../../redis/cluster.js';
import type { Keys } from '../../redis/keys.js';
import {
  clockSkew,
  type Facts,
  forgetful,
  otherTime,
  readFacts,
  tooFewReplicas,
  unfit,
} from '../../redis/preflight.js';
import { type Finding, fail, judged, megabytes, ok, warn } from './finding.js';

/** A write that takes longer is worth a look. Milliseconds. */
const SLOW_MS = 100;
/** Shares of the memory that Redis may use. */
const [NEARLY_FULL, FULL] = [0.8, 0.95];

/** Whether a Redis that answers can be trusted with the queues, each master for itself. */
export async function lookAtRedis(redis: Redis, keys: Keys, config: Config): Promise<Finding[]> {
  const masters = mastersOf(redis);
  const all = await Promise.all(
    masters.map(async (one) => {
      const found = await lookAtServer(one, isCluster(redis), config);
      const { host, port } = one.options;
      const which = masters.length > 1 ? ` ${host}:${port}` : '';
      return found.map((each) => ({ ...each, about: each.about + which }));
    }),
  );
  return [await roundTrip(redis, keys), ...all.flat()];
}

async function roundTrip(redis: Redis, keys: Keys): Promise<Finding> {
  const from = performance.now();
  try {
    await redis.set(keys.registry.probe, Date.now(), 'PX', 60_000);
  } catch (error) {
    const todo = 'Until it does, nothing is enqueued and nothing is carried out.';
    return fail('Redis', `takes no writes: ${messageOf(error)}`, todo);
  }
  const ms = performance.now() - from;
  const says = `answers a write in ${ms.toFixed(1)} ms`;
  if (ms <= SLOW_MS) return ok('Redis', says);
  return warn(
    'Redis',
    says,
    'Look at its load, its disk (append-only file) and the network between.',
  );
}

async function lookAtServer(redis: Redis, inCluster: boolean, config: Config): Promise<Finding[]> {
  const info = await readFacts(redis);
  const fact = (name: string) => info.get(name) ?? '?';
  const wanted = config.durability === 'replicated' ? config.replicas : 0;
  return [
    ...judged(
      'Redis version and role',
      unfit(info, inCluster),
      `${fact('redis_version')}, ${fact('role')}`,
    ),
    ...judged(
      'Redis keeps what it is given',
      forgetful(info),
      `maxmemory-policy ${fact('maxmemory_policy')}, append-only file on`,
    ),
    ...disk(info),
    ...judged(
      'replicas',
      tooFewReplicas(info, wanted),
      wanted > 0
        ? `${fact('connected_slaves')} connected, ${wanted} wanted`
        : `${fact('connected_slaves')} connected (ANDON_DURABILITY is local: none is waited for)`,
    ),
    memory(info),
    ...judged('clocks', otherTime(await clockSkew(redis)), 'this machine and Redis agree', 'warn'),
  ];
}

/** A Redis that cannot write to its disk says so only here, until it is restarted. */
function disk(info: Facts): Finding[] {
  const failed = [
    ['aof_last_write_status', 'its last write to the append-only file failed'],
    ['aof_last_bgrewrite_status', 'its last rewrite of the append-only file failed'],
    ['rdb_last_bgsave_status', 'its last snapshot failed'],
  ].filter(([name]) => info.get(name ?? '') === 'err');
  const todo = 'Is its disk full or read-only? Its own log says why.';
  return failed.map(([, says]) => fail('Redis disk', String(says), todo));
}

function memory(info: Facts): Finding {
  const number = (name: string) => Number(info.get(name) ?? 0);
  const [used, limit, machine] = [
    number('used_memory'),
    number('maxmemory'),
    number('total_system_memory'),
  ];
  const room = limit > 0 ? limit : machine;
  const share = room > 0 ? used / room : 0;
  const of =
    limit > 0 ? `${megabytes(limit)} that it may use` : `${megabytes(machine)} of its machine`;
  const says = `${megabytes(used)} used, of ${of} (${Math.round(share * 100)} %)`;
  const todo = 'Raise maxmemory, or keep fewer finished items (retention in andon.yaml).';
  if (share > FULL) return fail('Redis memory', says, todo);
  return share > NEARLY_FULL ? warn('Redis memory', says, todo) : ok('Redis memory', says);
}
