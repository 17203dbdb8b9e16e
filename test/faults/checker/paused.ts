import type { Steered } from './history.js';
import { breach, type Delivery, groupBy, type Rule, type Story } from './story.js';

/** A claim from before the pause may reach the witness this much later, in milliseconds. */
const ON_ITS_WAY_MS = 1_000;

/** In a queue that a person paused nothing starts until somebody resumes it. */
export const paused: Rule = function* (story) {
  const steered = groupBy(story.steered, (one) => one.queue);
  for (const queue of story.queues) {
    const spans = pausesOf(steered.get(queue.name) ?? []);
    if (spans.length === 0) continue;
    for (const item of queue.items) {
      for (const start of item.starts) {
        const span = spans.find(({ from, till }) => from < start.at && start.at < till);
        if (span && !mayHaveSlept(start, span.from, story))
          yield breach(item, 'started in a paused queue', span.pause, start);
      }
    }
  }
};

/** From when a pause surely stands until somebody may have lifted it. */
function pausesOf(steered: readonly Steered[]) {
  const resumes = steered.filter((one) => one.did === 'resume' && one.answer !== 'refused');
  return steered
    .filter((one) => one.did === 'pause' && one.answer === 'done')
    .map((pause) => ({
      pause,
      from: pause.answered + ON_ITS_WAY_MS,
      // One that was under way while the pause was made may have come after it.
      till: Math.min(
        ...resumes.filter((one) => one.answered >= pause.asked).map((one) => one.asked),
      ),
    }));
}

/** A process that slept, or was cut off, since before the pause stood may send what it claimed then. */
const mayHaveSlept = (start: Delivery, paused: number, { lapses }: Story): boolean =>
  [start.process ?? '', ''].some((whom) =>
    lapses.locks
      .get(whom)
      ?.some(({ from, till }) => from <= paused && till >= start.at - 2 * ON_ITS_WAY_MS),
  );
