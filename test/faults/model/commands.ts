import fc from 'fast-check';
import { AndonError } from '../../../src/errors.js';
import { compare } from './compare.js';
import {
  type Delivery,
  MAX_DEATHS,
  type Model,
  type ModelItem,
  type Order,
  QUEUES,
  type QueueName,
  runOf,
  type Verb,
} from './model.js';
import { OWNERS, type World } from './world.js';

type Owner = (typeof OWNERS)[number];
/** What a command does to model and world; what it says stands in the script of a violation. */
type Act = { readonly says: string; readonly act: (world: World) => Promise<void> };
type Plan = (model: Model) => Act | null;

/** A command that is left out where its plan finds nothing to do it to. */
class Command implements fc.AsyncCommand<Model, World> {
  private readonly plan: Plan;
  private readonly name: string;

  constructor(name: string, plan: Plan) {
    this.name = name;
    this.plan = plan;
  }

  check(model: Readonly<Model>): boolean {
    return this.plan(model as Model) !== null;
  }

  async run(model: Model, world: World): Promise<void> {
    const { says, act } = this.plan(model)!;
    world.script.push(says);
    await world.line.redis.del(world.shard.wakeBlocking, world.shard.wakeParallel);
    const ready = readyKinds(model);
    await act(world);
    await compare(model, world, ready);
  }

  toString(): string {
    return this.name;
  }
}

/** Several that make sense together, so that short scripts get far. */
class Sequence implements fc.AsyncCommand<Model, World> {
  readonly parts: readonly Command[];

  constructor(...parts: Command[]) {
    this.parts = parts;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, world: World): Promise<void> {
    for (const part of this.parts) if (part.check(model)) await part.run(model, world);
  }

  toString(): string {
    return this.parts.join(' + ');
  }
}

const readyKinds = (model: Model) =>
  new Set([...model.queues.values()].filter((q) => q.ready).map((q) => q.name));

function same(what: string, real: unknown, wanted: unknown): void {
  const [is, should] = [JSON.stringify(real), JSON.stringify(wanted)];
  if (is !== should) throw new Error(`${what}\n  answers      ${is}\n  should answer ${should}`);
}

/** What a person's verb came to: its answer, or how it was refused. */
async function verdict(asked: Promise<unknown>): Promise<unknown> {
  try {
    return (await asked) ?? 'ok';
  } catch (error) {
    if (!(error instanceof AndonError)) throw error;
    return error.type === 'idempotency-key-reused' ? 'mismatch' : error.type;
  }
}

const LAST = -1;
const chosen = <T>(from: readonly T[], n: number): T | undefined =>
  from.at(n === LAST ? LAST : n % from.length);

/** The claims that came are those that the model hands out. */
function started(
  model: Model,
  world: World,
  owner: Owner,
  claims: Awaited<ReturnType<World['deliveries']['claim']>>,
  wanted: readonly number[],
  run?: string,
): void {
  for (const { item, fence } of claims) world.witness.started(item.queue, item.queueId, fence);
  same(
    'the claim',
    claims.map(({ item }) => item.queueId),
    wanted,
  );
  for (const claim of claims) {
    const { item, fence, token } = claim;
    same('the lock', token, `${run ?? `${owner}.${fence}`}#${fence}`);
    model.started({ queue: item.queue as QueueName, id: item.queueId, owner, lock: token, fence });
    world.claims.push(claim);
  }
}

const claimOf = (model: Model, world: World, delivery: Delivery) =>
  world.claims[model.deliveries.indexOf(delivery)]!;

const saysOf = ({ queue, id, lock }: Delivery) => `${queue} item ${id} (lock ${lock})`;

// --- the commands

function enqueue(orders: readonly Order[]): Command {
  const text = orders.map(
    ({ queue, add, sku, key }) =>
      `${queue} ${add ? 'add' : 'update'} ${sku ?? '-'}${key ? ` key ${key}` : ''}`,
  );
  const says = `enqueue ${text.join(', ')}`;
  return new Command(says, (model) => ({
    says,
    act: async (world) => {
      const asked = world.line.enqueuer.enqueue(orders.map((one) => world.accepted(one)));
      const answer = await verdict(
        asked.then((tickets) => {
          for (const { queue, queueId, replayed } of tickets) {
            if (!replayed) world.witness.accepted(queue, queueId);
          }
          return tickets.map(({ queueId, state, replayed }) => ({ queueId, state, replayed }));
        }),
      );
      same('the enqueue', answer, model.enqueue(orders));
    },
  }));
}

