import { SOMEBODY_ELSES } from '../../accounts/as-seen.js';
import type { SkipPreview } from '../../blocking/skip-preview.js';
import type { Act } from '../../incidents/acts.js';
import type { IncidentView } from '../../incidents/incidents.js';
import type { Item } from '../../queues/item.js';
import { Field } from './form.js';
import { Ago } from './time.js';

interface About {
  readonly act: Act;
  readonly token: string;
  readonly item?: Item;
  readonly description?: string;
  readonly preview?: SkipPreview;
  readonly incident?: IncidentView;
}

/** Asks before anything is done: what it is, and what would follow. */
export function ActPage({ act, token, item, description, preview, incident }: About) {
  return (
    <section class="card narrow">
      <h1>{questions[act.verb]}</h1>
      {item ? (
        <>
          <p>
            <strong>
              Item {item.queueId}: {description}
              {item.title ? ` · ${item.title}` : ''}
            </strong>
          </p>
          <p class="error">{item.error?.message ?? 'No error was recorded.'}</p>
          <p class="muted">
            {item.queue}, failed <Ago at={item.error?.at} />
          </p>
        </>
      ) : null}
      {incident ? (
        <>
          <p>
            <strong>
              Incident {incident.id} at {incident.farSide}
            </strong>
          </p>
          <p class="error">{incident.error}</p>
          <p class="muted">
            {incident.open} of {incident.failures} still stand, since <Ago at={incident.since} />
          </p>
          {incident.claimedBy ? <p>{incident.claimedBy} looks after it already.</p> : null}
        </>
      ) : null}
      {act.verb === 'retry' ? (
        <p>It runs again now, before everything behind it. Nothing overtakes it.</p>
      ) : null}
      {act.verb === 'claim' ? (
        <p>The others who were told see that you do, and get no reminders any more.</p>
      ) : null}
      {act.verb === 'skip' && preview ? <Follows preview={preview} /> : null}
      <form method="post" action={`/act/${token}`}>
        {act.verb === 'skip' ? (
          <Field
            label={preview?.needsReason ? 'Reason (needed)' : 'Reason'}
            hint="Stands in the audit and with the item"
          >
            <input
              name="reason"
              maxlength={1000}
              required={preview?.needsReason ?? false}
              autocomplete="off"
            />
          </Field>
        ) : null}
        <p class="buttons">
          <button type="submit" class={act.verb === 'skip' ? 'danger' : 'primary'}>
            {verbs[act.verb]}
          </button>
        </p>
      </form>
      <p class="muted">
        Done as mail:{act.address}. The link works once and until{' '}
        {new Date(act.expires).toISOString().slice(0, 16).replace('T', ' ')} UTC.
      </p>
    </section>
  );
}

const questions = {
  retry: 'Run it again?',
  skip: 'Leave it undone?',
  claim: 'Look after it?',
} as const;
const verbs = { retry: 'Retry', skip: 'Skip it', claim: 'I look after it' } as const;

const nameOf = (item: Item) => `item ${item.queueId}${item.title ? ` · ${item.title}` : ''}`;

function Follows({ preview: { needs, next, nextHidden, stopped } }: { preview: SkipPreview }) {
  return (
    <>
      <p>It stays undone, and its queue goes on without it.</p>
      {needs.length > 0 ? (
        <p>
          <strong>
            {needs.length} queued {needs.length === 1 ? 'item needs' : 'items need'} what this one
            would have done,
          </strong>{' '}
          and may fail: {needs.slice(0, 5).map(nameOf).join(', ')}
          {needs.length > 5 ? ' …' : ''}.
        </p>
      ) : null}
      <p>
        {stopped
          ? `The queue would stay ${stopped} all the same.`
          : next
            ? `Next would run ${nameOf(next)}.`
            : nextHidden
              ? `Next would run ${SOMEBODY_ELSES}.`
              : 'Nothing else waits in that queue.'}
      </p>
    </>
  );
}

export const DonePage = ({ title, text }: { title: string; text: string }) => (
  <section class="card narrow">
    <h1>{title}</h1>
    <p>{text}</p>
    <p class="muted">You may close this page.</p>
  </section>
);

export const SorryPage = ({ title, text }: { title: string; text: string }) => (
  <section class="card narrow problem">
    <h1>{title}</h1>
    <p>{text}</p>
    <p class="buttons">
      <a class="button" href="/">
        To Andon
      </a>
    </p>
  </section>
);
