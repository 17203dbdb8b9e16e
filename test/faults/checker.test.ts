import { describe, expect, it } from '@jest/globals';
import { check } from './checker/checker.js';
import { fromText, type Line, type Settings, toText } from './checker/history.js';

/**
 * Histories by hand, one step a phrase, 100 ms apart; a lock lasts 1,000 ms. `later` is 1,000 ms more,
 * `meanwhile` is no time at all. Items are numbered in the order in which they are first mentioned.
 *
 *     a accepted | refused | unknown   a producer asks for item a (`in 7`: of queue 7, `batch b`, `number 9`, `keyless`, `volatile`)
 *     a starts 5                       its delivery arrives under fence 5 (`key k`, `attempt 3`)
 *     a 200   a 200 of 5   a broken    the witness answers its latest delivery, or that under fence 5
 *     a retry | skip | resolve         an operator deals with it (`refused`, `unknown`, `took 500`)
 *     a completed                      how it ended (`number 9`)
 */
function history(text: string): Line[] {
  const lines: Line[] = [];
  const items = new Map<string, { id: number; queue: string; attempts: number }>();
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
          id: verb === 'accepted' ? id : null,
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
        });
        break;
      }
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
          lines.push({ by: 'witness', did: 'answered', at, delivery, status: Number(verb) });
        else lines.push({ by: 'end', queue: option('at') ?? queue, id, item, state: verb });
      }
    }
  }
  return lines;
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
  'a crash before the answer': `${both} a starts 1, a broken, later, a starts 2, a 200, b starts 3, b 200, ${done}`,
  'a crash after the answer, before it was recorded': `${both} a starts 1, a 200, later, a starts 2, a 200, b starts 3, b 200, ${done}`,
  'a crash after a refusal, before it was recorded': `${both} a starts 1, a 422, later, a starts 2, a 200, b starts 3, b 200, ${done}`,
  'an item given back by a worker that stops': `${both} a starts 1, a broken, a starts 2, a 200, b starts 3, b 200, ${done}`,
  'a sleeper overlapped by a higher fence': `${both} a starts 1, later, a starts 2, a 200, b starts 3, b 200, a 200 of 1, ${done}`,
  'a sleeper told no, long after all is done': `${both} a starts 1, later, a starts 2, a 200, b starts 3, b 200, a 422 of 1, ${done}`,
  'a sleeper told yes, after the other was told no': `${both} a starts 1, later, a starts 2, a 422, a 200 of 1, ${blocked}`,
  'a request that slept on its way, under an old fence': `${both} a starts 2 attempt 2, a 200, b starts 3, a starts 1 attempt 1, a 412, b 200, ${done}`,
  'an item that killed three workers': `${both} a starts 1, a broken, later, a starts 2, a broken, later, a starts 3, a broken, ${blocked}`,
  'a killer that is skipped while its last worker sleeps': `${both} a starts 1, later, a starts 2, later, a starts 3, later, a skip, b starts 4, b 200, a skipped, b completed`,
  'claims that the witness never saw': `${both} a starts 3 attempt 3, a 200, b starts 9 attempt 2, b 200, ${done}`,
  'a worker that slept between its claim and its sending':
    'x accepted in 7, a accepted, x starts 2, x 200, later, a starts 1, a starts 3, a 200 of 1, a 200 of 3, x completed, a completed',
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
  // overlap
  'two at a time': [`${both} a starts 1, b starts 2, a 200, b 200, ${done}`, 'overlap b'],
  'two that start at the same time': [
    `${both} a starts 1, meanwhile, b starts 2, a 200, b 200, ${done}`,
    'overlap b',
  ],
  'the next beside the overlapping delivery': [
    `${both} a starts 1, later, a starts 2, b starts 3, a 200, b 200, ${done}`,
    'overlap b',
  ],
  'the next because a sleeper was told yes': [
    `${both} a starts 1, later, a starts 2, a 200 of 1, b starts 3, a 200, b 200, ${done}`,
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
  // block
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
    `${both} a starts 1, later, a starts 2, a 422, a 200 of 1, b starts 3, b 200, a failed, b completed`,
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
  'a parallel success started again at once': [
    'a accepted in parallel, a starts 1, a 200, a starts 2, a 200, a completed',
    'again a',
  ],
  'a start after the skip': [
    `${both} a starts 1, a 422, a skip, b starts 2, b 200, later, a starts 3, a 200, a skipped, b completed`,
    'again a',
  ],
  // accounted
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
  'a fence that falls from item to item': [
    `${both} a starts 2, a 200, b starts 1, b 200, ${done}`,
    'fence b',
  ],
  'completed by a late result': [
    `${both} a starts 1, later, a starts 2, a 422, a 200 of 1, a completed, b waiting`,
    'fence a',
    'drain b',
  ],
  'failed by a late result': [
    `${both} a starts 1, later, a starts 2, a 200, a 422 of 1, ${blocked}`,
    'fence a',
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

  const blockedQueue = 'a accepted in 1, a starts 1, a 422.';
  const neighbour = 'n accepted in 2, n starts 2, n 200, a failed, n completed';

  it('allows: a neighbour of a blocked queue that waits no longer than usual', () => {
    expect(verdict(`${blockedQueue} ${neighbour}`, { baselineP99Ms: 100 })).toEqual([]);
  });

  it('allows: a neighbour that waited while nothing was blocked', () => {
    const slow = 'n accepted in 2, later, n starts 1, n 200, n completed.';
    expect(
      verdict(`${slow} a accepted in 1, a starts 2, a 422, a failed`, { baselineP99Ms: 100 }),
    ).toEqual([]);
  });

  it('allows: an item behind the block, however long it waits', () => {
    const behind = 'b accepted in 1, later, a skip, b starts 2, b 200, a skipped, b completed';
    expect(verdict(`${blockedQueue} ${behind}`, { baselineP99Ms: 100 })).toEqual([]);
  });

  it('finds: a neighbour of a blocked queue that waits', () => {
    const slow = neighbour.replace('n starts', 'later, n starts');
    expect(verdict(`${blockedQueue} ${slow}`, { baselineP99Ms: 100 })).toEqual(['neighbours n']);
    expect(verdict(`${blockedQueue} ${slow}`)).toEqual([]);
  });

  it('finds: a parallel item that waits for a blocked queue', () => {
    const slow = neighbour.replace('in 2', 'in parallel').replace('n starts', 'later, n starts');
    expect(verdict(`${blockedQueue} ${slow}`, { baselineP99Ms: 100 })).toEqual(['neighbours n']);
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
