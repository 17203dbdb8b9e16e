import type { Incident } from './history.js';
import {
  breach,
  covered,
  groupBy,
  type Item,
  mayHaveWorked,
  type Rule,
  refused,
  type Story,
} from './story.js';

/** Once to one reader of an incident. */
const ONCE = ['first', 'recovery'];

/** Every failure that stands long enough belongs to an incident, which is recorded once and mailed. */
export const told: Rule = function* (story) {
  const { items, incidents, settings } = story;
  const { noticeMs } = settings;
  if (noticeMs === undefined) return;
  yield* recordedTwice(incidents);
  const lost = story.lapses.steps.get('') ?? [];
  const mails = story.mails.filter((mail) => mail.incident !== '');
  const known = groupBy(incidents, (one) => one.incident);
  const mailed = groupBy(mails, (mail) => mail.incident);
  for (const [name, same] of mailed) {
    const subject = { queue: '', name };
    if (!known.has(name)) yield breach(subject, 'was mailed and never recorded', ...same);
    // One that left while its master was lost may have been forgotten with it, and leaves again under another number.
    const kept = same.filter(({ at }) => !lost.some(({ from, till }) => at >= from && at <= till));
    for (const [which, alike] of groupBy(kept, (mail) => `${mail.stage} to ${mail.to}`)) {
      const ids = new Set(alike.map((mail) => mail.id));
      if (ids.size > 1 && ONCE.some((stage) => which.startsWith(`${stage} `)))
        yield breach(subject, `was mailed twice: ${which}`, ...alike);
    }
  }
  for (const [name, [first]] of known) {
    const heard = new Set(mailed.get(name)?.map(({ to }) => to));
    const deaf = settings.readers?.find((reader) => !heard.has(reader));
    if (first && (heard.size === 0 || deaf))
      yield breach(
        { queue: '', name },
        `was never mailed${deaf ? ` to ${deaf}` : ''}: ${first.about}`,
        first,
      );
  }

  const told = new Set(incidents.flatMap((one) => one.ids));
  for (const item of items) {
    if (told.has(item.id)) continue;
    const stood = stoodFor(item, story);
    if (stood >= noticeMs)
      yield breach(
        item,
        `stood failed for ${Math.round(stood)} ms and belongs to no incident`,
        ...item.starts,
        ...item.verbs,
        item.ends.at(-1),
      );
  }
  const ids = new Set(items.map((item) => item.id));
  for (const one of incidents) {
    const stray = one.ids.find((id) => !ids.has(id));
    if (stray !== undefined)
      yield breach(
        { queue: '', name: one.incident },
        `tells of item ${stray}, which there is not`,
        one,
      );
  }
};

type Found = ReturnType<typeof breach>;

/** The same trouble, open as two incidents at one look. */
function* recordedTwice(incidents: readonly Incident[]): Generator<Found> {
  const open = incidents.filter((one) => one.open);
  for (const look of groupBy(open, (one) => one.at).values()) {
    for (const [about, same] of groupBy(look, (one) => one.about)) {
      const names = new Set(same.map((one) => one.incident));
      if (names.size > 1)
        yield breach(
          { queue: '', name: [...names].at(-1)! },
          `is recorded twice: ${about}`,
          ...same,
        );
    }
  }
}

/**
 * The longest time from a refusal to the last look before a person dealt with the item, or it ran again, without
 * the times in which Redis was away or slow. Milliseconds.
 */
function stoodFor(item: Item, { looks, lapses }: Story): number {
  const times = item.starts.map((start, n) => {
    const last = n === item.starts.length - 1 && item.ends.at(-1)?.state === 'failed';
    if (!start.end || !(refused(start) || last)) return 0;
    const from = start.end.at;
    const verbs = item.verbs.filter((verb) => mayHaveWorked(verb) && verb.answered >= from);
    const till = Math.min(
      item.starts[n + 1]?.at ?? Number.POSITIVE_INFINITY,
      ...verbs.map((verb) => verb.asked),
    );
    const look = looks.findLast((at) => at < till) ?? from;
    return look - from - covered(lapses.locks.get('') ?? [], from, look);
  });
  return Math.max(0, ...times);
}
