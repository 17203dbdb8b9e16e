import {
  breach,
  byStart,
  groupBy,
  heldUp,
  lateResults,
  mayBeUndone,
  type Rule,
  refused,
  type Story,
  sentTwice,
  succeeded,
} from './story.js';

/** Numbers grow in the order of acceptance, and a batch takes one unbroken range of its queue. */
export const acceptance: Rule = function* (story) {
  const { queues, requests } = story;
  const requestsOf = groupBy(requests, (request) => request.item);
  for (const { items } of queues) {
    const accepted = items.flatMap((item) => {
      const [first] = item.requests;
      // One whose answer got lost may have been accepted already then.
      const asked = Math.min(...(requestsOf.get(item.name) ?? []).map((one) => one.asked));
      return first ? [{ ...item, asked, first }] : [];
    });
    // From the highest number down: who was asked for after this one was answered has a higher one.
    let earliest = accepted.at(-1);
    for (const one of accepted.toReversed()) {
      if (earliest && earliest.first.answered < one.asked)
        yield breach(one, `has a lower number than ${earliest.name}`, earliest.first, one.first);
      if (!earliest || one.first.answered < earliest.first.answered) earliest = one;
    }
    const places = new Map(items.map((one, n) => [one.id, n]));
    for (const [batch, members] of groupBy(accepted, (one) => one.first.batch)) {
      if (batch === null) continue;
      const between = items.slice(places.get(members[0]!.id)! + 1, places.get(members.at(-1)!.id));
      const stranger = between.find((one) => one.requests[0]?.batch !== batch);
      if (stranger) yield breach(stranger, `stands inside batch ${batch}`, ...stranger.requests);
    }
  }
  yield* torn(story);
  // Producers write a batch down in the order in which they asked for it.
  const batches = groupBy(requests, (one) => one.batch && `${one.queue} ${one.batch} ${one.asked}`);
  for (const [batch, members] of batches) {
    if (batch === null) continue;
    for (const [n, one] of members.entries()) {
      const before = members[n - 1];
      if (before && one.id !== null && before.id !== null && one.id < before.id)
        yield breach({ ...one, name: one.item }, 'changed places in its batch', before, one);
    }
  }
};

/** All of a batch landed, or none of it, whatever its producer heard. */
function* torn({ items, requests, lapses }: Story) {
  const landed = new Set(
    items.filter((item) => item.deliveries.length + item.ends.length > 0).map(({ name }) => name),
  );
  const batches = groupBy(requests, (one) => one.batch && `${one.batch} ${one.asked}`);
  for (const [batch, members] of batches) {
    // One that was accepted is accounted for item by item; a lost master may have taken its numbers along.
    if (batch === null || members.some((one) => one.did === 'accepted')) continue;
    if (lapses.steps.get('')?.some(({ till }) => till >= members[0]!.asked)) continue;
    const missing = members.find(({ item }) => !landed.has(item));
    if (missing && members.some(({ item }) => landed.has(item)))
      yield breach({ ...missing, name: missing.item }, 'is missing from its batch', ...members);
  }
}

/** What runs was asked for, once, there, and not refused; and no number is given to two. */
export const invented: Rule = function* ({ items, requests, twofold, settings, queues }) {
  for (const { id, lines } of twofold) {
    const [first] = lines;
    if (first && 'item' in first)
      yield breach({ queue: first.queue, name: first.item }, `shares number ${id}`, ...lines);
  }
  const { shards = 1 } = settings;
  for (const { items: members } of queues) {
    const [first] = members;
    const other = members.find((one) => first && one.id % shards !== first.id % shards);
    if (other) yield breach(other, `has a number of another shard than ${first!.name}`);
  }
  const asked = groupBy(requests, (request) => request.item);
  for (const item of items) {
    const mine = asked.get(item.name) ?? [];
    const traces = [...item.deliveries, ...item.ends];
    const stray = traces.find((trace) => mine.every((request) => request.queue !== trace.queue));
    if (mine.every((request) => request.did === 'refused'))
      yield breach(item, mine[0] ? 'was refused' : 'was never asked for', ...mine, traces[0]);
    else if (stray) yield breach(item, 'is in another queue than asked for', ...mine, stray);
    if (item.ends[1]) yield breach(item, 'ended twice', ...item.ends);
  }
  for (const [name, same] of groupBy(items, (item) => item.name)) {
    const mine = (asked.get(name) ?? []).filter((request) => request.did !== 'refused');
    const keys = new Set(mine.map((one, n) => one.idempotencyKey ?? n));
    if (same.length > Math.max(1, keys.size))
      yield breach(same.at(-1)!, `was queued ${same.length} times`, ...mine);
  }
};

/** One key an item, the same at each delivery and nobody else's; the attempts count up. */
export const key: Rule = function* (story) {
  const { items } = story;
  const owners = new Map<string, number>();
  for (const item of items) {
    const [first] = item.deliveries;
    if (!first) continue;
    const other = item.deliveries.find((one) => one.key !== first.key);
    if (other) yield breach(item, 'was sent under two keys', first, other);
    if ((owners.get(first.key) ?? item.id) !== item.id)
      yield breach(item, `was sent under the key of item ${owners.get(first.key)}`, first);
    owners.set(first.key, item.id);
    for (const [n, start] of item.starts.entries()) {
      const before = item.starts[n - 1];
      const again =
        before && (sentTwice(before, start, story) || mayBeUndone(before, start, story));
      if (!again && start.attempt <= (before?.attempt ?? 0))
        yield breach(item, 'has an attempt number that does not grow', before, start);
    }
  }
};

/** Every claim has a higher fence, and what comes back under an older one changes nothing. */
export const fence: Rule = function* (story) {
  const { queues, items } = story;
  for (const { items: members } of queues.filter((queue) => queue.blocking)) {
    const starts = members
      .flatMap((item) => item.starts.map((start) => ({ item, start })))
      .sort((a, b) => byStart(a.start, b.start));
    for (const [n, { item, start }] of starts.entries()) {
      const before = starts[n - 1]?.start;
      if (before && before.id !== item.id && start.fence <= before.fence)
        yield breach(item, 'has a fence that does not grow', before, start);
    }
  }
  for (const item of items) {
    for (const same of groupBy(item.deliveries, (one) => one.fence).values())
      if (same[1] && !sentTwice(same[0]!, same[1], story))
        yield breach(item, 'was delivered twice under one fence', ...same);
    for (const late of item.deliveries.filter((one) => !item.starts.includes(one))) {
      const newer = item.starts.find((one) => one.fence > late.fence);
      if (newer && !heldUp(late, newer, story))
        yield breach(item, 'came under an outdated fence, and nothing had held it up', newer, late);
    }
    const valid = item.starts.at(-1);
    const end = item.ends.at(-1);
    if (!valid || !end) continue;
    const late = lateResults(item);
    const done = late.find(succeeded);
    const failed = late.find(refused);
    if (end.state === 'completed' && !succeeded(valid) && done)
      yield breach(item, 'was completed by a late result', valid, done, end);
    if (end.state === 'failed' && succeeded(valid) && failed)
      yield breach(item, 'was failed by a late result', valid, failed, end);
  }
};
