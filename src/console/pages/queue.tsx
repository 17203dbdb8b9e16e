import type { ComponentChildren } from 'preact';
import { z } from 'zod';
import { SOMEBODY_ELSES } from '../../accounts/as-seen.js';
import type { Place } from '../../queues/places.js';
import { redactedText } from '../../queues/redact.js';
import type { QueueStatus } from '../../queues/status.js';
import { type ItemView, showItems } from '../../queues/view.js';
import { PARALLEL } from '../../redis/keys.js';
import { waitingInWords } from '../behind.js';
import { type ConsoleRoute, page } from '../page.js';
import { queueSeen } from '../queue-seen.js';
import type { ConsoleServices } from '../services.js';
import { ItemTable } from '../view/items.js';
import { Badge, Live } from '../view/parts.js';
import { Clear, Pause, Resume } from '../view/queue-buttons.js';
import { Ago } from '../view/time.js';
import { paceInWords } from './queues.js';

const SHOWN = 50;
const places = ['active', 'failed', 'backing-off', 'waiting', 'finished'] as const;

const titles: Readonly<Record<Place, string>> = {
  active: 'Runs now',
  failed: 'Failed',
  'backing-off': 'Waits for its next try',
  waiting: 'Waits, next first',
  finished: 'Finished, newest first',
};

/** One queue: what stops it, what runs, waits, has failed and is done. */
export const queuePages = (services: ConsoleServices): ConsoleRoute[] => [
  page('/queues/:name', {
    permission: 'read',
    params: z.object({ name: z.string().max(100) }),
    render: async ({ params: { name }, caller, token }) => {
      const { status, endpoint } = await queueSeen(caller, name, services);
      const [lists, paces, kinds] = await Promise.all([
        Promise.all(places.map((place) => itemsAt(services, name, place))),
        services.pace([name]),
        services.standing.kinds([name]),
      ]);
      const of = (place: Place) => lists[places.indexOf(place as (typeof places)[number])] ?? [];
      const description = endpoint?.description ?? (name === PARALLEL ? 'Parallel items' : name);
      const blocker = of('failed').find((one) => one.queueId === status.blockedBy?.queueId);
      const waiting = waitingInWords(
        status,
        kinds.get(name),
        status.blocked ? (blocker?.entity?.kind ?? '') : null,
      );
      const { counts } = status;
      const clearable = name === PARALLEL ? counts.waiting : counts.waiting + counts.backingOff;
      return {
        title: description,
        body: (
          <>
            <p class="crumbs">
              <a href="/queues">Queues</a>
            </p>
            <Live name="queue">
              <h1>
                {description} <Badge state={status.state} />
                {status.blocked && status.paused ? <Badge state="paused" /> : null}
              </h1>
              <section class="card">
                <dl class="facts">
                  <dt>Queue</dt>
                  <dd>
                    {name}
                    {endpoint?.client ? ` · client ${endpoint.client}` : ''} ·{' '}
                    {status.mode === 'blocking'
                      ? 'strict order, one item at a time'
                      : 'no order, many at once'}
                  </dd>
                  <Stops status={status} />
                  <dt>Waiting</dt>
                  <dd>
                    {waiting ?? 'nothing'}
                    {status.oldestWaitingAt ? (
                      <>
                        , the oldest came <Ago at={status.oldestWaitingAt} />
                      </>
                    ) : null}
                  </dd>
                  <dt>Finished</dt>
                  <dd>
                    {counts.completed.toLocaleString('en')} done
                    {counts.skipped ? `, ${counts.skipped.toLocaleString('en')} skipped` : ''}
                    {counts.resolved ? `, ${counts.resolved.toLocaleString('en')} resolved` : ''};{' '}
                    {paceInWords(paces.get(name)) || 'none'} a minute in the last ten minutes
                  </dd>
                </dl>
                <div class="buttons">
                  {caller.may('operate') ? (
                    status.paused ? (
                      <Resume name={name} token={token} />
                    ) : (
                      <Pause name={name} token={token} />
                    )
                  ) : null}
                  {caller.may('admin') && clearable > 0 ? (
                    <Clear name={name} token={token} count={clearable} />
                  ) : null}
                  <a class="button" href={`/board/queues/${name}`}>
                    In Bull Board
                  </a>
                </div>
              </section>
              {places.map((place) => (
                <List
                  key={place}
                  title={titles[place]}
                  items={of(place).filter((one) => caller.seesItem(one))}
                  total={totalAt(status, place)}
                />
              ))}
            </Live>
          </>
        ),
      };
    },
  }),
];

async function itemsAt(
  { placed, finder, registry, catalogue }: ConsoleServices,
  name: string,
  place: Place,
): Promise<ItemView[]> {
  const ids = await placed(name, place, 0, SHOWN - 1);
  return showItems(await finder.items(ids.map((id) => [name, id])), registry, catalogue);
}

function totalAt({ counts }: QueueStatus, place: Place): number {
  switch (place) {
    case 'finished':
      return counts.completed + counts.skipped + counts.resolved;
    case 'backing-off':
      return counts.backingOff;
    default:
      return counts[place];
  }
}

const Fact = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </>
);

function Stops({
  status: { blocked, blockedBy, pausedBy, heldUntil, heldReason, heldSince, heldBy, overdue },
}: {
  status: QueueStatus;
}) {
  return (
    <>
      {blockedBy ? (
        <Fact name="Blocked by">
          <a href={`/items/${blockedBy.queueId}`}>
            item {blockedBy.queueId}
            {blockedBy.title ? ` · ${blockedBy.title}` : ''}
          </a>{' '}
          <Ago at={blockedBy.since} />
          <span class="error block">{redactedText(blockedBy.error)}</span>
        </Fact>
      ) : blocked ? (
        <Fact name="Blocked by">{SOMEBODY_ELSES}</Fact>
      ) : null}
      {pausedBy ? (
        <Fact name="Paused by">
          {pausedBy.actor} <Ago at={pausedBy.at} />
          {pausedBy.reason ? `: ${pausedBy.reason}` : ''}
        </Fact>
      ) : null}
      {heldReason && !blocked ? (
        <Fact name={heldSince ? 'On hold' : 'Next try'}>
          {heldBy ? <a href={`/items/${heldBy}`}>item {heldBy}</a> : null}{' '}
          {heldSince ? <Ago at={heldSince} /> : null}
          {overdue ? <span class="badge overdue">overdue</span> : null}
          {heldUntil ? (
            <>
              , goes on <Ago at={heldUntil} />
            </>
          ) : null}
          <span class="error block">{redactedText(heldReason)}</span>
        </Fact>
      ) : null}
    </>
  );
}

function List({
  title,
  items,
  total,
}: {
  title: string;
  items: readonly ItemView[];
  total: number;
}) {
  if (items.length === 0) return null;
  return (
    <section>
      <h2>
        {title}
        <span class="muted">
          {' '}
          {total > items.length
            ? `${items.length} of ${total.toLocaleString('en')}`
            : total.toLocaleString('en')}
        </span>
      </h2>
      <ItemTable items={items} label={title} />
    </section>
  );
}
