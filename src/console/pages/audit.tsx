import { z } from 'zod';
import type { Json } from '../../json.js';
import type { AuditLine } from '../../queues/audit.js';
import { differences } from '../../queues/difference.js';
import { redacted } from '../../queues/redact.js';
import { sieve } from '../audit-seen.js';
import { type ConsoleRoute, page } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { Field } from '../view/form.js';
import { Empty, href, Pager } from '../view/parts.js';
import { Table } from '../view/table.js';
import { Ago } from '../view/time.js';

const LINES = 100;

const text = z
  .string()
  .trim()
  .max(100)
  .optional()
  .transform((value) => value || undefined)
  .catch(undefined);

const query = z.object({
  actor: text,
  action: text,
  item: z
    .string()
    .trim()
    .regex(/^\d{1,15}$/)
    .optional()
    .catch(undefined),
  client: text,
  before: z
    .string()
    .regex(/^\d+-\d+(\.\d+)?$/)
    .optional()
    .catch(undefined),
});
type Query = z.infer<typeof query>;

/** Who did what, newest first. */
export const auditPages = (services: ConsoleServices): ConsoleRoute[] => [
  page('/audit', {
    permission: 'read',
    query,
    render: async ({ query, caller }) => {
      const { before, item, ...rest } = query;
      const filter = { ...rest, queueId: item === undefined ? undefined : Number(item) };
      const found = await services.audit.search(LINES, before, sieve(filter, caller, services));
      const next = found.nextCursor && href('/audit', { ...rest, item, before: found.nextCursor });
      return {
        title: 'Audit',
        body: (
          <>
            <h1>Audit</h1>
            <Filters query={query} />
            {found.items.length > 0 ? (
              <Lines lines={found.items} />
            ) : (
              <Empty title={next ? 'Nothing that fits so far' : 'Nothing that fits'}>
                {next ? 'Older lines have not been looked through yet.' : null}
              </Empty>
            )}
            <Pager next={next} />
          </>
        ),
      };
    },
  }),
];

const Filters = ({ query }: { query: Query }) => (
  <form action="/audit" class="filters">
    <Field label="Who">
      <input name="actor" value={query.actor} placeholder="jane" maxlength={100} />
    </Field>
    <Field label="Action">
      <input name="action" value={query.action} placeholder="skip" maxlength={100} />
    </Field>
    <Field label="Queue id">
      <input name="item" value={query.item} inputmode="numeric" placeholder="1042" />
    </Field>
    <Field label="Client">
      <input name="client" value={query.client} maxlength={64} />
    </Field>
    <button type="submit" class="primary">
      Show
    </button>
    <a class="button" href="/audit">
      Everything
    </a>
  </form>
);

const Lines = ({ lines }: { lines: readonly AuditLine[] }) => (
  <Table
    label="Who did what"
    rows={lines}
    keyOf={(line) => line.id}
    columns={[
      { heading: 'When', cell: (line) => <Ago at={line.at} /> },
      {
        heading: 'Who',
        cell: (line) => (
          <a href={href('/audit', { actor: line.actor })} title="Everything by this one">
            {line.actor}
          </a>
        ),
      },
      { heading: 'Action', cell: (line) => <strong>{line.action}</strong> },
      {
        heading: 'Item',
        cell: (line) =>
          line.queueId === null ? null : (
            <a href={href('/audit', { item: String(line.queueId) })} title="Everything done to it">
              {line.queueId}
            </a>
          ),
      },
      { heading: 'Queue', cell: (line) => line.queue },
      { heading: 'Details', cell: (line) => <Details line={line} /> },
    ]}
  />
);

/** Whatever else the line holds: reason, reference, scope, what was before and after. */
function Details({ line }: { line: AuditLine }) {
  const {
    id: _id,
    at: _at,
    actor: _actor,
    action: _action,
    queue: _q,
    queueId: _i,
    before,
    after,
    ...rest
  } = line;
  const entries = Object.entries(redacted(rest) as Record<string, Json>).filter(
    ([, value]) => value !== undefined && value !== '',
  );
  // Each side holds only what the other does not have, so this is all that changed.
  const changes = differences(redacted(before ?? {}), redacted(after ?? {}));
  if (entries.length + changes.length === 0) return null;
  return (
    <dl class="details">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{shown(value)}</dd>
        </div>
      ))}
      {changes.map(({ path, before: was, after: is }) => (
        <div key={path}>
          <dt>{path.slice(1) || 'all'}</dt>
          <dd>
            {was === undefined ? null : <del>{shown(was)}</del>}
            {was !== undefined && is !== undefined ? ' ' : null}
            {is === undefined ? null : <ins>{shown(is)}</ins>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

const shown = (value: Json): string => {
  if (value === null) return 'nothing';
  return typeof value === 'string' ? value : JSON.stringify(value);
};
