import { z } from 'zod';
import type { Caller } from '../../accounts/caller.js';
import { bulkVerbs } from '../../blocking/bulk-run.js';
import { type SkipScope, skipScopes } from '../../blocking/transitions.js';
import { InvalidInput, NotFound } from '../../errors.js';
import { type Cluster, clustersOf } from '../../incidents/clusters.js';
import { adviceFor, type BookEntry } from '../../incidents/known-errors.js';
import type { Item } from '../../queues/item.js';
import { redactedText } from '../../queues/redact.js';
import { type ItemView, showItems } from '../../queues/view.js';
import { chosenOf, SHOWN, wishFields } from '../bulk-form.js';
import { nameOf } from '../item-seen.js';
import { action, type ConsoleRoute, page } from '../page.js';
import { seesRun, wisherOf } from '../runs-seen.js';
import type { ConsoleServices } from '../services.js';
import { Advice, verbNames } from '../view/advice.js';
import { Field, Form } from '../view/form.js';
import { Empty, Live } from '../view/parts.js';
import { Runs } from '../view/runs.js';
import { Table } from '../view/table.js';
import { Ago } from '../view/time.js';

/** Failures that are looked at; with more than that the newest count. */
const MOST = 5_000;
/** Failures with one cause, as one: what to do is done to all of them, exactly as they are shown. */
export const clusterPages = (services: ConsoleServices): ConsoleRoute[] => [
  page('/clusters', {
    permission: 'read',
    render: async ({ caller }) => {
      const [{ clusters, more }, entries, runs] = await Promise.all([
        clustersSeenBy(caller, services),
        services.knownErrors.entries(),
        services.bulkRuns.list(),
      ]);
      const own = runs.filter((run) => seesRun(caller, run)).slice(0, 10);
      return {
        title: 'Clusters',
        body: (
          <>
            <h1>Clusters of like errors</h1>
            <Live name="clusters">
              {clusters.length > 0 ? (
                <Clusters clusters={clusters} entries={entries} />
              ) : (
                <Empty title="Nothing has failed">Failures with one cause show here as one.</Empty>
              )}
              {more ? <p class="muted">The newest {MOST.toLocaleString('en')} failures.</p> : null}
              {own.length > 0 ? (
                <>
                  <h2>Done with clusters</h2>
                  <Runs runs={own} />
                </>
              ) : null}
            </Live>
          </>
        ),
      };
    },
  }),
  page('/clusters/:key', {
    permission: 'read',
    params: z.object({ key: z.string().max(64) }),
    render: async ({ params, caller, token }) => {
      const { clusters } = await clustersSeenBy(caller, services);
      const cluster = clusters.find(({ key }) => key === params.key);
      if (!cluster) throw new NotFound('there is no such cluster (any more)');
      const chosen = await services.finder.items(
        cluster.items.slice(0, SHOWN).map(({ queue, queueId }) => [queue, queueId]),
      );
      const shown = await showItems(
        chosen.filter(({ state }) => state === 'failed'),
        services.registry,
        services.catalogue,
      );
      const advice = adviceOf(await services.knownErrors.entries(), cluster);
      const example = cluster.items[0]?.error.message ?? '';
      const at = `/clusters/${cluster.key}`;
      return {
        title: `${cluster.items.length} × ${example}`,
        body: (
          <>
            <p class="crumbs muted">
              <a href="/clusters">Clusters</a> · {cluster.instruction} · {cluster.farSide}
            </p>
            <h1>
              {countOf(cluster.items.length)} failed{cluster.items.length === 1 ? '' : ' alike'}
            </h1>
            <section class="card failure" aria-label="The error">
              <p class="error told">{redactedText(example)}</p>
              <p class="muted">
                In{' '}
                {cluster.queues.length === 1
                  ? cluster.queues[0]
                  : `${cluster.queues.length} queues`}
                , since <Ago at={cluster.since} />, the last one <Ago at={cluster.last} />
              </p>
            </section>
            {advice ? <Advice entry={advice} /> : null}
            {caller.may('operate') ? (
              <Form action={`${at}/run`} token={token}>
                <Do cluster={cluster} at={at} shown={shown.length} />
                <Items items={shown} tick />
              </Form>
            ) : (
              <Items items={shown} />
            )}
          </>
        ),
      };
    },
  }),
  action('/clusters/:key/run', {
    permission: 'operate',
    params: z.object({ key: z.string().max(64) }),
    longest: '1mb',
    body: z.object({
      verb: z.enum(bulkVerbs),
      ...wishFields,
      scope: z.enum(skipScopes).optional().catch(undefined),
    }),
    run: async ({ body: { verb, pick, canary, reason, title, scope }, caller }) => {
      const chosen = chosenOf(pick);
      if (verb === 'skip' && !reason)
        await demandNoReason(services, chosen, scope ?? 'item', caller);
      const wish = { verb, chosen, canary, reason, scope, title, actor: caller.actor };
      const id = await services.bulkRuns.begin(wish, wisherOf(caller, services));
      return { to: `/runs/${id}` };
    },
  }),
];

