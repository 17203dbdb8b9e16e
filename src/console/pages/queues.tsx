import { z } from 'zod';
import { statusAsSeen } from '../../accounts/as-seen.js';
import { type Endpoint, endpointName } from '../../queues/registry.js';
import type { QueueStatus } from '../../queues/status.js';
import { PARALLEL } from '../../redis/keys.js';
import { type ConsoleRoute, page, shortText } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { Field, OneOf } from '../view/form.js';
import { Badge, Empty, href, Live, Pages } from '../view/parts.js';
import { Pause, Resume } from '../view/queue-buttons.js';
import { Table } from '../view/table.js';
import { Ago } from '../view/time.js';

const ROWS = 50;
const states = ['running', 'blocked', 'paused', 'held'] as const;

const query = z.object({
  state: z.enum(states).optional().catch(undefined),
  client: shortText,
  text: shortText,
  page: z.coerce.number().int().min(1).max(10_000).catch(1),
});
type Query = z.infer<typeof query>;

interface Listed {
  readonly name: string;
  readonly endpoint: Endpoint | null;
}

/** Every queue. Of however many there are, only those of one page are looked into. */
export const queueListPages = (services: ConsoleServices): ConsoleRoute[] => [
  page('/queues', {
    permission: 'read',
    query,
    render: async ({ query, caller, token }) => {
      const { registry, status, standing, pace } = services;
      const [endpoints, stopped, held] = await Promise.all([
        registry.list(),
        standing.queues(),
        standing.held(),
      ]);
      const all: Listed[] = endpoints
        .filter((one) => one.kind !== 'service' && caller.seesEndpoint(one))
        .map((endpoint) => ({ name: endpointName(endpoint.kind, endpoint.id), endpoint }));
      if (caller.unlimited) all.push({ name: PARALLEL, endpoint: null });
      const told = all.filter((one) => fits(one, query));
      const stands = new Set([...stopped, ...held.map((one) => one.queue)]);
      const wanted = query.state ? await inState(told, query.state, stands, status) : told;
      const rows = wanted.slice((query.page - 1) * ROWS, query.page * ROWS);
      const names = rows.map((one) => one.name);
      const [statuses, paces] = await Promise.all([
        status(names).then((found) => statusAsSeen(caller, found, standing)),
        pace(names),
      ]);
      const clients = [...new Set(all.flatMap((one) => one.endpoint?.client ?? []))].sort();
      const seenStanding = all.filter((one) => stands.has(one.name)).length;
      return {
        title: 'Queues',
        body: (
          <>
            <h1>Queues</h1>
            <Filters query={query} clients={clients} />
            <Live name="queues">
              <p class="muted total">
                {all.length.toLocaleString('en')} queue{all.length === 1 ? '' : 's'},{' '}
                {seenStanding === 0 ? (
                  'all of them run'
                ) : (
                  <>{seenStanding.toLocaleString('en')} of them blocked, paused or on hold</>
                )}
                {wanted.length === all.length ? '' : `; ${wanted.length.toLocaleString('en')} fit`}
              </p>
              {rows.length > 0 ? (
                <Queues
                  rows={rows}
                  statuses={statuses}
                  paces={paces}
                  token={token}
                  mayOperate={caller.may('operate')}
                />
              ) : all.length > 0 ? (
                <Empty title="No queue fits">
                  <a href="/queues">Show all</a>
                </Empty>
              ) : (
                <Empty title="There is no queue yet">
                  A queue comes with its channel or source: PUT /v1/channels/&lt;id&gt;, or andon
                  channel put.
                </Empty>
              )}
              <Pages
                page={query.page}
                last={Math.ceil(wanted.length / ROWS)}
                to={(page) =>
                  href('/queues', { ...query, page: page === 1 ? undefined : String(page) })
                }
                words={['Before', 'Next']}
              />
            </Live>
          </>
        ),
      };
    },
  }),
];

