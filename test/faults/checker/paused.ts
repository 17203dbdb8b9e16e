import type { Steered } from './history.js';
import { breach, covered, type Delivery, groupBy, type Rule, type Story } from './story.js';

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
        if (span && !mayHaveBeenKept(start, span.from, story))
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

/**
 * A process that slept, or was cut off, since before the pause stood may send what it claimed then, and a shop that
 * took nothing may see it late: as long as one such trouble followed the other.
 */
function mayHaveBeenKept(start: Delivery, paused: number, { lapses }: Story): boolean {
  const kept = [
    ...(lapses.locks.get(start.process ?? '') ?? []),
    ...(lapses.locks.get('') ?? []),
    ...(lapses.answers.get('') ?? []),
  ].sort((a, b) => a.from - b.from);
  const free = start.at - paused - covered(kept, paused, start.at);
  const stood = kept.some(({ from, till }) => from <= paused && till >= paused - ON_ITS_WAY_MS);
  return stood && free <= 2 * ON_ITS_WAY_MS;
}
