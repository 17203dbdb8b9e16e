import { z } from 'zod';
import type { Caller } from '../../accounts/caller.js';
import { NotFound } from '../../errors.js';
import { causeInWords } from '../../incidents/advice.js';
import { careOf, type IncidentDetails, type IncidentView } from '../../incidents/incidents.js';
import { changeOf } from '../../queues/audit-change.js';
import { action, type ConsoleRoute, page } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { Confirm, Field, Form } from '../view/form.js';
import { Badge, Empty, Live } from '../view/parts.js';
import { Table } from '../view/table.js';
import { Ago } from '../view/time.js';

const params = z.object({
  id: z
    .string()
    .regex(/^[1-9]\d{0,14}$/)
    .transform(Number),
});
const query = z.object({ state: z.enum(['open', 'over']).default('open').catch('open') });

const HOUR = 3_600_000;
/** As many as a page can hold; the rest is in the API. */
const SHOWN = 200;

/** What failed from one cause: who looks after it, who was told of it, what stands. */
export function incidentPages({ incidents, audit }: ConsoleServices): ConsoleRoute[] {
  const find = async (id: number, caller: Caller): Promise<IncidentDetails> => {
    const found = await incidents.get(id, (concern) => caller.seesItem(concern));
    if (!found) throw new NotFound(`there is no incident ${id}`);
    return found;
  };
  const written = async (
    before: IncidentDetails,
    caller: Caller,
    action: string,
    more: Record<string, unknown> = {},
  ) => {
    const after = await find(before.id, caller);
    const change = changeOf(careOf(before), careOf(after));
    await audit.write(caller.actor, action, { incident: before.id, ...more, ...change });
  };
  return [
    page('/incidents', {
      permission: 'read',
      query,
      render: async ({ query: { state }, caller }) => {
        const all = await incidents.list((concern) => caller.seesItem(concern), state);
        return {
          title: 'Incidents',
          body: (
            <>
              <h1>Incidents</h1>
              <p class="buttons">
                <a class={tab(state === 'open')} href="/incidents">
                  Open
                </a>
                <a class={tab(state === 'over')} href="/incidents?state=over">
                  Over
                </a>
                <a class="button" href="/alerts">
                  Who is told
                </a>
              </p>
              <Live name="incidents">
                {all.length > 0 ? (
                  <Incidents rows={all.slice(0, SHOWN)} />
                ) : (
                  <Empty title={state === 'open' ? 'Nothing stands' : 'None yet'}>
                    Failures of one cause are one incident, and one mail for whom it concerns.
                  </Empty>
                )}
              </Live>
              {all.length > SHOWN ? (
                <p class="muted">
                  The newest {SHOWN} of {all.length}.
                </p>
              ) : null}
            </>
          ),
        };
      },
    }),
    page('/incidents/:id', {
      permission: 'read',
      params,
      render: async ({ params: { id }, caller, token }) => {
        const incident = await find(id, caller);
        return {
          title: `Incident ${id}`,
          body: (
            <Live name="incident">
              <Head incident={incident} />
              {caller.may('operate') && incident.state === 'open' ? (
                <Verbs incident={incident} token={token} own={caller.actor} />
              ) : null}
              <Facts incident={incident} />
              <Items incident={incident} />
              <ToldOf incident={incident} />
            </Live>
          ),
        };
      },
    }),
    action('/incidents/:id/claim', {
      permission: 'operate',
      params,
      run: async ({ params: { id }, caller }) => {
        const before = await find(id, caller);
        await incidents.claim(id, caller.actor);
        await written(before, caller, 'claim');
        return { to: `/incidents/${id}`, say: 'You look after it: no reminders go out any more.' };
      },
    }),
    action('/incidents/:id/release', {
      permission: 'operate',
      params,
      run: async ({ params: { id }, caller }) => {
        const before = await find(id, caller);
        await incidents.release(id);
        await written(before, caller, 'release');
        return { to: `/incidents/${id}`, say: 'Nobody looks after it now: reminders go on.' };
      },
    }),
    action('/incidents/:id/snooze', {
      permission: 'operate',
      params,
      body: z.object({ hours: z.coerce.number().min(0.25).max(720) }),
      run: async ({ params: { id }, body: { hours }, caller }) => {
        const before = await find(id, caller);
        const until = Date.now() + hours * HOUR;
        await incidents.snooze(id, caller.actor, until);
        const at = new Date(until).toISOString();
        await written(before, caller, 'snooze', { until: at });
        const say = `No mails about it before ${at.slice(0, 16).replace('T', ' ')} UTC, but for its end.`;
        return { to: `/incidents/${id}`, say };
      },
    }),
  ];
}

const tab = (now: boolean) => (now ? 'button primary' : 'button');

const Incidents = ({ rows }: { rows: readonly IncidentView[] }) => (
  <Table
    label="Incidents"
    rows={rows}
    keyOf={(one) => one.id}
    columns={[
      { heading: 'Incident', cell: (one) => <a href={`/incidents/${one.id}`}>{one.id}</a> },
      {
        heading: 'What',
        cell: (one) => (
          <>
            <span class="error block">{one.error}</span>
            <span class="muted block">{one.farSide}</span>
          </>
        ),
      },
      { heading: 'Where', cell: (one) => <Where incident={one} /> },
      {
        heading: 'Stand',
        number: true,
        cell: (one) => `${one.open} of ${one.failures}`,
      },
      { heading: 'Since', cell: (one) => <Ago at={one.since} /> },
      { heading: 'Looked after by', cell: (one) => <Keeper incident={one} /> },
    ]}
  />
);

