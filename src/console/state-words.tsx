import type { ComponentChildren } from 'preact';
import { SOMEBODY_ELSES } from '../accounts/as-seen.js';
import type { SeenItem } from './item-seen.js';
import { Ago } from './view/time.js';

/** What an item does now, and why, in a sentence or two. */
export function StateWords({ seen }: { seen: SeenItem }) {
  return <p class="lead">{wordsOf(seen)}</p>;
}

function wordsOf(seen: SeenItem): ComponentChildren {
  const { item, status, queueName } = seen;
  switch (item.state) {
    case 'waiting':
      return (
        <>
          Waits, {ahead(item.position)}
          <Stop seen={seen} />
        </>
      );
    case 'active':
      return (
        <>
          Is being delivered, attempt {item.attempts}, since <Ago at={item.startedAt} />.
        </>
      );
    case 'backing-off':
      return item.held ? (
        <>
          On hold since <Ago at={item.held.since} />: the far side is away, and {queueName} waits
          with it. It goes on by itself
          <Next at={status.heldBy === item.queueId ? status.nextAttemptAt : null} />.
        </>
      ) : (
        <>
          Attempt {item.attempts} did not work; the next one starts by itself
          <Next at={status.heldBy === item.queueId ? status.nextAttemptAt : null} />
          {item.mode === 'blocking' ? ', and nothing overtakes it.' : '.'}
        </>
      );
    case 'failed':
      return item.mode === 'blocking' ? (
        <>
          Failed <Ago at={item.error?.at} /> and blocks {queueName}: {behind(status.counts.waiting)}
        </>
      ) : (
        <>
          Failed <Ago at={item.error?.at} />. Nothing waits for it.
        </>
      );
    case 'completed':
      return (
        <>
          Done <Ago at={item.finishedAt} />.
        </>
      );
    default:
      return (
        <>
          {item.state === 'skipped' ? 'Skipped' : 'Put right by hand'} by{' '}
          {text(item.outcome?.['by'])} <Ago at={text(item.outcome?.['at']) || null} />
          {item.outcome?.['reference'] ? `, reference ${text(item.outcome['reference'])}` : ''}
          {item.outcome?.['reason'] ? `: ${text(item.outcome['reason'])}` : ''}.
        </>
      );
  }
}

/** Why a waiting item will not be reached soon. */
function Stop({ seen: { item, status, queueName } }: { seen: SeenItem }) {
  // What stands on the parallel queue stands alone, and may be somebody else's.
  if (item.mode !== 'blocking') return <>.</>;
  if (status.blockedBy) {
    const { queueId } = status.blockedBy;
    return (
      <>
        ; {queueName} is blocked by <a href={`/items/${queueId}`}>item {queueId}</a>.
      </>
    );
  }
  if (status.blocked) {
    return (
      <>
        ; {queueName} is blocked by {SOMEBODY_ELSES}.
      </>
    );
  }
  if (status.pausedBy) {
    const { actor, reason } = status.pausedBy;
    return (
      <>
        ; {queueName} is paused by {actor}
        {reason ? `: ${reason}` : ''}.
      </>
    );
  }
  if (status.heldBy) {
    return (
      <>
        ; {queueName} waits for <a href={`/items/${status.heldBy}`}>item {status.heldBy}</a>:{' '}
        {status.heldReason}.
      </>
    );
  }
  return <>.</>;
}

const Next = ({ at }: { at: string | null }) =>
  at ? (
    <>
      {' '}
      <Ago at={at} />
    </>
  ) : null;

const ahead = (position: number | null) =>
  position === null
    ? 'its place is not known'
    : position === 0
      ? 'as the next one'
      : `${position.toLocaleString('en')} before it`;

const behind = (count: number) =>
  count === 0
    ? 'nothing waits behind it.'
    : `${count.toLocaleString('en')} ${count === 1 ? 'waits' : 'wait'} behind it, and none starts before somebody deals with it.`;

const text = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';
