import { describe, expect, it } from '@jest/globals';
import { check } from './checker/checker.js';
import { type Faulted, fromText, type Line, type Settings, toText } from './checker/history.js';

/**
 * Histories by hand, one step a phrase, 100 ms apart; a lock lasts 1,000 ms. `later` is 1,000 ms more,
 * `meanwhile` is no time at all. Items are numbered in the order in which they are first mentioned.
 *
 *     w sleeps | dies | is deaf        worker w cannot renew its locks for 1,000 ms, or ever; or did not hear
 *                                      what it was answered in the last 150 ms
 *     shop stands                      it takes no request for 1,000 ms
 *     a accepted | refused | unknown   a producer asks for item a (`in 7`: of queue 7, `batch b`, `number 9`, `numberless`, `keyless`, `volatile`)
 *     a starts 5                       its delivery arrives under fence 5 (`key k`, `attempt 3`, `to v`: worker v)
 *     a 200   a 200 of 5   a broken    the witness answers its latest delivery, or that under fence 5
 *     a causes c d                     its next 200 names these as what is to follow, in their own queues
 *     a retry | skip | resolve         an operator deals with it (`refused`, `unknown`, `took 500`)
 *     q pause | resume                 an operator stops queue q, or lets it run (`refused`, `unknown`)
 *     x looks                          somebody looks at all incidents
 *     i tells a b                      incident i is seen open, with these items (`of x`: x is the matter);
 *                                      `i mailed`: a mail tells of it (`first`, `id x`)
 *     Redis forgets                    what happened in the last 250 ms may be undone
 *     Redis fails over                 the same, but for what was acknowledged
 *     a completed                      how it ended (`number 9`)
 */
function history(text: string): Line[] {
  const lines: Line[] = [];
  const items = new Map<string, { id: number; queue: string; attempts: number }>();
  const caused = new Map<string, { queue: string; item: string }[]>();
  const deliveries: { item: string; fence: number; delivery: number }[] = [];
  let at = 0;
  for (const phrase of text.split(/[,.\n]/).map((part) => part.trim())) {
    if (phrase === '') continue;
    if (phrase === 'later' || phrase === 'meanwhile') {
      at += phrase === 'later' ? 1_000 : -100;
      continue;
    }
    at += 100;
    const [item = '', verb = '', ...rest] = phrase.split(' ');
    const strange = other(phrase, at, items);
    if (strange) {
      lines.push(strange);
      if (verb === 'sleeps' || verb === 'stands') at += 1_000;
      continue;
    }
    const option = (name: string) => rest[rest.indexOf(name) + 1 || rest.length];
    const known = items.get(item) ?? {
      id: items.size + 1,
      queue: option('in') ?? '12',
      attempts: 0,
    };
    items.set(item, known);
    const id = Number(option('number') ?? known.id);
    const { queue } = known;
    const answered = at + Number(option('took') ?? 0);
    switch (verb) {
      case 'accepted':
      case 'refused':
      case 'unknown':
        lines.push({
          by: 'producer',
          did: verb,
          asked: at,
          answered,
          queue,
          item,
          idempotencyKey: rest.includes('keyless') ? null : `key of ${item}`,
          batch: option('batch') ?? null,
          durable: !rest.includes('volatile'),
          id: verb === 'accepted' && !rest.includes('numberless') ? id : null,
        });
        break;
      case 'starts': {
        const fence = Number(rest[0]);
        const delivery = deliveries.push({ item, fence, delivery: deliveries.length + 1 });
        known.attempts = Number(option('attempt') ?? known.attempts + 1);
        const key = option('key') ?? String(id);
        const attempt = known.attempts;
        const to = option('at') ?? queue;
        lines.push({
          by: 'witness',
          did: 'started',
          at,
          delivery,
          queue: to,
          id,
          item,
          key,
          attempt,
          fence,
          process: option('to') ?? 'w',
        });
        break;
      }
      case 'causes':
        caused.set(
          item,
          rest.map((name) => ({ queue: items.get(name)?.queue ?? '12', item: name })),
        );
        break;
      case 'retry':
      case 'skip':
      case 'resolve': {
        const answer = rest.includes('refused')
          ? 'refused'
          : rest.includes('unknown')
            ? 'unknown'
            : 'done';
        lines.push({ by: 'operator', did: verb, asked: at, answered, answer, queue, id });
        break;
      }
      default: {
        const which = deliveries.findLast(
          (one) => one.item === item && (!option('of') || one.fence === Number(option('of'))),
        );
        const delivery = which?.delivery ?? 0;
        if (verb === 'broken') lines.push({ by: 'witness', did: 'broken', at, delivery });
        else if (/^\d+$/.test(verb))
          lines.push({
            by: 'witness',
            did: 'answered',
            at,
            delivery,
            status: Number(verb),
            ...(verb === '200' && caused.has(item) ? { caused: caused.get(item)! } : {}),
          });
        else lines.push({ by: 'end', queue: option('at') ?? queue, id, item, state: verb });
      }
    }
  }
  return lines;
}

