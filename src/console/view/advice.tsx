import type { AdviceVerb, BookEntry } from '../../incidents/known-errors.js';

/** What each verb is called on the buttons. */
export const verbNames: Readonly<Record<AdviceVerb, string>> = {
  retry: 'Retry',
  edit: 'Edit and retry',
  skip: 'Skip',
  resolve: 'Resolve',
  wait: 'Wait',
};

/** What is known about an error, beside it. */
export const Advice = ({ entry }: { entry: BookEntry }) => (
  <section class="card advice" aria-label="What is known about it">
    <p>
      <strong>{entry.cause}</strong>
    </p>
    <p>{entry.todo}</p>
    <p class="muted">
      {verbNames[entry.verb]} · {entry.who} · <Worked entry={entry} /> ·{' '}
      <a href={`/known-errors/${entry.id}`}>known error</a>
    </p>
  </section>
);

/** "worked 14 of 15 times" */
export const Worked = ({ entry }: { entry: BookEntry }) => (
  <>
    {entry.followed === 0 ? 'not tried yet' : `worked ${entry.worked} of ${entry.followed} times`}
  </>
);