function claim(kind: 'blocking' | 'parallel', owner: Owner, slots: number): Command {
  const says = `${owner} claims ${slots} ${kind}`;
  return new Command(says, (model) => ({
    says,
    act: async (world) => {
      const order = await world.readyOrder(kind);
      const claims = await world.deliveries.claim(world.shard, kind, slots, owner);
      started(model, world, owner, claims, model.claim(order, slots));
    },
  }));
}

/** Its reply is lost, and it is taken back. */
function lostClaim(kind: 'blocking' | 'parallel', slots: number): Command {
  const says = `a claim of ${slots} ${kind} is not answered`;
  return new Command(says, (model) => ({
    says,
    act: async (world) => {
      const order = await world.readyOrder(kind);
      const claims = await world.deliveries.claim(world.shard, kind, slots, 'unheard');
      const ids = claims.map(({ item }) => item.queueId);
      same('the claim', ids, model.claim(order, slots));
      same('what came back', await world.deliveries.unclaim(world.shard, 'unheard'), ids.length);
      model.unclaim(ids, (id) => claims.find(({ item }) => item.queueId === id)!.token);
    },
  }));
}

/** `any`: also a delivery that was settled or has lost its lock. */
function settle(
  verb: Verb,
  pick: number,
  more: boolean,
  any: boolean,
  causes: readonly Order[] = [],
): Command {
  const caused = causes.map(({ queue, add, sku }) => `${queue} ${add ? 'add' : 'update'} ${sku}`);
  const name = `${verb}${caused.length > 0 ? ` causing ${caused.join(', ')}` : ''}${more ? ' and take the next' : ''}`;
  return new Command(`${name} #${pick}${any ? ' of any' : ''}`, (model) => {
    const delivery = chosen(any ? model.deliveries : model.owned(), pick);
    if (!delivery) return null;
    // While the far side is asked nothing is sent that could be settled.
    if (model.owns(delivery) && model.isAsked(model.item(delivery.id)) && verb !== 'away')
      return null;
    return {
      says: `${name} ${saysOf(delivery)}`,
      act: async (world) => {
        const owned = model.owns(delivery);
        const real = await world.settle(claimOf(model, world, delivery), verb, more, causes);
        if (owned && real.stored)
          world.witness.settled(delivery.id, verb === 'failUnknown' ? 'fail' : verb);
        const wanted = model.settle(delivery, verb, more, causes);
        same('stored', real.stored, wanted.stored);
        if (!real.stored || !wanted.stored) return;
        if (wanted.again) {
          same('what was taken with it', real.next?.item.queueId ?? null, wanted.next);
          return;
        }
        const next = real.next ? [real.next] : [];
        const ids = wanted.next === null ? [] : [wanted.next];
        started(model, world, delivery.owner as Owner, next, ids, runOf(delivery));
      },
    };
  });
}

function onDelivery(
  name: string,
  pick: number,
  from: (model: Model) => readonly Delivery[],
  act: (model: Model, world: World, delivery: Delivery) => Promise<void>,
): Command {
  return new Command(`${name} #${pick}`, (model) => {
    const delivery = chosen(from(model), pick);
    if (!delivery) return null;
    return { says: `${name} ${saysOf(delivery)}`, act: (world) => act(model, world, delivery) };
  });
}

const giveBack = (pick: number, any: boolean) =>
  onDelivery(
    'give back',
    pick,
    (model) => (any ? model.deliveries : model.owned()),
    async (model, world, delivery) => {
      const real = await world.deliveries.giveBack(claimOf(model, world, delivery));
      same('the give-back', real, model.giveBack(delivery));
    },
  );

