import type {
  Answered,
  Broken,
  Ended,
  Enqueued,
  Faulted,
  Incident,
  Line,
  Mail,
  Settings,
  Started,
  Steered,
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
  /** The same with the items that are not judged, by name: they take up room and stand before others all the same. */
  readonly whole: ReadonlyMap<string, Queue>;
  readonly items: readonly Item[];
  readonly requests: readonly Enqueued[];
  readonly steered: readonly Steered[];
  readonly incidents: readonly Incident[];
  readonly mails: readonly Mail[];
  /** When somebody saw every incident that was open; in order. */
  readonly looks: readonly number[];
  /** Numbers that more than one item bears, with the lines that show it. */
  readonly twofold: readonly { readonly id: number; readonly lines: readonly Line[] }[];
  readonly lapses: Lapses;
  readonly settings: Settings & Required<Pick<Settings, 'maxDeaths' | 'parallel'>>;
}

/** What was done to each process, in the order of its beginning; '' befell them all. */
export type Lapses = Readonly<Record<Faulted['may'], ReadonlyMap<string, readonly Faulted[]>>>;

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
  | 'neighbours'
  | 'caused'
  | 'paused'
  | 'told';

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

export function tell(written: readonly Line[], settings: Settings): Story {
  const { maxDeaths = 3, parallel = ['parallel'] } = settings;
  const all = [...written, ...written.flatMap(asked)];
  const lapses = lapsesOf(all.filter((line) => line.by === 'fault'));
  const lines = acknowledged(remembered(all, lapses), lapses);
  const requests = lines.filter((line) => line.by === 'producer');
  const { items } = itemsOf(lines, requests);
  const every = itemsOf(
    all,
    all.filter((line) => line.by === 'producer'),
  );
  const queuesOf = (some: readonly Item[]): Queue[] =>
    [...groupBy(some, (item) => item.queue)].map(([name, members]) => ({
      name,
      blocking: !parallel.includes(name),
      items: members.sort((a, b) => a.id - b.id),
    }));
  const queues = queuesOf(items);
  return {
    queues,
    whole: new Map(queuesOf(every.items).map((queue) => [queue.name, queue])),
    items,
    requests,
    steered: lines.filter((line) => line.by === 'steering'),
    incidents: lines.filter((line) => line.by === 'incident'),
    mails: lines.filter((line) => line.by === 'mail'),
    looks: lines
      .filter((line) => line.by === 'look')
      .map((line) => line.at)
      .sort((a, b) => a - b),
    twofold: every.twofold,
    lapses,
    settings: { ...settings, maxDeaths, parallel },
  };
}

/** What an answer causes it has asked for, once, however often it is given. */
const asked = (line: Line): Enqueued[] =>
  line.by !== 'witness' || line.did !== 'answered'
    ? []
    : (line.caused ?? []).map(({ queue, item }) => ({
        by: 'producer',
        did: 'unknown',
        asked: line.at,
        answered: line.at,
        queue,
        item,
        idempotencyKey: `caused as ${item}`,
        batch: null,
        durable: true,
        id: null,
      }));

function lapsesOf(faults: readonly Faulted[]): Lapses {
  const of = (may: Faulted['may']) =>
    groupBy(
      faults.filter((line) => line.may === may).sort((a, b) => a.from - b.from),
      (line) => line.process ?? '',
    );
  return { locks: of('locks'), answers: of('answers'), memory: of('memory'), steps: of('steps') };
}

/**
 * Without what a Redis that lost its last moment may have undone: every item that anything happened
 * to in that moment, or that was on its way then, is left out. No number and no fence may be given again.
 */