const Where = ({ incident: { queues, clients } }: { incident: IncidentView }) => (
  <>
    {queues.length === 1 ? (
      <a href={`/queues/${queues[0]}`}>{queues[0]}</a>
    ) : (
      `${queues.length} queues`
    )}
    <span class="muted block">{clients.filter((one) => one !== null).join(', ')}</span>
  </>
);

const Keeper = ({ incident }: { incident: IncidentView }) => (
  <>
    {incident.claimedBy ?? (incident.state === 'open' ? 'nobody' : '')}
    {incident.snoozedUntil && incident.state === 'open' ? (
      <span class="muted block">
        quiet until <Ago at={incident.snoozedUntil} />
      </span>
    ) : null}
  </>
);

const Head = ({ incident }: { incident: IncidentDetails }) => (
  <>
    <p class="crumbs">
      <a href="/incidents">Incidents</a>
    </p>
    <h1>
      Incident {incident.id}{' '}
      <Badge state={incident.state === 'open' ? 'blocked' : 'resolved'} word={incident.state} />
    </h1>
    <p class="error">{incident.error}</p>
    <p>
      {causeInWords(incident.cause)}
      {incident.away
        ? ' What is held goes on by itself once the other system is back; what failed wants a retry.'
        : ''}
    </p>
  </>
);

function Verbs({
  incident,
  token,
  own,
}: {
  incident: IncidentDetails;
  token: string;
  own: string;
}) {
  const at = `/incidents/${incident.id}`;
  return (
    <div class="buttons verbs">
      {incident.claimedBy === own || incident.claimedBy ? null : (
        <Form action={`${at}/claim`} token={token} stay>
          <button type="submit" class="primary">
            I look after it
          </button>
        </Form>
      )}
      {incident.claimedBy || incident.snoozedUntil ? (
        <Form action={`${at}/release`} token={token} stay>
          <button type="submit">Give it back</button>
        </Form>
      ) : null}
      <Confirm
        id="snooze"
        label="Quiet for a while …"
        title="No mails about it for a while?"
        verb="Be quiet"
        action={`${at}/snooze`}
        token={token}
        stay
      >
        <Field label="Hours" hint="Its end is told all the same.">
          <input name="hours" type="number" min="0.25" max="720" step="0.25" value="4" />
        </Field>
      </Confirm>
    </div>
  );
}

const Facts = ({ incident }: { incident: IncidentDetails }) => (
  <section class="card">
    <dl class="facts">
      <dt>Stand</dt>
      <dd>
        {incident.open} of {incident.failures} failures
      </dd>
      <dt>At</dt>
      <dd>{incident.farSide}</dd>
      <dt>Since</dt>
      <dd>
        <Ago at={incident.since} />
      </dd>
      <dt>Last failure</dt>
      <dd>
        <Ago at={incident.lastFailureAt} />
      </dd>
      {incident.overAt ? (
        <>
          <dt>Over</dt>
          <dd>
            <Ago at={incident.overAt} />
          </dd>
        </>
      ) : null}
      <dt>Looked after by</dt>
      <dd>
        <Keeper incident={incident} />
      </dd>
      <dt>Queues</dt>
      <dd>
        {incident.queues.slice(0, 20).map((name, n) => (
          <>
            {n > 0 ? ', ' : ''}
            <a href={`/queues/${name}`}>{name}</a>
          </>
        ))}
        {incident.queues.length > 20 ? ` and ${incident.queues.length - 20} more` : ''}
      </dd>
    </dl>
  </section>
);

const Items = ({ incident }: { incident: IncidentDetails }) => (
  <>
    <h2>What stands</h2>
    {incident.items.length === 0 ? (
      <Empty title="Nothing stands any more" />
    ) : (
      <Table
        label="Items that stand"
        rows={incident.items}
        keyOf={(one) => one.queueId}
        columns={[
          {
            heading: 'Item',
            cell: (one) => <a href={`/items/${one.queueId}`}>{one.queueId}</a>,
          },
          { heading: 'State', cell: (one) => <Badge state={one.kind} /> },
          { heading: 'Queue', cell: (one) => <a href={`/queues/${one.queue}`}>{one.queue}</a> },
          { heading: 'Error', cell: (one) => <span class="error">{one.error}</span> },
          { heading: 'Since', cell: (one) => <Ago at={one.since} /> },
        ]}
      />
    )}
  </>
);

const ToldOf = ({ incident: { told } }: { incident: IncidentDetails }) => (
  <>
    <h2>Who was told</h2>
    {told === null ? (
      <p class="muted">It concerns other clients too, so who was told of it is not shown here.</p>
    ) : told.length === 0 ? (
      <Empty title="Nobody yet">
        Nobody is routed it, or its first mail waits for the burst to end.
      </Empty>
    ) : (
      <Table
        label="Who was told what, and when"
        rows={told}
        keyOf={(one) => one.address}
        columns={[
          {
            heading: 'Who',
            cell: (one) => (
              <>
                {one.name || one.address}
                {one.name ? <span class="muted block">{one.address}</span> : null}
              </>
            ),
          },
          {
            heading: 'What, when',
            cell: (one) =>
              one.mails.map(({ stage, at, queueId }) => (
                <span class="block" key={stage}>
                  {queueId === null ? stage : <a href={`/items/${queueId}`}>{stage}</a>}{' '}
                  <span class="muted">
                    <Ago at={at} />
                  </span>
                </span>
              )),
          },
        ]}
      />
    )}
  </>
);