const ask = (pick: number, asks: boolean, any: boolean) =>
  onDelivery(
    asks ? 'ask the far side of' : 'the far side answers for',
    pick,
    (model) => (any ? model.deliveries : model.owned()),
    async (model, world, delivery) => {
      const real = await world.deliveries.ask(claimOf(model, world, delivery), asks);
      same('the lock', real, model.ask(delivery, asks));
    },
  );

const begin = (pick: number, any: boolean) =>
  onDelivery(
    'begin',
    pick,
    (model) =>
      any ? model.deliveries : model.owned().filter((one) => !model.isAsked(model.item(one.id))),
    async (model, world, delivery) => {
      const real = await world.deliveries.begin(claimOf(model, world, delivery));
      same('the lock', real, model.begin(delivery));
    },
  );

const relay = () =>
  new Command('relay', (model) => ({
    says: 'relay what was caused',
    act: async (world) => {
      const moved = await world.outbox.empty(world.shard);
      const wanted = model.relay();
      for (const { queue, queueId } of wanted) world.witness.accepted(queue, queueId);
      same('the relay', moved, wanted.length);
    },
  }));

const pardon = (pick: number) =>
  onDelivery(
    'pardon',
    pick,
    (model) => model.deliveries.filter((one) => !model.owns(one)),
    async (model, world, delivery) => {
      await world.deliveries.pardon(claimOf(model, world, delivery));
      model.pardon(delivery);
    },
  );

/** Its worker died (the index of locks hears of it), or stalls (it does not yet). */
const crash = (pick: number, heard: boolean) =>
  onDelivery(
    heard ? 'crash' : 'stall',
    pick,
    (model) => model.owned(),
    async (model, world, delivery) => {
      const rank = heard ? model.nextRank() : null;
      await world.dropLock(delivery.queue, delivery.id);
      if (rank !== null) await world.inflightOver(delivery.queue, delivery.id, rank);
      model.loseLock(delivery, rank);
    },
  );

const doubt = (pick: number) =>
  onDelivery(
    'doubt',
    pick,
    (model) => model.deliveries.filter(({ id }) => model.item(id).place === 'active'),
    async (model, world, delivery) => {
      const rank = model.nextRank();
      await world.inflightOver(delivery.queue, delivery.id, rank);
      model.doubt(delivery, rank);
    },
  );

const renew = (owner: Owner) =>
  new Command(`${owner} renews`, (model) => {
    const its = model.deliveries.filter((one) => one.owner === owner).slice(-5);
    if (its.length === 0) return null;
    return {
      says: `${owner} renews ${its.map(saysOf).join(', ')}`,
      act: async (world) => {
        const lost = await world.deliveries.renew(its.map((one) => claimOf(model, world, one)));
        same(
          'lost locks',
          lost.map(({ token }) => token),
          model.renew(its).map(({ lock }) => lock),
        );
      },
    };
  });

const holdOver = (queue: QueueName, pick: number) =>
  new Command(`the hold of ${queue} is over`, (model) => {
    const q = model.queue(queue);
    if (q.holds === null) return null;
    const delayed = chosen(
      model.delayed(q).filter((one) => one.due === 'later'),
      pick,
    );
    return {
      says: `the hold of ${queue} ${delayed ? `and item ${delayed.id} ` : ''}is over`,
      act: async (world) => {
        const rank = model.nextRank();
        await world.holdOver(queue, delayed?.id ?? null, rank);
        model.holdOver(q, delayed ?? null, rank);
      },
    };
  });

const tend = () =>
  new Command('tend', (model) => ({
    says: 'tend',
    act: async (world) => {
      same('tend', await world.deliveries.tend(world.shard, MAX_DEATHS), model.tend());
    },
  }));

const sweep = () =>
  new Command('sweep', (model) => ({
    says: 'sweep',
    act: async (world) => {
      same('sweep', await world.deliveries.sweep(world.shard, QUEUES), model.sweep(QUEUES));
    },
  }));

