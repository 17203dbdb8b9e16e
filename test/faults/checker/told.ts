import { breach, groupBy, type Rule } from './story.js';

/** Every failure belongs to an incident, each incident is recorded once, and a mail tells of it. */
export const told: Rule = function* ({ items, incidents, mails, settings }) {
  if (!settings.mails) return;
  const known = groupBy(incidents, (one) => one.incident);
  for (const [name, same] of known) {
    const [first] = same;
    if (same[1])
      yield breach({ queue: first!.queue, name }, 'was recorded more than once', ...same);
  }
  const mailed = groupBy(mails, (mail) => mail.incident);
  for (const [name, same] of mailed)
    if (!known.has(name))
      yield breach({ queue: '', name }, 'was mailed and never recorded', ...same);
  for (const [name, [first]] of known)
    if (first && !mailed.has(name))
      yield breach({ queue: first.queue, name }, 'was never mailed', first);

  const told = new Set(incidents.flatMap((one) => one.ids.map((id) => `${one.queue} ${id}`)));
  for (const item of items) {
    const end = item.ends.at(-1);
    // What is failed, or was dealt with by a person, failed once.
    const dealtWith = item.verbs.find((verb) => verb.answer === 'done');
    if ((end?.state === 'failed' || dealtWith) && !told.has(`${item.queue} ${item.id}`))
      yield breach(item, 'failed and belongs to no incident', end, dealtWith);
  }
  const ids = new Set(items.map((item) => `${item.queue} ${item.id}`));
  for (const one of incidents) {
    const stray = one.ids.find((id) => !ids.has(`${one.queue} ${id}`));
    if (stray !== undefined)
      yield breach(
        { queue: one.queue, name: one.incident },
        `tells of item ${stray}, which there is not`,
        one,
      );
  }
};
