import type { HistoryEntry, Item } from '../../queues/item.js';
import { redacted, redactedText } from '../../queues/redact.js';
import type { Attempt } from '../attempts.js';
import { Badge } from './parts.js';
import { Table } from './table.js';
import { Ago } from './time.js';

/** Any value as people read JSON, secrets masked. */
export const Data = ({ value, label }: { value: unknown; label: string }) => (
  <section class="scroll data" tabindex={0} aria-label={label}>
    <pre>{JSON.stringify(redacted(value), null, 2)}</pre>
  </section>
);

export const Attempts = ({ attempts }: { attempts: readonly Attempt[] }) => (
  <Table
    label="Attempts"
    rows={attempts}
    keyOf={(one) => `${one.number}-${one.at}`}
    columns={[
      { heading: 'Attempt', number: true, cell: (one) => one.number },
      { heading: 'Ended', cell: (one) => <Ago at={one.at} /> },
      { heading: 'With', cell: (one) => <Badge state={badgeOf(one.end)} /> },
      { heading: 'Asked', cell: (one) => (one.request ? redactedText(one.request) : null) },
      {
        heading: 'Answer',
        cell: ({ status, cause, message }) => (
          <>
            {status === null ? null : <strong>{status} </strong>}
            {message === null ? null : redactedText(message)}
            {cause === null ? null : <span class="muted block">{cause}</span>}
          </>
        ),
      },
      { heading: 'Took', number: true, cell: (one) => (one.ms === null ? null : took(one.ms)) },
      {
        heading: 'Fence',
        cell: (one) => (one.fence === null ? null : <code class="muted">{one.fence}</code>),
      },
    ]}
  />
);

const badgeOf = (end: string) => (end === 'block' || end === 'fail' ? 'failed' : end);

const took = (ms: number) =>
  ms < 10_000 ? `${ms.toLocaleString('en')} ms` : `${Math.round(ms / 1_000)} s`;

/** What became of single parts of the item. */
export const PartsOf = ({ parts }: { parts: Item['parts'] }) => (
  <Table
    label="Parts"
    rows={parts}
    keyOf={(part) => `${part.kind}:${part.key}`}
    columns={[
      { heading: 'Part', short: true, cell: (part) => part.kind },
      { heading: 'Which', cell: (part) => part.key },
      { heading: 'State', cell: (part) => <Badge state={part.state} /> },
      { heading: 'Said', cell: (part) => (part.message ? redactedText(part.message) : null) },
    ]}
  />
);

/** Who did what to the item, newest first. */
export const History = ({ history }: { history: readonly HistoryEntry[] }) => (
  <Table
    label="History"
    rows={[...history].reverse()}
    keyOf={(line) => `${line.at}-${line.action}`}
    columns={[
      { heading: 'When', cell: (line) => <Ago at={line.at} /> },
      { heading: 'Who', cell: (line) => line.actor },
      { heading: 'Did', cell: (line) => <strong>{line.action}</strong> },
      { heading: 'Details', cell: (line) => <Details line={line} /> },
    ]}
  />
);

const named = new Set(['at', 'actor', 'action', 'attempt', 'ms', 'fence', 'before']);

function Details({ line }: { line: HistoryEntry }) {
  const rest = Object.entries(redacted(line) as HistoryEntry).filter(([name]) => !named.has(name));
  return (
    <>
      {rest.map(([name, value]) => (
        <span key={name} class="block">
          <span class="muted">{name}</span>{' '}
          {typeof value === 'string' ? value : JSON.stringify(value)}
        </span>
      ))}
      {line['before'] === undefined ? null : (
        <details>
          <summary>The data before</summary>
          <Data value={line['before']} label="Data before the change" />
        </details>
      )}
    </>
  );
}

/** How far it is: a share of 100 as a bar, anything else as it was said. */
export const Progress = ({ value }: { value: unknown }) =>
  typeof value === 'number' ? (
    <p>
      <progress max={100} value={value} /> {Math.round(value)} %
    </p>
  ) : (
    <Data value={value} label="Progress" />
  );