/** A person's verb about an item: mostly one that may be dealt with, now and then any. */
function onItem(
  name: string,
  pick: number,
  any: boolean,
  act: (model: Model, world: World, item: ModelItem) => Promise<[real: unknown, wanted: unknown]>,
): Command {
  return new Command(`${name} #${pick}${any ? ' of any' : ''}`, (model) => {
    const items = [...model.items.values()];
    const state = (item: ModelItem) => model.stateOf(item);
    const item = chosen(
      any
        ? items
        : items.filter((one) => ['failed', 'backing-off', 'removed'].includes(state(one))),
      pick,
    );
    if (!item) return null;
    return {
      says: `${name} ${item.queue} item ${item.id} (${state(item)})`,
      act: async (world) => {
        const [real, wanted] = await act(model, world, item);
        same(name, real, wanted);
        if (real === 'ok' || Array.isArray(real)) world.witness.dealtWith(item.id);
      },
    };
  });
}

const retry = (pick: number, any: boolean) =>
  onItem('retry', pick, any, async (model, world, { id, queue }) => [
    await verdict(world.line.transitions.retry({ queue, queueId: id }, 'p')),
    model.retry(id, 'p'),
  ]);

const skip = (
  pick: number,
  any: boolean,
  scope: 'item' | 'entity' | 'entity-until-add',
  over: boolean,
) =>
  onItem(
    `skip ${scope}${over ? ' until long ago' : ''}`,
    pick,
    any,
    async (model, world, { id, queue }) => [
      await verdict(world.skip(queue, id, scope, 's', over)),
      model.skip(id, scope, 's', over),
    ],
  );

const resolve = (pick: number, any: boolean) =>
  onItem('resolve', pick, any, async (model, world, { id, queue }) => [
    await verdict(world.line.transitions.resolve({ queue, queueId: id }, { actor: 'r' })),
    model.resolve(id, 'r'),
  ]);

/** Takes back the skip of one item, or of all that are skipped in its queue. */
function undo(pick: number, all: boolean, any: boolean): Command {
  return new Command(`undo the skip of #${pick}${all ? ' and all others' : ''}`, (model) => {
    const items = [...model.items.values()];
    const skipped = items.filter((one) => one.place === 'skipped');
    const item = chosen(any ? items : skipped, pick);
    if (!item) return null;
    const { queue } = item;
    const others = all ? skipped.filter((one) => one.queue === queue && one !== item) : [];
    const ids = [item, ...others].map((one) => one.id);
    return {
      says: `undo the skip of ${queue} items ${ids.join(', ')}`,
      act: async (world) => {
        const which = ids.map((queueId) => ({ queue, queueId }));
        const real = await verdict(world.line.transitions.undoSkip(which, 'u'));
        if (real === 'ok') world.witness.undone(ids);
        same('undo', real, model.undo(ids));
      },
    };
  });
}

function edit(pick: number, sku: string | null): Command {
  return new Command(`edit #${pick} to ${sku}`, (model) => {
    const item = chosen([...model.items.values()], pick);
    if (!item) return null;
    const { id, queue } = item;
    return {
      says: `edit ${queue} item ${id} (${model.stateOf(item)}) to ${sku ?? '-'}`,
      act: async (world) => {
        const { data, title, entity } = world.accepted({ queue, add: false, sku, key: null });
        const change = { actor: 'e', data, title, entity };
        const real = verdict(world.line.transitions.edit({ queue, queueId: id }, change));
        same('edit', await real, model.edit(id, sku));
      },
    };
  });
}

function onQueue(
  name: string,
  queue: QueueName,
  act: (model: Model, world: World) => Promise<[real: unknown, wanted: unknown]>,
): Command {
  const says = `${name} ${queue}`;
  return new Command(says, (model) => ({
    says,
    act: async (world) => {
      const [real, wanted] = await act(model, world);
      same(name, real, wanted);
    },
  }));
}

const pause = (queue: QueueName) =>
  onQueue('pause', queue, async (model, world) => [
    await verdict(world.line.transitions.pause(queue, 'p')),
    model.pause(model.queue(queue), 'p'),
  ]);

const resume = (queue: QueueName) =>
  onQueue('resume', queue, async (model, world) => [
    await verdict(world.line.transitions.resume(queue, 'p')),
    model.resume(model.queue(queue)),
  ]);

const clear = (queue: QueueName, count: number) =>
  onQueue(`clear ${count} of`, queue, async (model, world) => {
    await world.tick();
    return [
      await world.line.transitions.clear(queue, 'c', 'because', count),
      model.clear(model.queue(queue), 'c', count),
    ];
  });

