import type { RedisProcess } from '../../support/redis-shapes.js';
import { until } from '../../support/until.js';
import { now, pause } from './clock.js';
import type { PlannedFault } from './plan.js';
import { Sharded, Single, type Store, type Watched } from './store.js';

/** What a fault of Redis was, for whoever judges what it cost. */
export interface Blow {
  /** From when it could have come back: of a failover, its beginning. */
  readonly at: number;
  /** Since when a master may have done what its heir has not heard of. */
  readonly lost?: number;
  /** When that master surely took nothing more: one that was killed comes back as a master, too, until it is told. */
  readonly gone?: number;
  /** Since when it holds that locks end sooner than their time. */
  readonly locks?: number;
}

/** Makes a fault of Redis, keeps it up for its time, lifts it. */
export async function onRedis(planned: PlannedFault, store: Store): Promise<Blow> {
  const blow = await strike(planned, store);
  await store.ready();
  return { gone: now(), ...(blow ?? { at: now() }) };
}

async function strike(planned: PlannedFault, store: Store): Promise<Blow | undefined> {
  switch (planned.kind) {
    case 'redis clients killed':
      await all(store, 'CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'YES');
      return undefined;
    case 'redis scripts forgotten':
      await all(store, 'SCRIPT', 'FLUSH');
      return undefined;
    case 'slot move':
      await move(planned, store as Sharded);
      return undefined;
    case 'sentinels away':
      await sentinelsAway(planned, store as Watched);
      return undefined;
    default:
      return store instanceof Single ? onSingle(planned, store) : failover(planned, store as Heirs);
  }
}

async function all(store: Store, ...command: [string, ...string[]]): Promise<void> {
  for (const master of await store.masters()) await master.call(...command);
}

async function onSingle(
  { kind, ms, much }: PlannedFault,
  store: Single,
): Promise<Blow | undefined> {
  const { admin, server } = store;
  const from = now();
  switch (kind) {
    case 'redis kill':
      await server.kill();
      await pause(ms);
      server.launch();
      return undefined;
    case 'redis slow load':
      await server.kill();
      server.launch('--key-load-delay', String(await store.napEvery(ms)));
      return undefined;
    case 'redis tail cut':
      await server.kill();
      await store.cutTail(Math.round(100 + much * 20_000));
      await pause(ms);
      server.launch();
      return { at: now(), lost: from - 2_000 };
    case 'redis stall':
      server.stop();
      await pause(ms);
      server.cont();
      return undefined;
    case 'redis read-only':
      await admin.replicaof('127.0.0.1', 1);
      await pause(ms);
      await admin.replicaof('NO', 'ONE');
      return undefined;
    case 'redis full':
      await admin.config('SET', 'maxmemory', '1mb');
      await pause(ms);
      await admin.config('SET', 'maxmemory', '0');
      return undefined;
    case 'redis no clients':
      await admin.config('SET', 'maxclients', '4');
      await admin.call('CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'YES');
      await pause(ms);
      await admin.config('SET', 'maxclients', '4000');
      return undefined;
    case 'redis clock':
      // Forward it ends every lock at once; back it makes what waits for a time wait longer.
      await store.jump(much < 0.6 ? Math.ceil(much * 3_000) : -Math.ceil((much - 0.6) * 10));
      return { at: now(), locks: Number.NEGATIVE_INFINITY };
    default:
      throw new Error(`a single Redis knows no "${kind}"`);
  }
}

type Heirs = Watched | Sharded;

/** A master ends, hangs or steps down, and a replica of it takes over. */
async function failover({ kind, ms, much }: PlannedFault, store: Heirs): Promise<Blow> {
  const masters = await store.masters();
  const master = masters[Math.floor(much * masters.length)]!;
  const lagging = kind === 'master kill, replicas lag' ? await store.replicasOf(master) : [];
  const lost = now() - 1_000;
  // Stopped and cut off: what the master does from here on, they have not heard of when they go on.
  for (const replica of lagging) replica.stop();
  if (lagging.length > 0) {
    await master.call('CLIENT', 'KILL', 'TYPE', 'REPLICA');
    await pause(Math.min(ms, 900));
  }
  const at = now();
  const how = kind === 'master hang' ? 'stop' : kind === 'master steps down' ? 'command' : 'kill';
  if (how === 'kill') await master.kill();
  for (const replica of lagging) replica.cont();
  await takeOver(store, master, how);
  if (how === 'kill') await master.start();
  master.cont();
  return { at, lost };
}

/** Killing twice does no harm: a master that is dead already is only waited for. */
function takeOver(
  store: Heirs,
  master: RedisProcess,
  how: 'kill' | 'stop' | 'command',
): Promise<unknown> {
  if (store instanceof Sharded) return store.cluster.failover(master, how);
  // Just after a failover the Sentinels refuse another one for a while.
  if (how === 'command')
    return until('the Sentinels to fail over', () => store.set.failover('command'), 30_000);
  if (how === 'kill') return store.set.untilMasterIsNot(master);
  return store.set.failover(how);
}

/** Nobody can be asked who is master, while connections break. */
async function sentinelsAway({ ms }: PlannedFault, { set }: Watched): Promise<void> {
  await Promise.all(set.sentinels.map((one) => one.kill()));
  for (const server of set.servers) await server.call('CLIENT', 'KILL', 'TYPE', 'NORMAL');
  await pause(ms);
  await Promise.all(set.sentinels.map((one) => one.start()));
}

/** A slot that is in use moves to another master, key by key. */
async function move({ much }: PlannedFault, { cluster }: Sharded): Promise<void> {
  const slots = (await busySlots(cluster.nodes)).sort((a, b) => a - b);
  const slot = slots[Math.floor(much * slots.length)];
  if (slot === undefined) return;
  const home = await cluster.masterOf(slot);
  const others = (await cluster.masters()).filter((one) => one !== home);
  await cluster.moveSlot(slot, others[Math.floor(much * 97) % others.length]!, () => pause(5));
}

async function busySlots(nodes: readonly RedisProcess[]): Promise<number[]> {
  const slots = new Set<number>();
  for (const node of nodes.filter((one) => one.running)) {
    for (let n = 0; n < 5; n += 1) {
      const key = await node.call('RANDOMKEY');
      if (key) slots.add(Number(await node.call('CLUSTER', 'KEYSLOT', String(key))));
    }
  }
  return [...slots];
}