/** What is not about one item. */
function other(
  phrase: string,
  at: number,
  items: ReadonlyMap<string, { id: number; queue: string }>,
): Line | null {
  const [who = '', did = '', ...rest] = phrase.split(' ');
  const befalls = (what: string, may: Faulted['may'], from: number, till: number) =>
    ({ by: 'fault', what, process: who === 'Redis' ? null : who, may, from, till }) as const;
  switch (did) {
    case 'sleeps':
      return befalls(did, 'locks', at, at + 1_000);
    case 'dies':
      return befalls(did, 'locks', at, 1e15);
    case 'stands':
      return { ...befalls(did, 'answers', at, at + 1_000), process: null };
    case 'is':
      return befalls('deaf', 'answers', at - 150, at);
    case 'forgets':
      return befalls(did, 'memory', at - 250, at);
    case 'fails':
      return befalls(did, 'steps', at - 250, at);
    case 'pause':
    case 'resume': {
      const answer = rest.includes('refused')
        ? 'refused'
        : rest.includes('unknown')
          ? 'unknown'
          : 'done';
      return { by: 'steering', did, asked: at, answered: at, answer, queue: who };
    }
    case 'tells': {
      const [names, [about = who]] = [rest, rest.slice(rest.indexOf('of') + 1 || rest.length)];
      const told = names.includes('of') ? names.slice(0, names.indexOf('of')) : names;
      const ids = told.map((name) => items.get(name)?.id ?? 99);
      return { by: 'incident', at, incident: who, about, open: true, ids };
    }
    case 'looks':
      return { by: 'look', at };
    case 'mailed': {
      const stage = rest.includes('first') ? 'first' : 'digest';
      const id = rest[rest.indexOf('id') + 1 || rest.length] ?? 'one';
      const incident = who === 'nothing' ? '' : who;
      return { by: 'mail', at, incident, to: 'desk@example.org', stage, id };
    }
    default:
      return null;
  }
}

/** Each violation as "rule item". */
const verdict = (text: string, settings: Partial<Settings> = {}): string[] => [
  ...new Set(
    check(history(text), { lockMs: 1_000, ...settings }).map((one) => `${one.rule} ${one.item}`),
  ),
];

/** Both accepted, both done: what stands before most histories, and after. */
const both = 'a accepted, b accepted.';
const done = 'a completed, b completed';
/** How a queue is left that keeps its block. */
const blocked = 'a failed, b waiting';