const stockSwitch = (queue: QueueName, verb: 'pause' | 'resume') =>
  onQueue(`BullMQ: ${verb}`, queue, async (model, world) => {
    await world.stock.get(queue)![verb]();
    if (verb === 'pause') model.stockPause(model.queue(queue));
    else model.stockResume(model.queue(queue));
    return [null, null];
  });

const stockConcurrency = (queue: QueueName, concurrency: number) =>
  onQueue(`BullMQ: concurrency ${concurrency} for`, queue, async (model, world) => {
    await world.stock.get(queue)!.setGlobalConcurrency(concurrency);
    model.stockConcurrency(model.queue(queue), concurrency);
    return [null, null];
  });

/** A dashboard's buttons on a failed item. */
function stockButton(button: 'retry' | 'remove', pick: number): Command {
  return new Command(`BullMQ: ${button} #${pick}`, (model) => {
    const failed = [...model.items.values()].filter(
      (one) => one.place === 'failed' || (button === 'remove' && model.stateOf(one) === 'failed'),
    );
    const item = chosen(failed, pick);
    if (!item) return null;
    const { id, queue } = item;
    return {
      says: `BullMQ: ${button} ${queue} item ${id}`,
      act: async (world) => {
        const here = item.place !== 'removed';
        if (!here) return;
        if (button === 'retry') {
          await world.stockRetry(queue, id);
          model.stockRetry(item);
        } else {
          await world.stockRemove(queue, id);
          model.stockRemove(item);
        }
      },
    };
  });
}

const queue = fc.constantFrom(...QUEUES);
const blockingQueue = fc.constantFrom(...QUEUES.filter((name) => name !== 'parallel'));
const owner = fc.constantFrom(...OWNERS);
const pick = fc.nat({ max: 11 });
const more = fc.boolean();
const sku = fc.constantFrom('A', 'B', null);
/** Now and then. */
const seldom = fc.nat({ max: 4 }).map((n) => n === 4);
const mostQueue = fc.oneof(
  { weight: 3, arbitrary: fc.constant(QUEUES[0]) },
  { weight: 2, arbitrary: queue },
);
const order = fc.record({
  queue: mostQueue,
  add: seldom,
  sku,
  key: fc.constantFrom(null, null, null, 'k', 'l'),
});
const settling = (verb: Verb) =>
  fc.tuple(pick, more, seldom).map(([n, m, any]) => settle(verb, n, m, any));

/** A worker takes the head and says what became of it. */
const deliver = (kind: 'blocking' | 'parallel', who: Owner, verb: Verb, next: boolean) =>
  new Sequence(claim(kind, who, 1), settle(verb, LAST, next, false));

/** An item that kills its workers. */
const deadly = (kind: 'blocking' | 'parallel', times: number) =>
  new Sequence(
    ...Array.from({ length: times }, () => [claim(kind, 'a', 1), crash(LAST, true), tend()]).flat(),
  );

/** Paused while an item runs, which then ends somehow. */
const pausedMeanwhile = (verb: Verb) =>
  new Sequence(claim('blocking', 'b', 2), pause(QUEUES[0]), settle(verb, LAST, true, false));

/** What an item causes is on its way into its queue, or there, when something else happens. */
const caused = (of: 'blocking' | 'parallel', orders: readonly Order[], relayed: boolean) =>
  new Sequence(
    claim(of, 'a', 1),
    settle('complete', LAST, false, false, orders),
    ...(relayed ? [relay()] : []),
  );

/** A worker stands still: its lock ends, and some while later somebody hears of it. */
const stalled = (of: 'blocking' | 'parallel', begun: boolean, late: Verb) =>
  new Sequence(
    claim(of, 'a', 1),
    ...(begun ? [begin(LAST, false)] : []),
    crash(LAST, false),
    doubt(LAST),
    tend(),
    settle(late, LAST, true, true),
    pardon(LAST),
    claim(of, 'b', 1),
  );

/** A worker that stops gives back what it holds, and another takes it. */
const handedBack = (of: 'blocking' | 'parallel') =>
  new Sequence(claim(of, 'a', 2), giveBack(LAST, false), claim(of, 'b', 2));