function fits({ name, endpoint }: Listed, { client, text }: Query): boolean {
  if (client && endpoint?.client !== client) return false;
  if (!text) return true;
  const words = `${name}\n${endpoint?.description ?? 'Parallel items'}\n${endpoint?.client ?? ''}`;
  return words.toLowerCase().includes(text.toLowerCase());
}

/** Only queues in the indexes can be anything but running, so only those are looked into. */
async function inState(
  listed: readonly Listed[],
  state: (typeof states)[number],
  stands: ReadonlySet<string>,
  status: ConsoleServices['status'],
): Promise<Listed[]> {
  const names = listed.filter((one) => stands.has(one.name)).map((one) => one.name);
  const found = new Map((await status(names)).map((one) => [one.name, one]));
  return listed.filter(({ name }) => {
    const now = found.get(name);
    if (!now) return state === 'running';
    if (state === 'paused') return now.paused;
    return now.state === state;
  });
}

const Filters = ({ query, clients }: { query: Query; clients: readonly string[] }) => (
  <form action="/queues" class="filters" data-filters>
    <OneOf label="State" name="state" options={states} chosen={query.state} />
    {clients.length > 1 || query.client ? (
      <Field label="Client">
        <input name="client" value={query.client} list="clients" maxlength={100} />
        <datalist id="clients">
          {clients.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      </Field>
    ) : null}
    <Field label="Text">
      <input
        type="search"
        name="text"
        value={query.text}
        maxlength={100}
        placeholder="Name or id"
      />
    </Field>
    <button type="submit" class="primary">
      Show
    </button>
    <a class="button" href="/queues">
      All
    </a>
  </form>
);

function Queues({
  rows,
  statuses,
  paces,
  token,
  mayOperate,
}: {
  rows: readonly Listed[];
  statuses: readonly QueueStatus[];
  paces: ReadonlyMap<string, number>;
  token: string;
  mayOperate: boolean;
}) {
  const endpoints = new Map(rows.map((one) => [one.name, one.endpoint]));
  const count = (value: number) => (value === 0 ? '' : value.toLocaleString('en'));
  return (
    <Table
      label="Queues"
      rows={statuses}
      keyOf={(one) => one.name}
      columns={[
        {
          heading: 'Queue',
          cell: (one) => (
            <>
              <a href={`/queues/${one.name}`}>
                {endpoints.get(one.name)?.description ??
                  (one.name === PARALLEL ? 'Parallel items' : one.name)}
              </a>
              <span class="muted block">
                {[one.name, endpoints.get(one.name)?.client].filter(Boolean).join(' · ')}
              </span>
            </>
          ),
        },
        {
          heading: 'State',
          cell: (one) => (
            <>
              <Badge state={one.state} />
              {one.blocked && one.paused ? <Badge state="paused" /> : null}
            </>
          ),
        },
        {
          heading: 'Waiting',
          number: true,
          cell: (one) => count(one.counts.waiting + one.counts.backingOff),
        },
        { heading: 'Oldest', cell: (one) => <Ago at={one.oldestWaitingAt} /> },
        { heading: 'Running', number: true, cell: (one) => count(one.counts.active) },
        { heading: 'Failed', number: true, cell: (one) => count(one.counts.failed) },
        { heading: 'Done', number: true, cell: (one) => count(one.counts.completed) },
        {
          heading: 'Set aside',
          number: true,
          cell: (one) => count(one.counts.skipped + one.counts.resolved),
        },
        { heading: 'Per minute', number: true, cell: (one) => paceInWords(paces.get(one.name)) },
        ...(mayOperate
          ? [
              {
                heading: 'Do',
                cell: (one: QueueStatus) =>
                  one.paused ? (
                    <Resume name={one.name} token={token} />
                  ) : (
                    <Pause name={one.name} token={token} />
                  ),
              },
            ]
          : []),
      ]}
    />
  );
}

/** On average over the last ten minutes; small ones with a decimal. */
export function paceInWords(pace: number | undefined): string {
  if (!pace) return '';
  return pace < 10 ? pace.toFixed(1) : Math.round(pace).toLocaleString('en');
}