function remembered(lines: readonly Line[], { memory }: Lapses): readonly Line[] {
  const moments = memory.get('') ?? [];
  if (moments.length === 0) return lines;
  const within = (from: number, till: number) =>
    moments.some((moment) => from <= moment.till && till >= moment.from);
  const ends = new Map<number, number>();
  for (const line of lines)
    if (line.by === 'witness' && line.did !== 'started') ends.set(line.delivery, line.at);
  const out = new Set<number>();
  const outNames = new Set<string>();
  for (const line of lines) {
    if (line.by === 'fault' || line.by === 'steering' || line.by === 'mail' || line.by === 'look')
      continue;
    if (line.by === 'incident' || (line.by === 'witness' && line.did !== 'started')) continue;
    const id = line.id;
    const touched =
      line.by === 'end'
        ? false
        : 'asked' in line
          ? within(line.asked, line.answered)
          : within(line.at, ends.get(line.delivery) ?? line.at);
    if (!touched) continue;
    if (id !== null) out.add(id);
    if ('item' in line) outNames.add(line.item);
  }
  for (const line of lines)
    if ('item' in line && line.id !== null && (out.has(line.id) || outNames.has(line.item))) {
      out.add(line.id);
      outNames.add(line.item);
    }
  const gone = new Set<number>();
  return lines.flatMap((line): Line[] => {
    if (line.by === 'witness' && line.did === 'started') {
      if (!out.has(line.id) && !outNames.has(line.item)) return [line];
      gone.add(line.delivery);
      return [];
    }
    if (line.by === 'witness') return gone.has(line.delivery) ? [] : [line];
    // A resume that was forgotten leaves a pause, in which nothing is to start anyway.
    if (line.by === 'steering')
      return line.did === 'pause' && within(line.asked, line.answered) ? [] : [line];
    if ('item' in line && outNames.has(line.item)) return [];
    return 'id' in line && typeof line.id === 'number' && out.has(line.id) ? [] : [line];
  });
}

/**
 * Without the numbers that a lost master gave out and nobody was told of: what was asked for under
 * one may have been delivered, was forgotten, and came again under another when it was asked for again.
 */
function acknowledged(lines: readonly Line[], { steps }: Lapses): readonly Line[] {
  const moments = steps.get('') ?? [];
  if (moments.length === 0) return lines;
  const known = new Set<number>();
  const gone = new Set<number>();
  for (const line of lines)
    if ((line.by === 'producer' || line.by === 'end') && line.id !== null) known.add(line.id);
  for (const line of lines) {
    if (line.by !== 'witness' || line.did !== 'started' || known.has(line.id)) continue;
    if (moments.some(({ from, till }) => line.at >= from && line.at <= till)) gone.add(line.id);
  }
  const deliveries = new Set(
    lines.flatMap((line) =>
      line.by === 'witness' && line.did === 'started' && gone.has(line.id) ? [line.delivery] : [],
    ),
  );
  return lines.flatMap((line): Line[] => {
    if (line.by === 'witness') return deliveries.has(line.delivery) ? [] : [line];
    if (line.by === 'incident') return [{ ...line, ids: line.ids.filter((id) => !gone.has(id)) }];
    return 'id' in line && typeof line.id === 'number' && gone.has(line.id) ? [] : [line];
  });
}

function itemsOf(
  lines: readonly Line[],
  requests: readonly Enqueued[],
): { items: Item[]; twofold: { id: number; lines: Line[] }[] } {
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
  const twofold = new Map<number, { id: number; lines: Line[] }>();
  const name = (one: Line & { id: number | null; queue: string; item: string }) => {
    if (one.id === null) return;
    const before = named.get(one.id);
    if (!before) named.set(one.id, one);
    else if (before.item !== one.item && !twofold.has(one.id))
      twofold.set(one.id, { id: one.id, lines: [before as unknown as Line, one] });
  };
  for (const one of requests) name(one);
  for (const one of witnessed) if (one.did === 'started') name(one);
  for (const one of found) name(one);
  const items = [...named].map(([id, { queue, item }]) => {
    const all = deliveries.get(id) ?? [];
    return {
      queue,
      id,
      name: item,
      requests: requestsOf.get(id) ?? [],
      deliveries: all,
      starts: valid(all),
      verbs: verbsOf.get(id) ?? [],
      ends: endsOf.get(id) ?? [],
    };
  });
  return { items, twofold: [...twofold.values()] };
}

