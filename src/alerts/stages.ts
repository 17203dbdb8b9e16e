import type { Timings } from '../config/alerts-schema.js';
import type { Claim, Incident, Stage, View } from '../incidents/incident.js';
import type { Hearer } from './audience.js';
import { waits } from './quiet.js';

/** What is due to one recipient of an incident at this moment, or null. Decides; changes nothing. */
export function dueStage(
  incident: Incident,
  hearer: Hearer | null,
  view: View | null,
  claim: Claim | null,
  timings: Timings,
  now: number,
): Stage | null {
  const stage = view
    ? next(incident, hearer, view, claim, timings, now)
    : begin(incident, hearer, timings, now);
  if (stage === null) return null;
  return hearer && waits(hearer.recipient, stage, now) ? null : stage;
}

function begin(
  incident: Incident,
  hearer: Hearer | null,
  timings: Timings,
  now: number,
): Stage | null {
  if (!hearer || hearer.open === 0 || incident.closedAt !== null) return null;
  if (hearer.escalated) return 'escalation';
  // A burst is one mail: it waits for the failures to pause, though not for long.
  const bursts = now - incident.lastAt < Math.min(timings.lookMs, timings.gatherMs);
  return bursts && now - incident.openedAt < timings.gatherMs ? null : 'first';
}

function next(
  incident: Incident,
  hearer: Hearer | null,
  view: View,
  claim: Claim | null,
  timings: Timings,
  now: number,
): Stage | null {
  if (view.over) return null;
  if (incident.closedAt !== null) return 'recovery';
  if (!hearer || hearer.open === 0 || isSnoozed(claim, now)) return null;
  if (hearer.total > view.told) {
    return now >= view.lastAt + step(timings.digestsMs, view.step) ? 'digest' : null;
  }
  if (claim?.by) return null;
  return now >= view.lastAt + step(timings.remindersMs, view.reminders) ? 'reminder' : null;
}

export const isSnoozed = (claim: Claim | null, now: number): boolean =>
  claim?.snoozedUntil !== null && claim !== null && now < claim.snoozedUntil;

/** The last step repeats. */
const step = (steps: readonly number[], n: number): number =>
  steps[Math.min(n, steps.length - 1)] ?? Number.POSITIVE_INFINITY;

/** What the recipient knows once a mail of this stage is decided on. `name` is unique to that mail. */
export function afterStage(
  view: View | null,
  stage: Stage,
  hearer: Hearer | null,
  timings: Timings,
  now: number,
): { view: View; name: string } {
  const before: View = view ?? {
    name: hearer?.recipient.name ?? '',
    firstAt: now,
    lastAt: now,
    told: 0,
    digests: 0,
    step: 0,
    reminders: 0,
    over: false,
    mails: [],
  };
  const calm = now - before.lastAt > Math.max(...timings.digestsMs);
  const after: View = {
    ...before,
    lastAt: now,
    told: hearer?.total ?? before.told,
    digests: before.digests + (stage === 'digest' ? 1 : 0),
    step: stage === 'digest' ? (calm ? 1 : before.step + 1) : before.step,
    reminders: before.reminders + (stage === 'reminder' ? 1 : 0),
    over: stage === 'recovery',
  };
  const name = nameOf(stage, after);
  after.mails = [...before.mails, { stage: name, at: now, queueId: null }].slice(-50);
  return { view: after, name };
}

function nameOf(stage: Stage, view: View): string {
  if (stage === 'digest') return `digest-${view.digests}`;
  if (stage === 'reminder') return `reminder-${view.reminders}`;
  return stage;
}