const good: Record<string, string> = {
  'nothing at all': '',
  'one after the other': `${both} a starts 1, a 200, b starts 2, b 200, ${done}`,
  'an end and the next start at the same time': `${both} a starts 1, a 200, meanwhile, b starts 2, b 200, ${done}`,
  'a start before its enqueue was answered': 'a accepted took 900, a starts 1, a 200, a completed',
  'enqueues that overlap in time, numbered either way':
    'b accepted number 2 took 500, a accepted number 1 took 500, a starts 1 number 1, a 200, b starts 2 number 2, b 200, a completed number 1, b completed number 2',
  'queues that interleave freely':
    'a accepted in 1, b accepted in 2, b starts 1, a starts 2, a 200, b 200, a completed, b completed',
  'parallel items that interleave freely':
    'a accepted in parallel, b accepted in parallel, b starts 2, a starts 1, a 422, b 200, a failed, b completed',
  'a batch in its order, others before and after':
    'a accepted batch x, meanwhile, b accepted batch x, c accepted. a starts 1, a 200, b starts 2, b 200, c starts 3, c 200, a completed, b completed, c completed',
  'a batch asked for twice':
    'a accepted batch x, meanwhile, b accepted batch x, a accepted batch x, meanwhile, b accepted batch x, a starts 1, a 200, b starts 2, b 200, a completed, b completed',
  'a failure that keeps the queue blocked': `${both} a starts 1, a 422, ${blocked}`,
  'a retry': `${both} a starts 1, a 422, a retry, a starts 2, a 200, b starts 3, b 200, ${done}`,
  'a retry answered after the delivery started': `${both} a starts 1, a 422, a retry took 700, a starts 2, a 200, b starts 3, b 200, ${done}`,
  'a retry whose answer got lost, and worked': `${both} a starts 1, a 422, a retry unknown, later, a starts 2, a 200, b starts 3, b 200, ${done}`,
  'a retry whose answer got lost, and did not': `${both} a starts 1, a 422, a retry unknown, ${blocked}`,
  'two failures and two retries': `${both} a starts 1, a 422, a retry, a starts 2, a 422, a retry, a starts 3, a 200, b starts 4, b 200, ${done}`,
  'a retry that came too early and was refused': `${both} a starts 1, a retry refused, a 422, ${blocked}`,
  'a blocked head that is skipped': `${both} a starts 1, a 422, a skip, b starts 2, b 200, a skipped, b completed`,
  'a skip answered after the next had started': `${both} a starts 1, a 422, a skip took 900, b starts 2, b 200, a skipped, b completed`,
  'a blocked head that is resolved': `${both} a starts 1, a 422, a resolve, b starts 2, b 200, a resolved, b completed`,
  'an item skipped with its entity before it ever ran':
    'a accepted, b accepted, c accepted, a starts 1, a 422, a skip, b skip, c starts 2, c 200, a skipped, b skipped, c completed',
  'an automatic retry that holds the head': `${both} a starts 1, a 503, a starts 2, a 429, a starts 3, a 200, b starts 4, b 200, ${done}`,
  'a crash before the answer': `${both} a starts 1, w dies, a broken, later, a starts 2, a 200, b starts 3, b 200, ${done}`,
  'a crash after the answer, before it was recorded': `${both} a starts 1, a 200, w dies, later, a starts 2 to v, a 200, b starts 3, b 200, ${done}`,
  'a crash after a refusal, before it was recorded': `${both} a starts 1, a 422, w dies, later, a starts 2 to v, a 200, b starts 3, b 200, ${done}`,
  'an item given back by a worker that stops': `${both} a starts 1, a broken, a starts 2, a 200, b starts 3, b 200, ${done}`,
  'a sleeper overlapped by a higher fence': `${both} a starts 1, w sleeps, a starts 2 to v, a 200, b starts 3, b 200, a 200 of 1, ${done}`,
  'a sleeper told no, long after all is done': `${both} a starts 1, w sleeps, a starts 2 to v, a 200, b starts 3, b 200, a 422 of 1, ${done}`,
  'a sleeper told yes, after the other was told no': `${both} a starts 1, w sleeps, a starts 2 to v, a 422, a 200 of 1, ${blocked}`,
  'a request that slept on its way, under an old fence': `${both} w sleeps, a starts 2 attempt 2 to v, a 200, b starts 3 to v, a starts 1 attempt 1, a 412, b 200, ${done}`,
  'an item that killed three workers': `${both} a starts 1, a broken, later, a starts 2, a broken, later, a starts 3, a broken, ${blocked}`,
  'a killer that is skipped while its last worker sleeps': `${both} a starts 1, w sleeps, a starts 2 to v, v sleeps, a starts 3, later, a skip, b starts 4, b 200, a skipped, b completed`,
  'claims that the witness never saw': `${both} a starts 3 attempt 3, a 200, b starts 9 attempt 2, b 200, ${done}`,
  'a worker that slept between its claim and its sending':
    'x accepted in 7, a accepted, x starts 2, x 200, w sleeps, a starts 1, a starts 3 to v, a 200 of 1, a 200 of 3, x completed, a completed',
  'an unknown enqueue that did not land': 'a unknown, b accepted, b starts 1, b 200, b completed',
  'an unknown enqueue that landed':
    'a unknown, b accepted, a starts 1, a 200, b starts 2, b 200, a completed, b completed',
  'an unknown enqueue that was asked again after others':
    'a unknown, b accepted, a accepted, a starts 1, a 200, b starts 2, b 200, a completed, b completed',
  'a keyless enqueue asked twice that landed twice':
    'a unknown keyless, a accepted keyless number 2, a starts 1 number 1, a 200, a starts 2 number 2 attempt 1, a 200, a completed number 1, a completed number 2',
  'a refused enqueue that left no trace': 'a refused, b accepted, b starts 1, b 200, b completed',
  'a volatile item that a failover took':
    'a accepted volatile, b accepted, b starts 1, b 200, b completed',
  'a lock that every worker lost with Redis': `${both} a starts 1, Redis sleeps, a starts 2 to v, a 200, b starts 3, b 200, ${done}`,
  'a success that never reached its worker': `${both} a starts 1, a 200, w is deaf, a starts 2, a 200, b starts 3, b 200, ${done}`,
  'a refusal that never reached its worker': `${both} a starts 1, a 422, w is deaf, a starts 2, a 200, b starts 3, b 200, ${done}`,
  'one sending that arrived twice, its connection cut': `${both} a starts 1, a broken, w is deaf, a starts 1 attempt 1, a 200, b starts 2, b 200, ${done}`,
  'nothing in a paused queue until it is resumed': `${both} a starts 1, 12 pause, a 200, later, later, 12 resume, b starts 2, b 200, ${done}`,
  'a claim from before the pause that comes a little late': `${both} a starts 1, a 200, 12 pause, b starts 2, b 200, ${done}`,
  'a claim from before the pause, kept by one trouble after the other': `${both} a starts 1, a 200, 12 pause, w sleeps, Redis sleeps, w sleeps, Redis sleeps, b starts 2, b 200, ${done}`,
  'a claim from before the pause that the shop was long in taking': `${both} a starts 1, a 200, 12 pause, shop stands, shop stands, b starts 2, b 200, ${done}`,
  'a claim from before the pause whose worker slept': `${both} a starts 1, a 200, 12 pause, w sleeps, w sleeps, b starts 2, b 200, ${done}`,
  'a pause that was refused': `${both} a starts 1, a 200, 12 pause refused, later, later, b starts 2, b 200, ${done}`,
  'a pause lifted by a resume whose answer got lost': `${both} a starts 1, a 200, 12 pause, later, 12 resume unknown, later, b starts 2, b 200, ${done}`,
  'what an item causes, once it is done': `${both} a causes c d, a starts 1, a 200, b starts 2, b 200, c starts 3, c 200, d starts 4, d 200, ${done}, c completed, d completed`,
  'what an item causes that was done twice': `${both} a causes c, a starts 1, a 200, w is deaf, a starts 2, a 200, b starts 3, b 200, c starts 4, c 200, ${done}, c completed`,
  'nothing is caused by what a person resolved': `a accepted, a causes c, a starts 1, a 422, a resolve, a resolved`,
  'a parallel item retried while others run':
    'a accepted in parallel, b accepted in parallel, a starts 1, b starts 2, a 422, a retry, a starts 3, b 200, a 200, a completed, b completed',
};

