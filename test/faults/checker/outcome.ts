import {
  breach,
  type Item,
  lateResults,
  mayHaveWorked,
  type Queue,
  type Rule,
  refused,
  type Story,
  succeeded,
} from './story.js';

/** Every acknowledged item is still there, in a state that what was seen of it explains. */
export const accounted: Rule = function* (story) {
  const { queues, items, settings } = story;
  const forgotten = new Map(
    queues.map(({ name }) => [name, forgottenBefore(story.whole.get(name)!, story)]),
  );
  for (const one of story.requests)
    if (one.did === 'accepted' && one.id === null)
      yield breach({ ...one, name: one.item }, 'was acknowledged without a number', one);
  for (const item of items) {
    const end = item.ends.at(-1);
    const promised = item.requests.find((request) => request.durable);
    const success = item.starts.findLast(succeeded)?.end?.at ?? Number.POSITIVE_INFINITY;
    const mayGo = success < forgotten.get(item.queue)!;
    if (!end && promised && !mayGo) yield breach(item, 'was acknowledged and is gone', promised);
    const wrong = end && unexplained(item, end.state, settings.maxDeaths);
    if (wrong) yield breach(item, wrong, ...item.deliveries, ...item.verbs, end);
  }
};

/** Successes before this time may have been forgotten: so many came after them. Mails are items like others. */
function forgottenBefore({ items, blocking }: Queue, { mails, settings }: Story): number {
  const { keepCompleted } = settings;
  if (keepCompleted === undefined) return Number.NEGATIVE_INFINITY;
  const sent = blocking ? [] : [...new Map(mails.map((mail) => [mail.id, mail.at])).values()];
  const successes = [
    ...items.flatMap((item) => item.starts.findLast(succeeded)?.end?.at ?? []),
    ...sent,
  ].sort((a, b) => b - a);
  return successes[keepCompleted - 1] ?? Number.NEGATIVE_INFINITY;
}

function unexplained(item: Item, state: string, maxDeaths: number): string | null {
  const last = item.starts.at(-1);
  const aside = item.verbs.filter((verb) => verb.did !== 'retry');
  if (state === 'skipped' || state === 'resolved') {
    const word = state === 'skipped' ? 'skip' : 'resolve';
    const asked = aside.some((verb) => verb.did === word && mayHaveWorked(verb));
    return asked ? null : `is ${state} by nobody`;
  }
  if (aside.some((verb) => verb.answer === 'done'))
    return `is ${state} although a person set it aside`;
  if (state === 'completed') {
    // That a late result did it is for the rule of the fences to say.
    const success = last && [last, ...lateResults(item)].some(succeeded);
    return success ? null : 'is completed but did not succeed';
  }
  if (state !== 'failed') return null;
  if (!last) return 'failed without a start';
  const killers = last.attempt >= maxDeaths;
  if (succeeded(last) && !killers && !lateResults(item).some(refused))
    return 'failed although it succeeded';
  const over = last.end?.at ?? Number.POSITIVE_INFINITY;
  const retry = item.verbs.find(
    (verb) => verb.did === 'retry' && verb.answer === 'done' && verb.asked > over,
  );
  return retry ? 'was retried and never started again' : null;
}

/** When the faults are over, everything runs that no failed item stands before. */
export const drain: Rule = function* ({ queues, whole }) {
  for (const { name, blocking, items } of queues) {
    const failed = whole.get(name)?.items.find((item) => item.ends.at(-1)?.state === 'failed');
    for (const item of items) {
      const end = item.ends.at(-1);
      if (!end || ['completed', 'failed', 'skipped', 'resolved'].includes(end.state)) continue;
      if (!blocking || !failed || failed.id > item.id)
        yield breach(item, `is still ${end.state}, and nothing stands before it`, end);
    }
  }
};
