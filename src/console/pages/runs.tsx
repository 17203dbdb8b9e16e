import { z } from 'zod';
import type { Caller } from '../../accounts/caller.js';
import { type BulkRun, untouched } from '../../blocking/bulk-run.js';
import { Conflict, NotFound } from '../../errors.js';
import { redactedText } from '../../queues/redact.js';
import type { Glance } from '../../queues/standing.js';
import { action, type ConsoleRoute, page } from '../page.js';
import { seesRun, wisherOf } from '../runs-seen.js';
import type { ConsoleServices } from '../services.js';
import { Form } from '../view/form.js';
import { Badge, Live } from '../view/parts.js';
import { countsOf } from '../view/runs.js';
import { Table } from '../view/table.js';
import { Ago } from '../view/time.js';

const params = z.object({ id: z.string().max(40) });

/** How a retry or skip of many gets on. */
export const runPages = (services: ConsoleServices): ConsoleRoute[] => [
  page('/runs/:id', {
    permission: 'read',
    params,
    render: async ({ params, caller, token }) => {
      const run = await runFor(services, params.id, caller);
      const all = await services.standing.glance(run.chosen.map(({ queueId }) => queueId));
      // A form may name any item; of those that somebody does not see, there is nothing to tell.
      const known = new Map([...all].filter(([, one]) => caller.seesItem(one)));
      return {
        title: `${verbOf(run)} ${run.title}`,
        body: (
          <Live name="run">
            <Head run={run} />
            {caller.may('operate') ? <Verbs run={run} token={token} /> : null}
            <Results run={run} known={known} />
          </Live>
        ),
      };
    },
  }),
  action('/runs/:id/cancel', {
    permission: 'operate',
    params,
    run: async ({ params, caller }) => {
      const run = await runFor(services, params.id, caller);
      await services.bulkRuns.cancel(run.id, caller.actor);
      return { to: `/runs/${run.id}`, say: 'No more items are begun.' };
    },
  }),
  action('/runs/:id/continue', {
    permission: 'operate',
    params,
    run: async ({ params, caller }) => {
      const run = await runFor(services, params.id, caller);
      if (run.state === 'running') throw new Conflict('the run goes on already');
      const { verb, title, reason, scope, canary } = run;
      const wish = {
        verb,
        title,
        reason,
        scope,
        canary,
        chosen: untouched(run),
        actor: caller.actor,
      };
      if (wish.chosen.length === 0) throw new Conflict('there is nothing left to do');
      const id = await services.bulkRuns.begin(wish, wisherOf(caller, services));
      return { to: `/runs/${id}` };
    },
  }),
];

async function runFor(services: ConsoleServices, id: string, caller: Caller): Promise<BulkRun> {
  const run = await services.bulkRuns.get(id);
  if (!run || !seesRun(caller, run)) throw new NotFound(`there is no run ${id}`);
  return run;
}

const verbOf = (run: BulkRun) => (run.verb === 'retry' ? 'Retry' : 'Skip');

function Head({ run }: { run: BulkRun }) {
  const counts = countsOf(run);
  const went = run.state === 'running' || run.state === 'done';
  const reached = went ? run.chosen.length - counts.untouched : counts.done + counts.failed;
  return (
    <>
      <p class="crumbs muted">
        <a href="/clusters">Clusters</a> · begun by {run.actor} <Ago at={run.startedAt} />
      </p>
      <h1>
        {verbOf(run)} {run.chosen.length === 1 ? '1 item' : `${run.chosen.length} items`}{' '}
        <Badge state={run.state} />
      </h1>
      <p class="muted">
        {run.title}
        {run.scope && run.scope !== 'item' ? ` · ${reaches[run.scope]}` : ''}
      </p>
      <p class="lead" data-busy={run.state === 'running' ? '' : undefined}>
        {sentenceOf(run)}
      </p>
      <p>
        <progress max={run.chosen.length} value={reached} /> {counts.done} done
        {counts.released > 0 ? `, ${counts.released} on the way` : ''}
        {counts.failed > 0 ? `, ${counts.failed} failed anew` : ''}
        {counts.left > 0 ? `, ${counts.left} left as they were` : ''}
        {counts.untouched > 0 ? `, ${counts.untouched} not reached` : ''}
      </p>
    </>
  );
}

const reaches = {
  entity: 'with everything that was queued for their SKUs and orders',
  'entity-until-add': 'with everything for their SKUs and orders until they are added again',
} as const;

function sentenceOf(run: BulkRun): string {
  const first = run.canary === 1 ? 'the first one' : `the first ${run.canary}`;
  switch (run.state) {
    case 'running':
      return run.phase === 'canary'
        ? `Waits for what becomes of ${first}; the rest follows only when that went well.`
        : run.canary > 0
          ? `The first went well; now the rest.`
          : 'Under way.';
    case 'done':
      return 'All is done.';
    case 'stopped':
      return `Stopped, and the rest left as it was: ${redactedText(run.why)}`;
    case 'cancelled':
      return `Cancelled ${run.why}; the rest is left as it was.`;
    case 'interrupted':
      return `Interrupted: ${run.why}. The rest is left as it was.`;
  }
}

function Verbs({ run, token }: { run: BulkRun; token: string }) {
  if (run.state === 'running') {
    return (
      <div class="buttons verbs">
        <Form action={`/runs/${run.id}/cancel`} token={token} stay>
          <button type="submit">Cancel</button>
        </Form>
      </div>
    );
  }
  if (run.state === 'done' || untouched(run).length === 0) return null;
  return (
    <div class="buttons verbs">
      <Form action={`/runs/${run.id}/continue`} token={token}>
        <button type="submit" class="primary">
          Go on with the {untouched(run).length} not reached
        </button>
      </Form>
    </div>
  );
}

const kinds = {
  released: 'on its way',
  done: 'done',
  failed: 'failed',
  left: 'left as it was',
} as const;

const Results = ({ run, known }: { run: BulkRun; known: ReadonlyMap<number, Glance> }) => (
  <Table
    label="Items of the run"
    rows={run.chosen}
    keyOf={(one) => one.queueId}
    columns={[
      {
        heading: 'Item',
        cell: ({ queueId }) => (
          <>
            <a href={`/items/${queueId}`}>{queueId}</a> {known.get(queueId)?.title}
          </>
        ),
      },
      { heading: 'Queue', short: true, cell: ({ queueId }) => known.get(queueId)?.queue },
      {
        heading: 'Now',
        cell: ({ queueId }) => {
          const result = run.results.get(queueId);
          return result ? kinds[result.kind] : <span class="muted">not reached</span>;
        },
      },
      {
        heading: 'Why',
        cell: ({ queueId }) => redactedText(run.results.get(queueId)?.say ?? ''),
      },
    ]}
  />
);