/** The answer was not heard: the same again, with its keys, while the queue goes on. */
const resent = (orders: readonly Order[], verb: Verb) => {
  const keyed = orders.map((one, n) => ({ ...one, key: `again ${n}` }));
  return new Sequence(
    enqueue(keyed),
    ...deliver('blocking', 'a', verb, false).parts,
    enqueue(keyed),
  );
};

/** A head on hold is looked for: its hold is over, it is claimed, and its far side is asked. */
const lookedFor = (
  verb: 'hold' | 'holdUnknown' | 'away',
  then: 'away' | 'answers' | 'dies' | 'nothing',
) =>
  new Sequence(
    claim('blocking', 'a', 1),
    settle(verb, LAST, false, false),
    holdOver(QUEUES[0], 0),
    tend(),
    claim('blocking', 'b', 1),
    ask(LAST, true, false),
    ...(then === 'away' ? [settle('away', LAST, false, false)] : []),
    ...(then === 'answers' ? [ask(LAST, false, false), settle('complete', LAST, true, false)] : []),
    ...(then === 'dies' ? [crash(LAST, true), tend()] : []),
  );

/** What is skipped comes back while the queue goes on. */
const skippedAndBack = (how: 'entity' | 'entity-until-add', verb: Verb, n: number, all: boolean) =>
  new Sequence(
    claim('blocking', 'a', 1),
    settle('failUnknown', LAST, false, false),
    skip(LAST, false, how, false),
    claim('blocking', 'b', 1),
    settle(verb, LAST, false, false),
    undo(n, all, false),
  );

/** A rule "skip until the next add" is made, and more comes. */
const ruled = (orders: readonly Order[]) =>
  new Sequence(
    claim('blocking', 'a', 1),
    settle('fail', LAST, false, false),
    skip(LAST, false, 'entity-until-add', false),
    enqueue(orders),
  );

const kind = fc.constantFrom('blocking', 'blocking', 'parallel');
const anyVerb = fc.constantFrom<Verb[]>(
  'complete',
  'fail',
  'fail',
  'fail',
  'backOff',
  'hold',
  'failUnknown',
  'backOffUnknown',
  'rate',
);
const scope = fc.constantFrom('item', 'entity', 'entity-until-add', 'entity-until-add');
const often = <T>(times: number, arbitrary: fc.Arbitrary<T>) => Array(times).fill(arbitrary);