/** Whoever skips an add or delete says why, also in a cluster. */
async function demandNoReason(
  services: ConsoleServices,
  chosen: readonly { queueId: number }[],
  scope: SkipScope,
  caller: Caller,
): Promise<void> {
  const items = await Promise.all(chosen.map(({ queueId }) => services.finder.item(queueId)));
  const seen = items.filter((item) => item !== null && caller.seesItem(item)) as Item[];
  if (!(await services.skipTotals(seen)).needsReason[scope]) return;
  const detail =
    'is needed: there are adds or deletes among what would go, say why they may be left undone';
  throw new InvalidInput([{ pointer: '/reason', detail }]);
}

async function clustersSeenBy(
  caller: Caller,
  { failures, registry, catalogue }: ConsoleServices,
): Promise<{ clusters: Cluster[]; more: boolean }> {
  const { failures: all, more } = await failures(MOST);
  const seen = all.filter((one) => caller.seesItem(one));
  return { clusters: await clustersOf(seen, registry, catalogue), more };
}

const adviceOf = (entries: readonly BookEntry[], cluster: Cluster): BookEntry | null => {
  const error = cluster.items[0]?.error;
  const { instruction, connector } = cluster;
  return error
    ? adviceFor(entries, { message: error.message, status: error.status, instruction, connector })
    : null;
};

const countOf = (count: number) => (count === 1 ? '1 item' : `${count.toLocaleString('en')} items`);

const Clusters = ({
  clusters,
  entries,
}: {
  clusters: readonly Cluster[];
  entries: readonly BookEntry[];
}) => (
  <Table
    label="Clusters"
    rows={clusters}
    keyOf={(one) => one.key}
    columns={[
      { heading: 'Failed', number: true, cell: (one) => one.items.length.toLocaleString('en') },
      {
        heading: 'Error',
        cell: (one) => (
          <>
            <a href={`/clusters/${one.key}`}>{redactedText(one.items[0]?.error.message ?? '?')}</a>
            <Known advice={adviceOf(entries, one)} />
          </>
        ),
      },
      { heading: 'Instruction', cell: (one) => <code>{one.instruction}</code> },
      { heading: 'Where', cell: (one) => one.farSide },
      {
        heading: 'Queues',
        cell: (one) => (one.queues.length === 1 ? one.queues[0] : `${one.queues.length} queues`),
      },
      { heading: 'Since', cell: (one) => <Ago at={one.since} /> },
    ]}
  />
);

const Known = ({ advice }: { advice: BookEntry | null }) =>
  advice ? (
    <span class="muted block">
      {verbNames[advice.verb]}: {advice.cause}
    </span>
  ) : null;

const Do = ({
  cluster,
  at,
  shown,
}: {
  cluster: Cluster;
  /** Its page. */
  at: string;
  shown: number;
}) => (
  <section class="card" aria-label="What to do">
    <input type="hidden" name="title" value={titleOf(cluster)} />
    <p>
      It is done to exactly the items that are ticked below, and only to those that have not changed
      since.
      {cluster.items.length > shown
        ? ` These are the oldest ${shown} of ${cluster.items.length}; come back for the others.`
        : ''}
    </p>
    <div class="filters">
      <Field label="How many first">
        <input
          type="number"
          name="canary"
          min={0}
          max={SHOWN}
          value={cluster.items.length > 1 ? 1 : 0}
          class="number"
        />
      </Field>
      <Field label="Reason">
        <input name="reason" maxlength={1000} autocomplete="off" />
      </Field>
      <button type="submit" name="verb" value="retry" class="primary">
        Retry these
      </button>
      <button type="submit" formaction={`${at}/skip`} class="danger quiet">
        Skip these …
      </button>
    </div>
    <p class="hint">
      So many go first, and the rest only when all of them went well. It stops at the first new
      failure.
    </p>
  </section>
);

const titleOf = (cluster: Cluster) =>
  `${cluster.instruction}: ${redactedText(cluster.items[0]?.error.message ?? '')}`.slice(0, 200);

const Items = ({ items, tick = false }: { items: readonly ItemView[]; tick?: boolean }) => (
  <Table
    label="Items of the cluster"
    rows={items}
    keyOf={(one) => one.queueId}
    columns={[
      ...(tick
        ? [
            {
              heading: 'Do',
              cell: (one: ItemView) => (
                <input
                  type="checkbox"
                  name="pick"
                  value={`${one.queueId}@${one.error?.at ?? ''}`}
                  aria-label={`Item ${one.queueId}`}
                  checked
                />
              ),
            },
          ]
        : []),
      {
        heading: 'Item',
        cell: (one) => (
          <>
            <a href={`/items/${one.queueId}`}>{one.queueId}</a> {nameOf(one)}
          </>
        ),
      },
      { heading: 'Error', cell: (one) => redactedText(one.error?.message ?? '') },
      { heading: 'Queue', short: true, cell: (one) => one.queue },
      { heading: 'Failed', cell: (one) => <Ago at={one.error?.at} /> },
    ]}
  />
);
