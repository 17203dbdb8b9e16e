import type { VNode } from 'preact';
import type { ProblemType } from '../../errors.js';
import { type ProblemPage, problemPages } from '../problem-pages.js';
import { document, Prose } from './shell.js';

const again: Readonly<Record<ProblemPage['again'], string>> = {
  no: 'No: the answer will be the same. Change the request first.',
  later: 'Yes, later.',
  'same key':
    'An enqueue, yes: with the same Idempotency-Key it is stored once, however often it is sent. Anything else only after a look at what the first request did.',
};

/** The page that the `type` of a problem leads to. */
export const problemPage = (type: ProblemType): string => {
  const page = problemPages[type];
  return document(
    `${page.title} · Andon`,
    <main class="alone">
      <p class="muted">
        <a href="/docs#errors">Andon API · errors</a>
      </p>
      <h1>{page.title}</h1>
      <p class="status">
        <code>{type}</code>, HTTP {page.statuses.join(' or ')}
        {page.where ? `, met at ${page.where}` : ''}
      </p>
      <h2>What happened</h2>
      <p>
        <Prose text={page.happened} />
      </p>
      <h2>What to do next</h2>
      <ol>
        {page.next.map((step) => (
          <li key={step}>
            <Prose text={step} />
          </li>
        ))}
      </ol>
      <h2>May it be sent again?</h2>
      <p>{again[page.again]}</p>
    </main>,
  );
};

/** All of them in one table. */
export function Problems(): VNode {
  return (
    <ul>
      {(Object.keys(problemPages) as ProblemType[]).map((type) => (
        <li key={type}>
          <a href={`/problems/${type}`}>
            <code>{type}</code>
          </a>{' '}
          <span class="muted">
            {problemPages[type].statuses.join(', ')} · {problemPages[type].title}
          </span>
        </li>
      ))}
    </ul>
  );
}
