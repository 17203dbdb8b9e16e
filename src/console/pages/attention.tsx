import { z } from 'zod';
import type { Caller } from '../../accounts/caller.js';
import type { FleetState } from '../../blocking/fleet-switch.js';
import { causes } from '../../connectors/connector.js';
import type { Attended } from '../../incidents/incidents.js';
import { redactedText } from '../../queues/redact.js';
import { waitingInWords } from '../behind.js';
import { type Concern, concernKinds, concernsOf, fitting } from '../concerns.js';
import { type ConsoleRoute, page, shortText } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { Field, Form, OneOf } from '../view/form.js';
import { EntityLink } from '../view/items.js';
import { Keyed, KeyHelp } from '../view/keys.js';
import { Badge, Empty, href, Live, Pages } from '../view/parts.js';
import { Ago } from '../view/time.js';
import { personIn } from '../words.js';

const ROWS = 100;
/** After this a pause was perhaps forgotten. */
const LONG_PAUSE_MS = 3_600_000;

const query = z.object({
  client: shortText,
  cause: z.enum(causes).optional().catch(undefined),
  kind: z.enum(concernKinds).optional().catch(undefined),
  text: shortText,
  page: z.coerce.number().int().min(1).max(1_000).catch(1),
});
type Query = z.infer<typeof query>;

/** What needs somebody now, over all queues, the newest incident first. */
export const attentionPages = (services: ConsoleServices): ConsoleRoute[] => [
  page('/', {
    permission: 'read',
    query,
    render: async ({ query, caller, token }) => {
      const [{ all, unread }, fleet, workers] = await Promise.all([
        concernsOf(caller, services),
        services.fleetSwitch.state(),
        services.presence.workers(),
      ]);
      const found = fitting(all, query);
      const rows = found.slice((query.page - 1) * ROWS, query.page * ROWS);
      const [kinds, attended] = await Promise.all([
        services.standing.kinds([...new Set(rows.flatMap((one) => one.status?.name ?? []))]),
        services.incidents.attended(rows.flatMap((one) => one.queueId ?? [])),
      ]);
      const clients = new Set([...all.flatMap((one) => one.client ?? []), query.client ?? '']);
      const filtered = Boolean(query.client || query.cause || query.kind || query.text);
      return {
        title: titleOf(all.length, workers.length),
        body: (
          <>
            <h1>Needs attention</h1>
            <Filters query={query} clients={[...clients].filter(Boolean).sort()} />
            <Live name="attention">
              <Standing fleet={fleet} />
              {workers.length === 0 ? <NoWorker /> : null}
              <Total all={all} shown={found.length} filtered={filtered} />
              {rows.length > 0 ? (
                <Keyed label="What needs attention">
                  {rows.map((one) => (
                    <Row
                      key={one.key}
                      concern={one}
                      token={token}
                      kinds={kinds.get(one.queue)}
                      attended={attended.get(one.queueId ?? -1) ?? null}
                      caller={caller}
                    />
                  ))}
                </Keyed>
              ) : (
                <Nothing all={all} filtered={filtered} />
              )}
              <Pages
                page={query.page}
                last={Math.ceil(found.length / ROWS)}
                to={(page) => href('/', { ...query, page: page === 1 ? undefined : String(page) })}
                words={['Newer', 'Older']}
              />
              {unread > 0 ? (
                <p class="muted">
                  {unread.toLocaleString('en')} older failures are not in this list. Deal with these
                  first, or <a href="/search">search</a> for others.
                </p>
              ) : null}
            </Live>
            <KeyHelp />
          </>
        ),
      };
    },
  }),
];

const titleOf = (concerns: number, workers: number): string => {
  if (concerns > 0) return `${concerns.toLocaleString('en')} need attention`;
  return workers === 0 ? 'No worker runs' : 'All is well';
};

const NoWorker = () => (
  <p class="warning" role="status">
    <strong>No worker runs</strong>: what comes is accepted and waits, and nothing is delivered.
    Start one with <code>andon worker</code>.
  </p>
);

/** Everything waits for a person: that goes before all other news. */
const Standing = ({ fleet: { paused, running } }: { fleet: FleetState }) =>
  paused === null ? null : (
    <p class="warning" role="status">
      <strong>The whole fleet is paused</strong> since <Ago at={paused.at} /> by {paused.by}:{' '}
      {paused.reason}. What comes is accepted and waits
      {running > 0 ? `; ${running.toLocaleString('en')} still run` : ''}. An admin goes on with{' '}
      <code>andon fleet resume</code>.
    </p>
  );

const Filters = ({ query, clients }: { query: Query; clients: readonly string[] }) => (
  <form action="/" class="filters" data-filters>
    <OneOf label="Client" name="client" options={clients} chosen={query.client} />
    <OneOf label="Cause" name="cause" options={causes} chosen={query.cause} />
    <OneOf label="Kind" name="kind" options={concernKinds} chosen={query.kind} />
    <Field label="Text">
      <input
        type="search"
        name="text"
        value={query.text}
        maxlength={100}
        placeholder="SKU, error …"
      />
    </Field>
    <button type="submit" class="primary">
      Show
    </button>
    <a class="button" href="/">
      Everything
    </a>
    <button type="button" class="help" data-opens="keys" title="Keys ( ? )" aria-label="Keys">
      ?
    </button>
  </form>
);