const bad: Record<string, [string, ...string[]]> = {
  // acceptance
  'numbers against the order of acceptance': [
    'b accepted number 2, a accepted number 1, a starts 1 number 1, a 200, b starts 2 number 2, b 200, a completed number 1, b completed number 2',
    'acceptance a',
  ],
  'a stranger inside a batch': [
    'a accepted batch x took 500, meanwhile, c accepted took 500, meanwhile, b accepted batch x took 500, a starts 1, a 200, c starts 2, c 200, b starts 3, b 200, a completed, b completed, c completed',
    'acceptance c',
  ],
  'a batch out of its order': [
    'a accepted batch x number 2, meanwhile, b accepted batch x number 1, b starts 1 number 1, b 200, a starts 2 number 2, a 200, a completed number 2, b completed number 1',
    'acceptance b',
  ],
  'a batch torn apart, of which nobody heard': [
    'a unknown batch x, meanwhile, b unknown batch x, a starts 1, a 200, a completed',
    'acceptance b',
  ],
  // order
  'the second first': [`${both} b starts 1, b 200, a starts 2, a 200, ${done}`, 'order b'],
  'one left out': [`${both} b starts 1, b 200, a waiting, b completed`, 'order b', 'drain a'],
  'one set aside only after it was passed over': [
    `${both} c accepted, a starts 1, a 422, a skip, c starts 2, b skip, c 200, a skipped, b skipped, c completed`,
    'order c',
  ],
  'an unknown enqueue that landed and was passed over': [
    'a unknown, b accepted, b starts 1, b 200, a starts 2, a 200, a completed, b completed',
    'order b',
  ],
  'the last in first out': [
    `${both} c accepted, a starts 1, a 200, c starts 2, c 200, b starts 3, b 200, ${done}, c completed`,
    'order c',
  ],
  'passed over because of a skip that did not work': [
    `${both} a starts 1, a 422, a skip unknown, b starts 2, b 200, a retry, a starts 3, a 200, ${done}`,
    'block b',
  ],
  'passed over because of a skip that did not work, before one that did': [
    `${both} a starts 1, a 422, a skip unknown, b starts 2, b 200, later, a skip, a skipped, b completed`,
    'block b',
  ],
  // overlap
  'the next beside one that was skipped while it ran': [
    `${both} a starts 1, a skip, b starts 2, a 200, b 200, a skipped, b completed`,
    'overlap b',
  ],
  'two at a time': [`${both} a starts 1, b starts 2, a 200, b 200, ${done}`, 'overlap b'],
  'two that start at the same time': [
    `${both} a starts 1, meanwhile, b starts 2, a 200, b 200, ${done}`,
    'overlap b',
  ],
  'the next beside the overlapping delivery': [
    `${both} a starts 1, w sleeps, a starts 2 to v, b starts 3, a 200, b 200, ${done}`,
    'overlap b',
  ],
  'the next because a sleeper was told yes': [
    `${both} a starts 1, w sleeps, a starts 2 to v, a 200 of 1, b starts 3, a 200, b 200, ${done}`,
    'overlap b',
  ],
  'the same item twice before a lock could be lost': [
    `${both} a starts 1, a starts 2, a 200 of 1, a 200 of 2, b starts 3, b 200, ${done}`,
    'overlap a',
  ],
  'a parallel item twice before a lock could be lost': [
    'a accepted in parallel, a starts 1, a starts 2, a 200 of 1, a 200 of 2, a completed',
    'overlap a',
  ],
  'the same item twice although only another worker slept': [
    `${both} a starts 1, v sleeps, a starts 2 to v, a 200 of 1, a 200 of 2, b starts 3, b 200, ${done}`,
    'overlap a',
  ],
  'the same item twice although its worker slept long before': [
    `${both} w sleeps, later, later, a starts 1, later, a starts 2 to v, a 200 of 1, a 200 of 2, b starts 3, b 200, ${done}`,
    'overlap a',
  ],
  'the same item twice after however long a time without a fault': [
    `${both} a starts 1, later, later, a starts 2 to v, a 200 of 1, a 200 of 2, b starts 3, b 200, ${done}`,
    'overlap a',
  ],
  'a lost lock, and no higher fence': [
    `${both} a starts 1, w sleeps, a starts 1 to v attempt 2, a 200, b starts 3, b 200, ${done}`,
    'overlap a',
    'fence a',
  ],
  // paused
  'a start in a paused queue': [
    `${both} a starts 1, a 200, 12 pause, later, b starts 2, b 200, ${done}`,
    'paused b',
  ],
  'a start in a paused queue, resumed after it': [
    `${both} a starts 1, a 200, 12 pause, later, b starts 2, 12 resume, b 200, ${done}`,
    'paused b',
  ],
  'a start in a paused queue whose resume was refused': [
    `${both} a starts 1, a 200, 12 pause, 12 resume refused, later, b starts 2, b 200, ${done}`,
    'paused b',
  ],
  'a start in a paused queue while another worker slept': [
    `${both} a starts 1, a 200, 12 pause, v sleeps, b starts 2, b 200, ${done}`,
    'paused b',
  ],
  'a start in a paused queue long after its worker slept': [
    `${both} a starts 1, a 200, 12 pause, w sleeps, later, later, b starts 2, b 200, ${done}`,
    'paused b',
  ],
  'a start in a paused queue whose worker slept only long after the pause': [
    `${both} a starts 1, a 200, 12 pause, later, later, w sleeps, w sleeps, b starts 2, b 200, ${done}`,
    'paused b',
  ],
  // block
  'the next is taken behind a failure, and never sent': [
    `${both} a starts 1, a 422, a failed, b active`,
    'block b',
  ],
  'a failure that starts again by itself, as its worker slept long after it': [
    'a accepted, a starts 1, a 422, later, later, w sleeps, a starts 2 to v, a 200, a completed',
    'block a',
  ],
  'the next after a failure': [
    `${both} a starts 1, a 422, b starts 2, b 200, a failed, b completed`,
    'block b',
  ],
  'the next after a retry, before the item itself': [
    `${both} a starts 1, a 422, a retry, b starts 2, b 200, a starts 3, a 200, ${done}`,
    'block b',
  ],
  'the next although the skip was refused': [
    `${both} a starts 1, a 422, a skip refused, b starts 2, b 200, a failed, b completed`,
    'block b',
  ],
  'the next before the skip was asked for': [
    `${both} a starts 1, a 422, b starts 2, a skip, b 200, a skipped, b completed`,
    'block b',
  ],
  'the next while the head backs off': [
    `${both} a starts 1, a 503, b starts 2, b 200, a starts 3, a 200, ${done}`,
    'block b',
  ],
  'the next after a crash': [
    `${both} a starts 1, a broken, later, b starts 2, b 200, a starts 3, a 200, ${done}`,
    'block b',
  ],
  'a failure that starts again by itself': [
    `${both} a starts 1, a 422, a starts 2, a 200, b starts 3, b 200, ${done}`,
    'block a',
  ],
  'two starts for one retry': [
    `${both} a starts 1, a 422, a retry, a starts 2, a 422, a starts 3, a 200, b starts 4, b 200, ${done}`,
    'block a',
  ],
  'a retry from before the failure': [
    `${both} a starts 1, a retry, a 422, a starts 2, a 200, b starts 3, b 200, ${done}`,
    'block a',
  ],
  'two failed in one queue': [
    `${both} a starts 1, a 422, b starts 2, b 422, a failed, b failed`,
    'block b',
  ],
  'a sleeper told yes opens the block': [
    `${both} a starts 1, w sleeps, a starts 2 to v, a 422, a 200 of 1, b starts 3, b 200, a failed, b completed`,
    'block b',
  ],
  // again
  'a success started again after the queue went on': [
    `${both} a starts 1, a 200, b starts 2, b 200, later, a starts 3, a 200, ${done}`,
    'again a',
  ],
  'a success started again at once': [
    `${both} a starts 1, a 200, a starts 2, a 200, b starts 3, b 200, ${done}`,
    'again a',
  ],
  'a success started again when its worker slept long after it': [
    'a accepted, a starts 1, a 200, later, later, w sleeps, a starts 2 to v, a 200, a completed',
    'again a',
  ],
  'a parallel success started again at once': [
    'a accepted in parallel, a starts 1, a 200, a starts 2, a 200, a completed',
    'again a',
  ],
  'a start after the skip': [
    `${both} a starts 1, a 422, a skip, b starts 2, b 200, later, a starts 3, a 200, a skipped, b completed`,
    'again a',
    'block a',
  ],
  // accounted
  'an item acknowledged without a number': ['a accepted numberless', 'accounted a'],
  'an acknowledged item that is gone': [`${both} a starts 1, a 200, a completed`, 'accounted b'],
  'an acknowledged item that ran and is gone': [
    `${both} a starts 1, a 200, b starts 2, b 200, b completed`,
    'accounted a',
  ],
  'completed without a start': [`${both} a starts 1, a 200, ${done}`, 'accounted b'],
  'completed although refused': [
    `${both} a starts 1, a 422, a completed, b starts 2, b 200, b completed`,
    'block b',
    'accounted a',
  ],
  'failed although it succeeded': [`${both} a starts 1, a 200, ${blocked}`, 'accounted a'],
  'skipped by nobody': [
    `${both} a starts 1, a 422, a skipped, b waiting`,
    'accounted a',
    'drain b',
  ],
  'completed after a resolve': [
    `${both} a starts 1, a 422, a resolve, b starts 2, b 200, ${done}`,
    'accounted a',
  ],
  'retried and never started': [`${both} a starts 1, a 422, a retry, ${blocked}`, 'accounted a'],
  // invented
  'an item nobody asked for': ['a starts 1, a 200, a completed', 'invented a'],
  'a refused item that runs': ['a refused, a starts 1, a 200, a completed', 'invented a'],
  'a key asked twice, queued twice': [
    'a unknown, a accepted number 2, a starts 1 number 1, a 200, a starts 2 number 2 attempt 1, a 200, a completed number 1, a completed number 2',
    'invented a',
  ],
  'an item in two states': [
    'a accepted, a starts 1, a 422, a failed, a waiting',
    'invented a',
    'drain a',
  ],
  'an item delivered to another queue': [
    'a accepted in 7, a starts 1 at 8, a 200, a completed',
    'invented a',
  ],
  'one number for two items': [
    'a accepted number 7, b accepted number 7, a starts 1 number 7, a 200, a completed number 7',
    'invented a',
  ],
  // key
  'another key at the second try': [
    `${both} a starts 1, a 503, a starts 2 key other, a 200, b starts 3, b 200, ${done}`,
    'key a',
  ],
  'the key of another item': [
    `${both} a starts 1, a 200, b starts 2 key 1, b 200, ${done}`,
    'key b',
  ],
  'an attempt number that stands still': [
    `${both} a starts 1, a 503, a starts 2 attempt 1, a 200, b starts 3, b 200, ${done}`,
    'key a',
  ],
  // fence
  'a fence used twice': [
    `${both} a starts 1, a 503, a starts 1, a 200, b starts 2, b 200, ${done}`,
    'fence a',
  ],
  'a fence that falls from start to start': [
    `${both} a starts 2, a 200, later, a starts 1, a 200, b starts 3, b 200, ${done}`,
    'fence a',
  ],
  'a fence that falls from item to item': [
    `${both} a starts 2, a 200, b starts 1, b 200, ${done}`,
    'fence b',
  ],
  'completed by a late result': [
    `${both} a starts 1, w sleeps, a starts 2 to v, a 422, a 200 of 1, a completed, b waiting`,
    'fence a',
    'drain b',
  ],
  'failed by a late result': [
    `${both} a starts 1, w sleeps, a starts 2 to v, a 200, a 422 of 1, ${blocked}`,
    'fence a',
  ],
  // caused
  'what was caused is lost': [`a accepted, a causes c, a starts 1, a 200, a completed`, 'caused c'],
  'what was caused is there twice': [
    'a accepted, a causes c, a starts 1, a 200, c starts 2, c 200, c starts 3 number 9 attempt 1, c 200, a completed, c completed, c completed number 9',
    'invented c',
  ],
  'what was caused runs before what causes it is done': [
    'a accepted in 7, a causes c, a starts 1, c starts 2, a 200, c 200, a completed, c completed',
    'caused c',
  ],
  'what was caused comes in another order': [
    'a accepted, a causes d c, a starts 1, a 200, c starts 2, c 200, d starts 3, d 200, a completed, c completed, d completed',
    'caused c',
  ],
  'what was caused overtakes what was there': [
    `${both} a causes c, a starts 1, a 200, c starts 2, c 200, b starts 3, b 200, ${done}, c completed`,
    'order c',
  ],
  'what was caused comes to another queue': [
    'a accepted in 7, a causes c, a starts 1, a 200, c starts 2 at 9, c 200, a completed, c completed at 9',
    'invented c',
  ],
  // drain
  'an item left waiting': [`${both} a starts 1, a 200, a completed, b waiting`, 'drain b'],
  'an item left active': [`a accepted, a starts 1, a active`, 'drain a'],
  'a parallel item left behind a failed one': [
    'a accepted in parallel, b accepted in parallel, a starts 1, a 422, a failed, b waiting',
    'drain b',
  ],
  'an item left before the failed one': [
    `${both} c accepted, a starts 1, a 200, a completed, c starts 2, c 422, c failed, b waiting`,
    'order c',
    'drain b',
  ],
};

