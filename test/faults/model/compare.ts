import { isDeepStrictEqual } from 'node:util';
import { readStatus } from '../../../src/queues/status.js';
import { type Model, type ModelQueue, QUEUES } from './model.js';
import type { World } from './world.js';

type Picture = Record<string, unknown>;

const PARTS = ['wait', 'active', 'delayed', 'failed', 'completed'] as const;
const FACTS = ['blockedBy', 'pausedBy', 'heldBy', 'heldKind'] as const;
/** Above any rank, below any time. */
const LATER = 1_000_000_000;
const rankOf = (score: string | number) => (Number(score) < LATER ? Number(score) : 'later');

/** Everything in Redis is what the model says, and no promise is broken. */
export async function compare(
  model: Model,
  world: World,
  readyBefore: ReadonlySet<string>,
): Promise<void> {
  const { real, states, woken } = await look(model, world);
  const wanted = picture(model);
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(real)])) {
    if (!isDeepStrictEqual(wanted[key], real[key])) {
      const [is, should] = [JSON.stringify(real[key]), JSON.stringify(wanted[key])];
      throw new Error(`${key}\n  is        ${is}\n  should be ${should}`);
    }
  }
  world.witness.saw(states);
  for (const q of model.queues.values()) {
    if (q.ready && !readyBefore.has(q.name) && !woken[q.blocking ? 'blocking' : 'parallel']) {
      throw new Error(`P6: ${q.name} became ready and no worker is roused`);
    }
  }
  for (const q of model.queues.values()) {
    const idle = !model.stopped(q) && model.hasWork(q) && !(q.blocking && q.active.length > 0);
    if (idle && !q.turned && !q.ready && q.holds !== 'due')
      throw new Error(`P6: ${q.name} could run and nobody knows`);
    if (model.delayed(q).some((one) => one.due === 'later') && q.holds === null) {
      throw new Error(`P7: nothing will wake the delayed items of ${q.name}`);
    }
  }
}

async function look(model: Model, world: World) {
  const { redis, keys, scripts } = world.line;
  const { shard } = world;
  const items = [...model.items.values()];
  const pipeline = redis.pipeline();
  for (const name of QUEUES) {
    pipeline.lrange(keys.queue(name, 'wait'), 0, -1);
    pipeline.lrange(keys.queue(name, 'active'), 0, -1);
    pipeline.zrange(keys.queue(name, 'delayed'), '0', '-1', 'WITHSCORES');
    pipeline.zrange(keys.queue(name, 'failed'), '0', '-1');
    pipeline.zrange(keys.queue(name, 'completed'), '0', '-1');
    pipeline.hmget(keys.line(name), ...FACTS);
    pipeline.hmget(keys.queue(name, 'meta'), 'paused', 'concurrency');
    pipeline.hkeys(keys.rules(name));
  }
  const ours = QUEUES.length * 8;
  pipeline.zrange(keys.ours(shard, 'readyBlocking'), '0', '-1');
  pipeline.zrange(keys.ours(shard, 'readyParallel'), '0', '-1');
  pipeline.exists(shard.wakeBlocking);
  pipeline.exists(shard.wakeParallel);
  pipeline.zrange(keys.ours(shard, 'holds'), '0', '-1', 'WITHSCORES');
  pipeline.zrange(keys.ours(shard, 'inflight'), '0', '-1', 'WITHSCORES');
  pipeline.zrange(keys.ours(shard, 'failed'), '0', '-1');
  pipeline.zrange(keys.ours(shard, 'held'), '0', '-1');
  for (const { id, queue } of items) pipeline.get(`${keys.item(queue, id)}:lock`);
  const [replies, read, status] = await Promise.all([
    pipeline.exec(),
    items.length > 0
      ? scripts.run('read', shard, ['0', ...items.flatMap(({ id, queue }) => [queue, id])])
      : [],
    readStatus(scripts, keys, QUEUES),
  ]);
  const got = replies!.map(([error, value]) => {
    if (error) throw error;
    return value;
  });
  const list = (at: number) => got[at] as string[];
  const ids = (at: number) => list(at).map(Number);
  const scored = (at: number) =>
    list(at).flatMap((member, n, all) => (n % 2 ? [] : [[member, rankOf(all[n + 1]!)] as const]));
  const [readyBlocking, readyParallel, holds] = [list(ours), list(ours + 1), scored(ours + 4)];

  const real: Picture = {};
  for (const [n, name] of QUEUES.entries()) {
    const at = n * 8;
    const [paused, concurrency] = list(at + 6);
    const hold = holds.find(([queue]) => queue === name);
    real[`${name} wait`] = ids(at).reverse();
    real[`${name} active`] = ids(at + 1).reverse();
    real[`${name} delayed`] = byId(scored(at + 2).map(([id, due]) => [Number(id), due]));
    real[`${name} failed`] = sorted(ids(at + 3));
    real[`${name} completed`] = sorted(ids(at + 4));
    real[`${name} facts`] = list(at + 5).map((fact) => fact ?? null);
    real[`${name} switch`] = paused ? (paused === 'andon' ? 'ours' : 'stock') : null;
    real[`${name} concurrency`] = concurrency ? Number(concurrency) : null;
    real[`${name} rules`] = list(at + 7).sort();
    real[`${name} ready`] = [...readyBlocking, ...readyParallel].includes(name);
    real[`${name} holds`] = hold ? (hold[1] === 'later' ? 'later' : 'due') : null;
    const { blocked, paused: isPaused, counts, state, blockedBy } = status[n]!;
    real[`${name} status`] = { state, blocked, isPaused, by: blockedBy?.queueId ?? null, counts };
    const all = PARTS.flatMap((part, p) =>
      part === 'delayed' ? scored(at + p).map(([id]) => +id) : ids(at + p),
    );
    if (new Set(all).size < all.length)
      throw new Error(`P7: an item of ${name} sits twice: ${all}`);
  }
  real['inflight'] = byId(
    scored(ours + 5).map(([member, rank]) => [Number(member.split(' ')[1]), rank]),
  );
  real['held'] = sorted(list(ours + 7).map((member) => Number(member.split(' ')[1])));
  const findable = new Set(ids(ours + 6));
  const states = new Map<number, string>();
  for (const [n, { id }] of items.entries()) {
    const [state, , fields] = (read as [string, number, string[]][])[n]!;
    states.set(id, state);
    if ((state === 'failed' || state === 'removed') && !findable.has(id)) {
      throw new Error(`P7: ${id} failed and no search finds it`);
    }
    real[`item ${id}`] = { state, lock: got[ours + 8 + n], ...fieldsOf(fields) };
  }
  return {
    real,
    states,
    woken: { blocking: got[ours + 2] === 1, parallel: got[ours + 3] === 1 },
  };
}