function Total({
  all,
  shown,
  filtered,
}: {
  all: readonly Concern[];
  shown: number;
  filtered: boolean;
}) {
  if (all.length === 0) return null;
  const count = (kind: Concern['kind']) => all.filter((one) => one.kind === kind).length;
  const told = concernKinds.flatMap((kind) => (count(kind) > 0 ? [`${count(kind)} ${kind}`] : []));
  return (
    <p class="muted total">
      {told.join(' · ')}
      {filtered ? `; ${shown} of these fit` : ''}
    </p>
  );
}

const Nothing = ({ all, filtered }: { all: readonly Concern[]; filtered: boolean }) =>
  filtered && all.length > 0 ? (
    <Empty title="Nothing that fits">
      {`${all.length} other${all.length === 1 ? ' needs' : 's need'} attention.`}{' '}
      <a href="/">Show everything</a>
    </Empty>
  ) : (
    <Empty title="Nothing needs you">
      Every queue that you see runs, and no item has failed. This page fills by itself when that
      changes.
    </Empty>
  );

function Row({
  concern,
  token,
  kinds,
  attended,
  caller,
}: {
  concern: Concern;
  token: string;
  kinds: ReadonlyMap<string, number> | undefined;
  attended: Attended | null;
  caller: Caller;
}) {
  const mayOperate = caller.may('operate');
  const { kind, queueId, status, title, entity, since } = concern;
  const forgotten = kind === 'paused' && Date.now() - Date.parse(since) > LONG_PAUSE_MS;
  return (
    <li class={`concern ${kind}`} data-key={concern.key}>
      <div class="what">
        <a
          class="main"
          data-row
          href={queueId === null ? `/queues/${concern.queue}` : `/items/${queueId}`}
        >
          {concern.what}
          {title ? ` · ${title}` : ''}
        </a>
      </div>
      <p class={kind === 'paused' ? 'why' : 'why error'}>{redactedText(concern.error)}</p>
      <p class="facts-line">
        <Badge state={kind} />
        {status?.overdue ? <span class="badge overdue">overdue</span> : null}
        {forgotten ? <span class="badge overdue">for long</span> : null}
        {kind !== 'paused' && status?.paused ? <Badge state="paused" /> : null}
        {concern.cause ? <span>{concern.cause}</span> : null}
        {concern.client ? <span>{concern.client}</span> : null}
        <Ago at={since || null} />
        {entity ? <EntityLink entity={entity} /> : null}
        {queueId === null ? null : <span>item {queueId}</span>}
        <a href={`/queues/${concern.queue}`}>{concern.queue}</a>
      </p>
      <Behind concern={concern} kinds={kinds} />
      {attended?.by ? <Keeper attended={attended} own={caller.actor} /> : null}
      <div class="verbs">
        {mayOperate && attended && !attended.by ? (
          <Form action={`/incidents/${attended.incident}/claim`} token={token} stay>
            <button
              type="submit"
              data-verb="t"
              title="You look after it, and everybody sees that; no reminders go out any more ( t )"
            >
              I look after it
            </button>
          </Form>
        ) : null}
        {mayOperate && queueId !== null ? (
          <>
            <Form action={`/items/${queueId}/retry`} token={token} stay>
              <button type="submit" data-verb="r" title="Run it again, before all behind it ( r )">
                Retry
              </button>
            </Form>
            <a
              class="button"
              href={`/items/${queueId}/skip`}
              data-verb="s"
              title="See what follows, then leave it undone ( s )"
            >
              Skip …
            </a>
          </>
        ) : null}
        {mayOperate && kind === 'paused' ? (
          <Form action={`/queues/${concern.queue}/resume`} token={token} stay>
            <button type="submit" data-verb="r" title="Let the queue run again ( r )">
              Resume
            </button>
          </Form>
        ) : null}
      </div>
    </li>
  );
}

/** Who has taken the incident that it belongs to. */
const Keeper = ({ attended: { incident, by }, own }: { attended: Attended; own: string }) => (
  <p class="keeper">
    {by === own ? 'You look' : `${personIn(by ?? '')} looks`} after it ·{' '}
    <a href={`/incidents/${incident}`}>incident {incident}</a>
  </p>
);

/** What it costs that the queue stands. */
function Behind({
  concern: { status, entity, kind },
  kinds,
}: {
  concern: Concern;
  kinds: ReadonlyMap<string, number> | undefined;
}) {
  if (!status) return <p class="behind muted">Nothing waits for it.</p>;
  const waiting = waitingInWords(status, kinds, kind === 'blocked' ? (entity?.kind ?? '') : null);
  if (!waiting) return <p class="behind muted">Nothing waits behind it.</p>;
  const one = status.counts.waiting + status.counts.backingOff === 1;
  const oldest = status.oldestWaitingAt;
  return (
    <p class="behind">
      {waiting} {one ? 'is' : 'are'} {kind === 'paused' ? 'waiting' : 'stale'}
      {oldest ? (
        <>
          {one ? ', came ' : ', the oldest came '}
          <Ago at={oldest} />
        </>
      ) : null}
    </p>
  );
}
