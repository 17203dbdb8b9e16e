import type { Item } from '../client/shapes.js';
import { type Output, printable, printableLine } from './output.js';
import { age, state } from './words.js';

/** Everything about one item on one page; a failed one ends with what puts it right. */
export function itemPage(output: Output, item: Item): string {
  const title = [item.description, item.title].filter(Boolean).join(' · ');
  const entity = item.entity ? `${item.entity.kind}:${item.entity.key}` : '';
  const attempts = item.attempts > 0 ? ` after ${plural(item.attempts, 'attempt')}` : '';
  const head = output.paint(`${item.queueId}  ${printable(title)}`, 'bold');
  const facts = [
    fact(output, 'State', `${state(output, item.state)}${attempts}`),
    fact(output, 'Error', errorOf(item)),
    fact(output, 'Cause', item.error?.cause),
    fact(output, 'Outcome', outcomeOf(item)),
    fact(output, 'Queue', `${item.queue}${item.state === 'waiting' ? positionOf(item) : ''}`),
    fact(output, 'Instruction', item.instruction),
    fact(output, 'Entity', entity),
    fact(output, 'Record', item.recordUrl && printable(item.recordUrl)),
    fact(output, 'Client', item.client),
    fact(output, 'Enqueued', timeOf(item.enqueuedAt)),
    fact(output, 'Started', timeOf(item.startedAt)),
    fact(output, 'Finished', timeOf(item.finishedAt)),
  ];
  return [
    [head, ...facts.filter(Boolean)].join('\n'),
    section(output, 'Data', JSON.stringify(item.data, null, 2).split('\n')),
    section(output, 'History', (item.history ?? []).map(historyLine)),
    section(output, 'Log', item.logs ?? []),
    section(output, 'Put it right', item.state === 'failed' ? remedies(item) : []),
  ]
    .filter(Boolean)
    .join('\n\n');
}

function fact(output: Output, name: string, value: string | null | undefined): string {
  return value ? `${output.paint(name.padEnd(12), 'dim')}${value}` : '';
}

function section(output: Output, name: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  // Indents of JSON are kept, line breaks and control characters of others are not.
  const indented = lines.map((line) => `  ${printableLine(line)}`);
  return [output.paint(name, 'bold'), ...indented].join('\n');
}

const errorOf = ({ error }: Item): string =>
  error ? printable([error.status, error.message].filter(Boolean).join(' ')) : '';

const positionOf = ({ position }: Item): string =>
  position === null ? '' : `, position ${position}`;

function outcomeOf({ outcome }: Item): string {
  if (!outcome) return '';
  const { by, reason, reference, result } = outcome;
  const parts = [
    by && `by ${by}`,
    reason && `because ${reason}`,
    reference && `reference ${reference}`,
    result !== undefined && result !== null && JSON.stringify(result),
  ];
  return printable(parts.filter(Boolean).join(', '));
}

function historyLine({
  at,
  actor,
  action,
  ...facts
}: NonNullable<Item['history']>[number]): string {
  const rest = Object.entries(facts)
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(
      ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
  return [at, action, actor && `by ${actor}`, rest.join(', ')].filter(Boolean).join('  ');
}

const remedies = ({ queueId }: Item): string[] => [
  `andon retry ${queueId}                          run it again, before everything behind it`,
  `andon edit ${queueId} --set title="New title"   change its data first, then retry`,
  `andon skip ${queueId} --reason "…"              leave it undone and go on`,
  `andon resolve ${queueId} --reference "…"        it was put right by hand`,
];

const timeOf = (at: string | null): string => (at ? `${at} (${age(at)} ago)` : '');
const plural = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