function fieldsOf(flat: readonly string[]): Picture {
  if (flat.length === 0) return {};
  const hash = new Map(flat.flatMap((field, n) => (n % 2 ? [] : [[field, flat[n + 1]!] as const])));
  const number = (field: string) => Number(hash.get(field) ?? 0);
  const outcome = hash.get('outcome');
  const details = hash.get('outcomeDetails');
  const setAside = outcome === 'skipped' || outcome === 'resolved';
  return {
    sku: hash.get('entity')?.slice('sku:'.length) || null,
    tries: number('tries'),
    deaths: number('deaths'),
    starts: number('ats'),
    begun: hash.get('begun') ?? 'no',
    by: setAside && details ? JSON.parse(details).actor : null,
  };
}

function picture(model: Model): Picture {
  const wanted: Picture = {};
  for (const q of model.queues.values()) {
    const here = [...model.items.values()].filter((one) => one.queue === q.name);
    const at = (...places: string[]) =>
      here.filter((one) => places.includes(one.place)).map((one) => one.id);
    wanted[`${q.name} wait`] = q.wait;
    wanted[`${q.name} active`] = q.active;
    wanted[`${q.name} delayed`] = model.delayed(q).map(({ id, due }) => [id, due]);
    wanted[`${q.name} failed`] = at('failed');
    wanted[`${q.name} completed`] = at('completed', 'skipped', 'resolved');
    wanted[`${q.name} facts`] = FACTS.map((fact) => (q[fact] === null ? null : String(q[fact])));
    wanted[`${q.name} switch`] = q.switch;
    wanted[`${q.name} concurrency`] = q.concurrency;
    wanted[`${q.name} rules`] = [...q.rules.keys()].map((sku) => `\nsku:${sku}`).sort();
    wanted[`${q.name} ready`] = q.ready;
    wanted[`${q.name} holds`] = q.holds;
    wanted[`${q.name} status`] = status(q, at, model);
  }
  const items = [...model.items.values()];
  wanted['inflight'] = items
    .filter((one) => one.inflight !== null)
    .map((one) => [one.id, one.inflight]);
  const open = ['wait', 'active', 'delayed'];
  wanted['held'] = sorted(
    items.filter((one) => one.onHold && open.includes(one.place)).map((one) => one.id),
  );
  for (const item of items) {
    const { id, place, lock, sku, tries, deaths, starts, begun, by } = item;
    const there = place !== 'removed' && place !== 'forgotten';
    wanted[`item ${id}`] = {
      state: model.stateOf(item),
      lock,
      ...(there ? { sku, tries, deaths, starts, begun, by } : {}),
    };
  }
  return wanted;
}

function status(q: ModelQueue, at: (...places: string[]) => number[], model: Model): Picture {
  const blocked = q.blockedBy !== null;
  const isPaused = q.pausedBy !== null || (q.switch !== null && !blocked);
  const head = q.blocking ? (q.active[0] ?? q.wait[0]) : undefined;
  const onHold = head !== undefined && model.item(head).onHold;
  const running = q.heldKind === 'hold' || q.heldKind === 'rate' || onHold ? 'held' : 'running';
  return {
    state: blocked ? 'blocked' : isPaused ? 'paused' : running,
    blocked,
    isPaused,
    by: q.blockedBy,
    counts: {
      waiting: q.wait.filter((id) => id !== q.heldBy).length,
      active: q.active.length,
      backingOff: model.delayed(q).length + (q.heldBy === null ? 0 : 1),
      failed: at('failed').length,
      completed: at('completed').length,
      skipped: at('skipped').length,
      resolved: at('resolved').length,
    },
  };
}

const sorted = (ids: number[]) => ids.sort((a, b) => a - b);
const byId = <T>(rows: [number, T][]) => rows.sort(([a], [b]) => a - b);