/** Every command there is; those that fill, run and unblock come oftener, or little would happen. */
export const commands: fc.Arbitrary<fc.AsyncCommand<Model, World>>[] = [
  ...often(
    2,
    order.map((one) => enqueue([one])),
  ),
  ...often(2, fc.array(order, { minLength: 2, maxLength: 5 }).map(enqueue)),
  fc.tuple(owner, fc.constantFrom(1, 1, 2)).map(([who, slots]) => claim('blocking', who, slots)),
  fc.tuple(owner, fc.constantFrom(1, 2, 3)).map(([who, slots]) => claim('parallel', who, slots)),
  fc.tuple(kind, fc.constantFrom(1, 2)).map(([of, slots]) => lostClaim(of, slots)),
  ...often(
    6,
    fc.tuple(kind, owner, anyVerb, more).map((all) => deliver(...all)),
  ),
  fc.tuple(kind, fc.integer({ min: 1, max: 3 })).map((all) => deadly(...all)),
  anyVerb.map(pausedMeanwhile),
  ...often(
    3,
    fc
      .tuple(
        kind,
        fc.array(
          order.map((one) => ({ ...one, key: null })),
          { minLength: 1, maxLength: 4 },
        ),
        more,
      )
      .map((all) => caused(...all)),
  ),
  ...often(
    2,
    fc.tuple(kind, fc.boolean(), anyVerb).map((all) => stalled(...all)),
  ),
  kind.map(handedBack),
  fc.tuple(fc.array(order, { minLength: 1, maxLength: 3 }), anyVerb).map((all) => resent(...all)),
  fc.array(order, { minLength: 1, maxLength: 6 }).map(ruled),
  settling('complete'),
  settling('fail'),
  settling('backOff'),
  settling('hold'),
  settling('holdUnknown'),
  settling('away'),
  ...often(
    2,
    fc
      .tuple(
        pick,
        more,
        fc.array(
          order.map((one) => ({ ...one, key: null })),
          { minLength: 1, maxLength: 4 },
        ),
      )
      .map(([n, m, causes]) => settle('complete', n, m, false, causes)),
  ),
  ...often(2, fc.constant(null).map(relay)),
  fc.tuple(pick, fc.boolean(), seldom).map((all) => ask(...all)),
  fc.tuple(pick, seldom).map((all) => begin(...all)),
  ...often(
    2,
    fc
      .tuple(
        fc.constantFrom('hold', 'holdUnknown', 'away'),
        fc.constantFrom('away', 'answers', 'dies', 'nothing'),
      )
      .map((all) => lookedFor(...all)),
  ),
  ...often(
    3,
    fc
      .tuple(fc.constantFrom('entity', 'entity-until-add'), anyVerb, pick, fc.boolean())
      .map((all) => skippedAndBack(...all)),
  ),
  ...often(
    3,
    fc.tuple(pick, seldom, seldom).map((all) => undo(...all)),
  ),
  fc.tuple(pick, seldom).map((all) => giveBack(...all)),
  pick.map(pardon),
  fc.tuple(pick, fc.boolean()).map(([n, heard]) => crash(n, heard || n % 2 === 0)),
  pick.map(doubt),
  ...often(2, owner.map(renew)),
  fc.tuple(queue, pick).map((all) => holdOver(...all)),
  ...often(2, fc.constant(null).map(tend)),
  fc.constant(null).map(sweep),
  ...often(
    3,
    fc.tuple(pick, seldom).map((all) => retry(...all)),
  ),
  ...often(
    3,
    fc.tuple(pick, seldom, scope, seldom).map((all) => skip(...all)),
  ),
  ...often(
    2,
    fc.tuple(pick, seldom).map((all) => resolve(...all)),
  ),
  fc.tuple(pick, sku).map((all) => edit(...all)),
  mostQueue.map(pause),
  ...often(2, mostQueue.map(resume)),
  fc.tuple(mostQueue, fc.constantFrom(1, 2, 9)).map((all) => clear(...all)),
  fc.tuple(mostQueue, fc.constantFrom('pause', 'resume')).map((all) => stockSwitch(...all)),
  fc.tuple(blockingQueue, fc.constantFrom(0, 1)).map((all) => stockConcurrency(...all)),
  fc.tuple(fc.constantFrom('retry', 'remove'), pick).map((all) => stockButton(...all)),
];

/** Time goes on and people deal with everything: now all that was accepted must come to an end. */
export async function drain(model: Model, world: World): Promise<void> {
  const run = async (command: Command) => {
    if (command.check(model)) await command.run(model, world);
  };
  world.script.push('— then everything is dealt with —');
  for (let round = 0; round < 200; round += 1) {
    const open = [...model.items.values()].filter(
      (one) => !['completed', 'skipped', 'resolved', 'gone'].includes(model.stateOf(one)),
    );
    if (open.length === 0 && model.outbox.length === 0) return;
    await run(relay());
    for (let n = model.owned().length; n > 0; n -= 1) await run(ask(n - 1, false, false));
    for (const name of QUEUES) {
      await run(stockSwitch(name, 'resume'));
      if (model.queue(name).pausedBy === 'p') await run(resume(name));
      await run(holdOver(name, 0));
    }
    await run(retry(0, false));
    if (round > 20) await run(resolve(0, false));
    for (let n = model.deliveries.length; n > 0; n -= 1) {
      const stalled = [...model.items.values()].some((one) => one.place === 'active' && !one.lock);
      if (!stalled) break;
      await run(doubt(n - 1));
    }
    await run(tend());
    await run(sweep());
    await run(claim('blocking', 'a', 2));
    await run(lostClaim('parallel', 2));
    await run(claim('parallel', 'b', 3));
    await run(settle('complete', round, round % 2 === 0, false));
    await run(settle('complete', round, false, false));
  }
  throw new Error('P7: accepted items never came to an end');
}