describe('the checker', () => {
  it.each(Object.entries(good))('allows: %s', (_, text) => {
    expect(verdict(text)).toEqual([]);
  });

  it.each(Object.entries(bad))('finds: %s', (_, [text, ...violations]) => {
    expect(verdict(text).sort()).toEqual(violations.sort());
  });

  /** Nothing is blocked before 2 s; then queue 1 is, until 9 s. Waits of `n` are in queue 2. */
  const quiet = { before: { from: 0, till: 2_000 }, beside: { from: 2_000, till: 9_000 } };
  const four = (names: string, start = 'starts') =>
    [...names]
      .map((n) => `${n} accepted in 2, ${n} ${start} ${n.charCodeAt(0)}, ${n} 200.`)
      .join(' ');
  const usual = `${four('abcd')} later.`;
  const stone = 'x accepted in 1, x starts 1, x 422.';
  const ended = (names: string) =>
    `${[...names].map((n) => `${n} completed`).join(', ')}, x failed`;
  const slow = (names: string) =>
    [...names]
      .map((n) => `${n} accepted in ${n}, later, ${n} starts ${n.charCodeAt(0)}, ${n} 200.`)
      .join(' ');

  it('allows: neighbours of a blocked queue that wait no longer than usual', () => {
    expect(verdict(`${usual} ${stone} ${four('efgh')} ${ended('abcdefgh')}`, { quiet })).toEqual(
      [],
    );
  });

  it('allows: an item behind the block, however long it waits', () => {
    const behind = 'y accepted in 1, later, later, later, x skip, y starts 2, y 200';
    const end = `${[...'abcdy'].map((n) => `${n} completed`).join(', ')}, x skipped`;
    expect(verdict(`${usual} ${stone} ${behind}, ${end}`, { quiet })).toEqual([]);
  });

  it('allows: a neighbour that waited while Redis or its worker did not get to run', () => {
    const asleep = 'n accepted in 2, w sleeps, n starts 200, n 200.';
    expect(verdict(`${usual} ${stone} ${asleep} ${ended('abcdn')}`, { quiet })).toEqual([]);
  });

  it('finds: neighbours of a blocked queue that wait', () => {
    const text = `${usual} ${stone} ${slow('e').replace('later', 'later, later')} ${ended('abcde')}`;
    expect(verdict(text, { quiet })).toEqual(['neighbours e']);
    expect(verdict(text)).toEqual([]);
  });

  it('finds: one neighbour of a blocked queue that always waits, among many that do not', () => {
    const many = Array.from({ length: 500 }, (_, n) => `m${n}`);
    const quick = many.map(
      (n, at) =>
        `${n} accepted in 3, meanwhile, ${n} starts ${at + 1}, meanwhile, ${n} 200, meanwhile`,
    );
    const slowly = slow('efgh').replace(/in [efgh]/g, 'in 2');
    const all = `${usual} ${stone} ${quick.join(', ')}, ${slowly}`;
    const end = ended('abcdefgh').replace(
      ', x',
      `, ${many.map((n) => `${n} completed`).join(', ')}, x`,
    );
    expect(verdict(`${all} ${end}`, { quiet }).map((one) => one.split(' ')[0])).toEqual([
      'neighbours',
    ]);
  });

  it('finds: neighbours of a blocked queue of which one in eight waits more than twice as long', () => {
    const names = Array.from({ length: 160 }, (_, n) => `m${n}`);
    const waiting = (slow: (n: number) => boolean) =>
      names.map(
        (n, at) =>
          `${n} accepted in ${at + 100}, ${slow(at) ? 'x looks, x looks, ' : ''}${n} starts ${at + 1}, ${n} 200`,
      );
    const ends = ended('abcd').replace(
      ', x',
      `, ${names.map((n) => `${n} completed`).join(', ')}, x`,
    );
    const told = (slow: (n: number) => boolean) =>
      verdict(`${usual} ${stone} ${waiting(slow).join(', ')}, ${ends}`, {
        quiet: { ...quiet, beside: { from: 2_000, till: 90_000 } },
      }).map((one) => one.split(' ')[0]);
    expect(told((n) => n % 8 === 0)).toEqual(['neighbours']);
    expect(told((n) => n % 80 === 0)).toEqual([]);
  });

  it('finds: a neighbour of a blocked queue that never runs', () => {
    const never = `${usual} ${stone} n accepted in 2, ${ended('abcd')}, n waiting`;
    expect(verdict(never, { quiet })).toEqual(['drain n', 'neighbours n']);
  });

  it('finds: a parallel item that waits for a blocked queue', () => {
    const late = 'n accepted in parallel, later, later, n starts 200, n 200.';
    expect(verdict(`${usual} ${stone} ${late} ${ended('abcdn')}`, { quiet })).toEqual([
      'neighbours n',
    ]);
  });

  const told = { noticeMs: 1_500 };
  const failed = 'a accepted, a starts 1, a 422.';

  it('allows: a failure recorded once and mailed, however late and often', () => {
    expect(
      verdict(`${failed} i tells a, later, later, i mailed, i tells a, i mailed, a failed`, told),
    ).toEqual([]);
  });

  it('allows: a mail that was taken twice, and many mails of one incident', () => {
    expect(
      verdict(`${failed} i tells a, i mailed first, i mailed first, i mailed id 2, a failed`, told),
    ).toEqual([]);
  });

  it('allows: many failures of one cause in one incident', () => {
    const two = `${failed} b accepted, a skip, b starts 2, b 422, i tells a b, i mailed`;
    expect(verdict(`${two}, a skipped, b failed`, told)).toEqual([]);
  });

  it('allows: a failure that was dealt with before anybody looked', () => {
    expect(verdict(`${failed} a skip, a skipped`, told)).toEqual([]);
  });

  it('allows: the same trouble again, once it was over', () => {
    const again = 'i tells a of x, i mailed, a retry, a starts 2, a 422, j tells a of x, j mailed';
    expect(verdict(`${failed} ${again}, a failed`, told)).toEqual([]);
  });

  it('finds: a failure that nobody recorded', () => {
    const stands = `${failed} later, later, x looks, a failed`;
    expect(verdict(stands, told)).toEqual(['told a']);
    expect(verdict(stands)).toEqual([]);
  });

  it('finds: a failure that stood for long, and was dealt with before anybody was told', () => {
    const long = `${failed} later, later, x looks`;
    expect(verdict(`${long}, a skip, a skipped`, told)).toEqual(['told a']);
    expect(verdict(`${long}, a retry, a starts 2, a 200, a completed`, told)).toEqual(['told a']);
  });

  it('allows: a failure that nobody could have recorded, as Redis was away or nobody looked', () => {
    expect(verdict(`${failed} later, x looks, later, a failed`, told)).toEqual([]);
    const away = `${failed} Redis sleeps, Redis sleeps, x looks, a failed`;
    expect(verdict(away, told)).toEqual([]);
  });

  it('allows: a mail about something else', () => {
    expect(verdict(`${failed} i tells a, i mailed, nothing mailed, a failed`, told)).toEqual([]);
  });

  it('finds: an incident without a mail', () => {
    expect(verdict(`${failed} i tells a, a failed`, told)).toEqual(['told i']);
  });

  it('finds: an incident of which one of its readers never hears', () => {
    const readers = ['desk@example.org', 'ann@example.org'];
    const text = `${failed} i tells a, i mailed, a failed`;
    expect(verdict(text, { ...told, readers })).toEqual(['told i']);
    expect(verdict(text, { ...told, readers: readers.slice(0, 1) })).toEqual([]);
  });

  it('finds: one trouble recorded as two incidents', () => {
    expect(
      verdict(
        `${failed} i tells a of x, meanwhile, j tells a of x, i mailed, j mailed, a failed`,
        told,
      ),
    ).toEqual(['told j']);
  });

  it('allows: a mail that left while its master was lost to leave again under another number', () => {
    const again = `${failed} later, i tells a, i mailed first, Redis fails over, later, i mailed first id 2, a failed`;
    expect(verdict(again, told)).toEqual([]);
    expect(
      verdict(again.replace('Redis fails over, later,', 'later, Redis fails over,'), told),
    ).toEqual(['told i']);
  });

  it('finds: an incident of which a reader is told anew', () => {
    expect(
      verdict(`${failed} i tells a, i mailed first, i mailed first id 2, a failed`, told),
    ).toEqual(['told i']);
  });

  it('finds: a mail about nothing, and an incident about nobody', () => {
    expect(verdict(`${failed} i tells a, i mailed, j mailed, a failed`, told)).toEqual(['told j']);
    expect(verdict(`${failed} i tells a nobody, i mailed, a failed`, told)).toEqual(['told i']);
  });

  it('allows: old successes that retention has taken', () => {
    const three =
      'a accepted, b accepted, c accepted, a starts 1, a 200, b starts 2, b 200, c starts 3, c 200';
    expect(verdict(`${three}, b completed, c completed`, { keepCompleted: 2 })).toEqual([]);
    expect(verdict(`${three}, c completed`, { keepCompleted: 2 })).toEqual(['accounted b']);
    expect(verdict(`${three}, b completed, c completed`)).toEqual(['accounted a']);
  });

  it('allows: an old order whose place a mail has taken', () => {
    const order = 'a accepted in parallel, a starts 1, a 200, i tells, i mailed';
    expect(verdict(order, { keepCompleted: 1 })).toEqual([]);
    expect(verdict(order.replace('i mailed', ''), { keepCompleted: 1 })).toEqual(['accounted a']);
  });

  it('finds: a failed item that retention has taken', () => {
    const gone = `${failed} b accepted in 7, b starts 2, b 200, b completed`;
    expect(verdict(gone, { keepCompleted: 1 })).toEqual(['accounted a']);
  });

  it('allows and finds: numbers of the shard that a queue lies in', () => {
    const numbers =
      'a accepted number 4, b accepted number 6, a starts 1 number 4, a 200, b starts 2 number 6, b 200, a completed number 4, b completed number 6';
    expect(verdict(numbers, { shards: 2 })).toEqual([]);
    expect(verdict(numbers, { shards: 4 })).toEqual(['invented b']);
  });

  describe('where Redis may forget its last moment', () => {
    it('allows: what was accepted, done or skipped in that moment to be undone', () => {
      expect(
        verdict('a accepted, Redis forgets, later, b accepted, b starts 1, b 200, b completed'),
      ).toEqual([]);
      expect(
        verdict(
          `a accepted, later, a starts 5, a 200, Redis forgets, later, a starts 5 attempt 1, a 200, a completed`,
        ),
      ).toEqual([]);
    });

    it('finds: a number or a fence that is given again', () => {
      expect(
        verdict(
          'a accepted number 2, Redis forgets, later, b accepted number 2, b starts 8 number 2, b 200, b completed number 2',
        ),
      ).toEqual(['invented a']);
      expect(
        verdict(
          'x accepted, x starts 9, x 200, later, Redis forgets, later, b accepted, b starts 9, b 200, x completed, b completed',
        ),
      ).toEqual(['fence b']);
    });

    it('counts what it does not judge: among those that retention keeps, and as what stands before others', () => {
      const kept =
        'a accepted, later, a starts 1, a 200, later, b accepted, b starts 2, b 200, Redis forgets';
      expect(verdict(`${kept}, b completed`, { keepCompleted: 1 })).toEqual([]);
      expect(verdict(`${kept}, b completed`, { keepCompleted: 2 })).toEqual(['accounted a']);
      const stands = 'a accepted, a starts 1, a 422, Redis forgets, later, b accepted';
      expect(verdict(`${stands}, a failed, b waiting`)).toEqual([]);
      expect(verdict(`${stands}, b waiting`)).toEqual(['drain b']);
    });

    it('finds: what was accepted long before to be gone, and what comes after out of order', () => {
      expect(verdict('a accepted, later, x accepted in 7, Redis forgets')).toEqual(['accounted a']);
      expect(
        verdict(`Redis forgets, later, ${both} b starts 1, b 200, a starts 2, a 200, ${done}`),
      ).toEqual(['order b']);
    });
  });

  describe('where a failover may undo steps, but nothing that was acknowledged', () => {
    it('allows: what was done in that moment to be done again, in its order', () => {
      expect(
        verdict(
          `${both} later, a starts 1, a 200, b starts 2, Redis fails over, a starts 3 attempt 1, b broken, a 200, b starts 4 attempt 1, b 200, ${done}`,
        ),
      ).toEqual([]);
      expect(
        verdict(
          `${both} later, a starts 1, a 422, Redis fails over, a starts 2, a 200, b starts 3, b 200, ${done}`,
        ),
      ).toEqual([]);
    });

    it('allows: a number that nobody was told of to be forgotten, and another to be given', () => {
      expect(
        verdict(
          'a unknown, later, a starts 1 number 7, a 200 of 1, Redis fails over, later, a accepted number 9, a starts 2 number 9 attempt 1, a 200, a completed number 9',
        ),
      ).toEqual([]);
    });

    it('finds: what was acknowledged in that moment to be gone', () => {
      expect(verdict('a accepted, Redis fails over')).toEqual(['accounted a']);
    });

    it('finds: what came after the head to run before it, and what was set aside to run', () => {
      expect(
        verdict(
          `${both} later, a starts 1, a 422, Redis fails over, b starts 2, b 200, a failed, b completed`,
        ),
      ).toContain('block b');
      expect(
        verdict(
          `a accepted, a starts 1, a 422, later, a skip, Redis fails over, a starts 2, a 200, a skipped`,
        ),
      ).toContain('again a');
    });

    it('finds: what was done in that moment to be done again once the heir has gone on', () => {
      expect(
        verdict(
          `${both} later, a starts 1, a 200, Redis fails over, later, later, b starts 3, b 200, a starts 4, a 200, ${done}`,
        ),
      ).toEqual(['again a']);
    });

    it('finds: what was claimed from the heir to be undone by the loss before', () => {
      expect(
        verdict(
          `a accepted, later, Redis fails over, later, later, a starts 1, a 200, a starts 2, a 200, a completed`,
        ),
      ).toEqual(['again a']);
    });

    it('allows: what a process claimed before the loss and sent long after, as it slept', () => {
      expect(
        verdict(
          `a accepted, later, w sleeps, Redis fails over, w sleeps, w sleeps, a starts 1, a 200, a starts 2 to v attempt 1, a 200, a completed`,
        ),
      ).toEqual([]);
    });

    it('finds: what was done long before to be done again', () => {
      expect(
        verdict(
          'a accepted, a starts 1, a 200, later, Redis fails over, a starts 2, a 200, a completed',
        ),
      ).toEqual(['again a']);
    });
  });

  it('names the rule, the queue, the item and the events', () => {
    const lines = history(`${both} a starts 1, b starts 2, a 200, b 200, ${done}`);
    const [violation] = check(fromText(toText(lines)), { lockMs: 1_000 });
    expect(violation).toMatchObject({ rule: 'overlap', queue: '12', item: 'b' });
    expect(violation?.says).toBe('started while a ran');
    expect(violation?.events).toMatchObject([
      { did: 'started', item: 'a', fence: 1 },
      { did: 'started', item: 'b', fence: 2 },
    ]);
  });

  it('does not mind in which order the writers are read', () => {
    for (const text of [...Object.values(good), ...Object.values(bad).map(([first]) => first)]) {
      const settings = { lockMs: 1_000 };
      const rules = (lines: Line[]) =>
        check(lines, settings)
          .map((one) => one.rule)
          .sort();
      const byWriter = history(text).sort((a, b) => (a.by < b.by ? -1 : a.by > b.by ? 1 : 0));
      expect(rules(byWriter)).toEqual(rules(history(text)));
    }
  });
});
