import type { ItemDetails, Queue } from '../client/shapes.js';
import { editsOf } from './changes.js';
import { type Output, printable, printableLine } from './output.js';
import { age, state, until } from './words.js';

/**
 * Everything about one item on one page; one that failed ends with what puts it right.
 * `queue` is given for the head of a queue that waits for its next try.
 */
export function itemPage(output: Output, item: ItemDetails, queue?: Queue): string {
  const title = [item.description, item.title].filter(Boolean).join(' · ');
  const entity = item.entity ? `${item.entity.kind}:${item.entity.key}` : '';
  const head = output.paint(`${item.queueId}  ${printable(title)}`, 'bold');
  const facts = [
    fact(output, 'State', `${state(output, item.state)}${attemptsOf(item)}`),
    fact(output, 'Next try', nextTryOf(item, queue)),
    fact(output, isUnderway(item) ? 'Last error' : 'Error', errorOf(item)),
    fact(output, 'Cause', item.error?.cause),
    fact(output, 'On hold', holdOf(item)),
    fact(output, 'Outcome', outcomeOf(item)),
    fact(output, 'Queue', `${item.queue}${item.state === 'waiting' ? positionOf(item) : ''}`),
    fact(output, 'Progress', progressOf(item)),
    fact(output, 'Caused by', item.causedBy ? `item ${item.causedBy}` : ''),
    fact(output, 'Caused', item.caused ? plural(item.caused, 'item') : ''),
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
    section(output, 'Parts', partsOf(item)),
    section(output, 'Data', JSON.stringify(item.data, null, 2).split('\n')),
    section(output, 'History', historyOf(item)),
    section(output, 'Log', item.logs ?? []),
    section(output, 'Put it right', needsHelp(item) ? remedies(output, item) : []),
  ]
    .filter(Boolean)
    .join('\n\n');
}

type Entry = NonNullable<ItemDetails['history']>[number];

function fact(output: Output, name: string, value: string | null | undefined): string {
  return value ? `${output.paint(name.padEnd(12), 'dim')}${value}` : '';
}

function section(output: Output, name: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  // Indents of JSON are kept, line breaks and control characters of others are not.
  const indented = lines.map((line) => `  ${printableLine(line)}`);
  return [output.paint(name, 'bold'), ...indented].join('\n');
}

/** Its last try failed: a person may act now, or in `backing-off` wait for the next. */
export const needsHelp = ({ state }: ItemDetails): boolean =>
  state === 'failed' || state === 'backing-off';

/** An error of before says nothing about how the present run ends. */
const isUnderway = ({ state }: ItemDetails): boolean => state === 'active' || state === 'waiting';

function attemptsOf({ attempts, state }: ItemDetails): string {
  if (attempts === 0) return '';
  return state === 'active' ? `, attempt ${attempts}` : ` after ${plural(attempts, 'attempt')}`;
}

function nextTryOf({ attempts, held }: ItemDetails, queue: Queue | undefined): string {
  const at = queue?.nextAttemptAt;
  if (!at) return '';
  const then = held ? 'if the far side is back' : `attempt ${attempts + 1}`;
  return `at ${at} (in ${until(at)}), ${then}`;
}

function holdOf({ held }: ItemDetails): string {
  if (!held) return '';
  const often = held.times === 1 ? '' : `, ${held.times} times away`;
  return `since ${timeOf(held.since)}${often}, because ${printable(held.reason)} (${held.cause})`;
}

function progressOf({ progress }: ItemDetails): string {
  if (progress === undefined || progress === null) return '';
  return typeof progress === 'number' ? `${progress} %` : printable(JSON.stringify(progress));
}

/** One line for each part: what succeeded, and what is left to do. */
function partsOf({ parts = [] }: ItemDetails): string[] {
  const widthOf = (texts: string[]) => Math.max(...texts.map((text) => text.length));
  const kinds = widthOf(parts.map(({ kind }) => kind));
  const keys = widthOf(parts.map(({ key }) => key));
  return parts.map(({ kind, key, state, message = '' }) =>
    `${state.padEnd(8)}${kind.padEnd(kinds)}  ${key.padEnd(keys)}  ${message}`.trimEnd(),
  );
}

const errorOf = ({ error }: ItemDetails): string =>
  error ? printable([error.status, error.message].filter(Boolean).join(' ')) : '';

const positionOf = ({ position }: ItemDetails): string =>
  position === null ? '' : `, position ${position}`;

function outcomeOf({ outcome }: ItemDetails): string {
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

/** Changes of one edit that are told here; the rest stand in `--json`. */
const MOST_CHANGES = 5;

function historyOf(item: ItemDetails): string[] {
  const edits = editsOf(item);
  return (item.history ?? []).map((entry) => {
    const edit = edits.get(entry);
    if (!edit) return historyLine(entry);
    const { before: _, ...rest } = entry;
    const more = edit.length > MOST_CHANGES ? [`and ${edit.length - MOST_CHANGES} more`] : [];
    return [historyLine(rest), [...edit.slice(0, MOST_CHANGES), ...more].join(', ')].join('  ');
  });
}

function historyLine({ at, actor, action, ...facts }: Entry): string {
  const rest = Object.entries(facts)
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(
      ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
  return [at, action, actor && `by ${actor}`, rest.join(', ')].filter(Boolean).join('  ');
}

const remedies = ({ andon }: Output, { queueId }: ItemDetails): string[] =>
  [
    [`retry ${queueId}`, 'run it again, before everything behind it'],
    [`edit ${queueId} --set title="New title"`, 'change its data first, then retry'],
    [`skip ${queueId} --reason "…"`, 'leave it undone and go on'],
    [`resolve ${queueId} --reference "…"`, 'it was put right by hand'],
  ].map(([command = '', effect]) => `${andon} ${command.padEnd(37)}${effect}`);

const timeOf = (at: string | null): string => (at ? `${at} (${age(at)} ago)` : '');
const plural = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
