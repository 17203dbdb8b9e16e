import type {
  Answered,
  Broken,
  Ended,
  Enqueued,
  Line,
  Settings,
  Started,
  Verb,
} from './history.js';

/** One delivery from its start to its end; null when it never ended. */
export interface Delivery extends Started {
  readonly end: Answered | Broken | null;
}

/** All that was written about one item. */
export interface Item {
  readonly queue: string;
  readonly id: number;
  readonly name: string;
  readonly requests: readonly Enqueued[];
  /** In the order of their starts. */
  readonly deliveries: readonly Delivery[];
  /** Those that were not outdated when they started. */
  readonly starts: readonly Delivery[];
  readonly verbs: readonly Verb[];
  readonly ends: readonly Ended[];
}

export interface Queue {
  readonly name: string;
  readonly blocking: boolean;
  /** In the order of acceptance. */
  readonly items: readonly Item[];
}

/** A history, told by queue and item. */
export interface Story {
  readonly queues: readonly Queue[];
  readonly items: readonly Item[];
  readonly requests: readonly Enqueued[];
  readonly settings: Required<Omit<Settings, 'baselineP99Ms'>> & Pick<Settings, 'baselineP99Ms'>;
}

export type RuleName =
  | 'acceptance'
  | 'order'
  | 'overlap'
  | 'block'
  | 'again'
  | 'accounted'
  | 'invented'
  | 'key'
  | 'fence'
  | 'drain'
  | 'neighbours';

export interface Violation {
  readonly rule: RuleName;
  readonly queue: string;
  readonly item: string;
  readonly says: string;
  readonly events: readonly Line[];
}

/** A rule looks at a whole story and reports what breaks it. */
export type Rule = (story: Story) => Iterable<Omit<Violation, 'rule'>>;

export const breach = (
  { queue, name }: { queue: string; name: string },
  says: string,
  ...events: (Line | Delivery | null | undefined)[]
): Omit<Violation, 'rule'> => ({
  queue,
  item: name,
  says,
  events: events.filter((event) => event !== null && event !== undefined),
});

export function tell(lines: readonly Line[], settings: Settings): Story {
  const { maxDeaths = 3, parallel = ['parallel'] } = settings;
  const requests = lines.filter((line) => line.by === 'producer');
  const items = itemsOf(lines, requests);
  const queues = [...groupBy(items, (item) => item.queue)].map(([name, members]) => ({
    name,
    blocking: !parallel.includes(name),
    items: members.sort((a, b) => a.id - b.id),
  }));
  return { queues, items, requests, settings: { ...settings, maxDeaths, parallel } };
}

function itemsOf(lines: readonly Line[], requests: readonly Enqueued[]): Item[] {
  const witnessed = lines.filter((line) => line.by === 'witness');
  const ends = new Map(
    witnessed.flatMap((line) => (line.did === 'started' ? [] : [[line.delivery, line]])),
  );
  const deliveries = groupBy(
    witnessed
      .filter((line) => line.did === 'started')
      .map((line) => ({ ...line, end: ends.get(line.delivery) ?? null }))
      .sort(byStart),
    (delivery) => delivery.id,
  );
  const found = lines.filter((line) => line.by === 'end');
  const endsOf = groupBy(found, (line) => line.id);
  const verbsOf = groupBy(
    lines.filter((line) => line.by === 'operator'),
    (verb) => verb.id,
  );
  const requestsOf = groupBy(requests, (request) => request.id);

  const named = new Map<number, { queue: string; item: string }>();
  for (const one of [...requests, ...witnessed, ...found]) {
    if ('item' in one && one.id !== null && !named.has(one.id)) named.set(one.id, one);
  }
  return [...named].map(([id, { queue, item }]) => {
    const all = deliveries.get(id) ?? [];
    return {
      queue,
      id,
      name: item,
      requests: requestsOf.get(id) ?? [],
      deliveries: all,
      starts: all.filter((one, n) => all.slice(0, n).every((before) => before.fence <= one.fence)),
      verbs: verbsOf.get(id) ?? [],
      ends: endsOf.get(id) ?? [],
    };
  });
}

export const byStart = (a: Delivery, b: Delivery): number => a.at - b.at || a.fence - b.fence;

/** At equal times the end comes first: nobody can prove the contrary. */
export const endedBy = (delivery: Delivery, at: number): boolean =>
  delivery.end !== null && delivery.end.at <= at;

export const status = ({ end }: Delivery): number => (end?.did === 'answered' ? end.status : 0);

export const succeeded = (delivery: Delivery): boolean =>
  status(delivery) >= 200 && status(delivery) < 300;

/** Not to be repeated until a person says so; 408, 425, 429 and 5xx are tried again by themselves. */
export const refused = (delivery: Delivery): boolean =>
  status(delivery) >= 300 && status(delivery) < 500 && ![408, 425, 429].includes(status(delivery));

/** A verb that worked, or may have. */
export const mayHaveWorked = (verb: Verb): boolean => verb.answer !== 'refused';

/** Since when a person may have set the item aside; never is Infinity. */
export const setAsideAt = (item: Item): number =>
  Math.min(
    ...item.verbs
      .filter((verb) => verb.did !== 'retry' && mayHaveWorked(verb))
      .map((verb) => verb.asked),
  );

/**
 * A worker may sleep between its claim and its sending, so a start says little of when its lock began;
 * fences grow with every claim, so it was before any start under a higher one. Locks are renewed five
 * times in their length, and the witness learns of a start a little late.
 */
export function lockMayBeLost(before: Delivery, start: Delivery, story: Story): boolean {
  if (start.fence <= before.fence) return false;
  let claimed = before.at;
  for (const item of story.items)
    for (const one of item.deliveries)
      if (one.fence > before.fence && one.at < claimed) claimed = one.at;
  return start.at - claimed >= story.settings.lockMs * 0.6;
}

/** Deliveries that came to their end after a higher fence had taken over. */
export function lateResults({ starts, deliveries }: Item): Delivery[] {
  const valid = starts.at(-1);
  return deliveries.filter(
    (one) => valid && one.fence < valid.fence && one.end && one.end.at > valid.at,
  );
}

export function groupBy<K, T>(all: readonly T[], keyOf: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group) group.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return groups;
}