function valid(all: readonly Delivery[]): Delivery[] {
  let highest = Number.NEGATIVE_INFINITY;
  return all.filter((one) => {
    const first = one.fence >= highest;
    highest = Math.max(highest, one.fence);
    return first;
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

/**
 * Since when a person may have set the item aside; never is Infinity. A verb that nobody heard the answer of worked
 * only if no later one did, and the item is found so in the end; but with a lost master it may be forgotten.
 */
export function setAsideAt({ verbs, ends }: Item, { lapses }: Story): number {
  const aside = verbs.filter((verb) => verb.did !== 'retry' && mayHaveWorked(verb));
  const done = aside.some((verb) => verb.answer === 'done');
  const state = ends.at(-1)?.state;
  const may = aside.filter(
    (verb) =>
      verb.answer === 'done' ||
      (!done && (!state || state === 'skipped' || state === 'resolved')) ||
      (lapses.steps.get('') ?? []).some(({ till }) => till >= verb.asked),
  );
  return Math.min(...may.map((verb) => verb.asked));
}

/** A claim may be this much older than its arrival at the witness, an answer as much older than its record, in milliseconds. */
const ON_ITS_WAY_MS = 1_500;

/**
 * Whether the worker of `before` can really have lost its lock by the time of `start`: that bears a
 * higher fence, and something kept the very process (or every process) from renewing for about a
 * lock's length. Locks are renewed five times in their length and given up before they end, so six
 * tenths of it will do. A worker may have slept between its claim and its sending. What began only after the
 * delivery was over, and had time to be recorded, cost it nothing.
 */
export function lockMayBeLost(before: Delivery, start: Delivery, story: Story): boolean {
  if (start.fence <= before.fence) return false;
  const enough = story.settings.lockMs * 0.6;
  return befell(story.lapses.locks, before, (lapse) => {
    const from = Math.max(lapse.from, before.at - ON_ITS_WAY_MS - (lapse.till - lapse.from));
    const till = Math.min(lapse.till, start.at);
    const over = (before.end?.at ?? Number.POSITIVE_INFINITY) + ON_ITS_WAY_MS;
    return lapse.till >= before.at - ON_ITS_WAY_MS && lapse.from <= over && till - from >= enough;
  });
}

/**
 * Whether what became of a delivery may have been undone by the loss of a master before `start`: it was claimed
 * while that master still took commands, and was not over before those that it kept to itself.
 */
export const mayBeUndone = (before: Delivery, start: Delivery, story: Story): boolean =>
  undoneBy(before, start, story).length > 0;

/** The losses of a master that may have undone it. */
export function undoneBy(before: Delivery, start: Delivery, { lapses }: Story): Faulted[] {
  if (start.fence <= before.fence) return [];
  return (lapses.steps.get('') ?? []).filter(
    (moment) =>
      mayBeClaimedBefore(moment.till, before, lapses) &&
      (before.end?.at ?? start.at) >= moment.from &&
      start.at >= moment.from,
  );
}

/** What the witness sees has been on its way for a moment, or longer when its process did not get to run. */
export function mayBeClaimedBefore(
  till: number,
  { at, process = '' }: Delivery,
  lapses: Lapses,
): boolean {
  if (at <= till + ON_ITS_WAY_MS) return true;
  const own = process === '' ? [] : (lapses.locks.get(process) ?? []);
  return own.some((one) => one.from <= till + ON_ITS_WAY_MS && one.till >= at - ON_ITS_WAY_MS);
}

/** Whether something kept a delivery on its way until long after the item's next claim had arrived. */
export const heldUp = (late: Delivery, newer: Delivery, { lapses }: Story): boolean =>
  [lapses.locks, lapses.answers, lapses.steps].some((kind) =>
    befell(kind, late, ({ from, till }) => from <= newer.at && till >= late.at - ON_ITS_WAY_MS),
  );

/** Whether the answer to a delivery can have been lost on its way. */
export const answerMayBeLost = (delivery: Delivery, { lapses }: Story): boolean =>
  delivery.end !== null &&
  befell(lapses.answers, delivery, ({ from, till }) => {
    const at = delivery.end?.at ?? 0;
    return from <= at && at <= till;
  });

/** One sending that reached the witness twice, since a connection ended before its answer. */
export const sentTwice = (before: Delivery, start: Delivery, story: Story): boolean =>
  before.fence === start.fence &&
  before.process === start.process &&
  answerMayBeLost(before, story);

function befell(
  lapses: ReadonlyMap<string, readonly Faulted[]>,
  { process = '' }: Delivery,
  so: (lapse: Faulted) => boolean,
): boolean {
  return [process, ''].some((whom) => lapses.get(whom)?.some(so) ?? false);
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

/** How much of a time the lapses take; they are in the order of their beginnings. */
export function covered(all: readonly Faulted[], from: number, till: number): number {
  let [ms, reached] = [0, from];
  for (const one of all) {
    const end = Math.min(one.till, till);
    ms += Math.max(0, end - Math.max(one.from, reached));
    reached = Math.max(reached, end);
  }
  return ms;
}
