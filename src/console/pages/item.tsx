import { z } from 'zod';
import { skippedTogether } from '../../blocking/skipped-together.js';
import { carrierName } from '../../incidents/clusters.js';
import type { Item } from '../../queues/item.js';
import { redactedText } from '../../queues/redact.js';
import { adviceOf } from '../advice.js';
import { attemptsOf } from '../attempts.js';
import { bundleOf } from '../bundle.js';
import { itemFor, itemParams, type SeenItem, seenItem } from '../item-seen.js';
import { action, type ConsoleRoute, optionalText, page } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { StateWords } from '../state-words.js';
import { Advice } from '../view/advice.js';
import { Confirm, Field, Form } from '../view/form.js';
import { Attempts, Data, History, PartsOf, Progress } from '../view/item-parts.js';
import { Badge, Live } from '../view/parts.js';
import { Ago } from '../view/time.js';

/** One item, everything that is known of it, and what may be done with it. */
export const itemPages = (services: ConsoleServices): ConsoleRoute[] => [
  page('/items/:queueId', {
    permission: 'read',
    params: itemParams,
    render: async ({ params, caller, token }) => {
      const seen = await seenItem(services, params.queueId, caller);
      const { item } = seen;
      const [logs, together, effects, advice] = await Promise.all([
        services.finder.logs(item),
        skippedTogether(services.finder, item),
        item.causedBy === null ? null : services.finder.item(item.causedBy),
        adviceOf(services, item),
      ]);
      const undoes = together.filter((one) => caller.seesItem(one)).length;
      const parent = effects && caller.seesItem(effects) ? effects : null;
      return {
        title: `${item.queueId} ${seen.name}`,
        body: (
          <Live name="item">
            <Head seen={seen} />
            {caller.may('operate') ? <Verbs item={item} token={token} undoes={undoes} /> : null}
            <Failure item={item} />
            {advice ? <Advice entry={advice} /> : null}
            <Facts seen={seen} parent={parent} services={services} />
            <Told seen={seen} logs={logs} />
          </Live>
        ),
      };
    },
  }),
  page('/items/:queueId/bundle', {
    permission: 'read',
    params: itemParams,
    render: async ({ params, caller, response }) => {
      const bundle = await bundleOf(services, await seenItem(services, params.queueId, caller));
      response
        .set('Content-Disposition', `attachment; filename="andon-item-${params.queueId}.json"`)
        .set('X-Content-Type-Options', 'nosniff')
        .type('json')
        .send(`${JSON.stringify(bundle, null, 2)}\n`);
      return null;
    },
  }),
  action('/items/:queueId/retry', {
    permission: 'operate',
    params: itemParams,
    run: async ({ params, caller }) => {
      const item = await itemFor(services, params.queueId, caller);
      await services.transitions.retry(item, caller.actor);
      return {
        to: `/items/${item.queueId}`,
        say: `Item ${item.queueId} runs again, first of all.`,
      };
    },
  }),
  action('/items/:queueId/resolve', {
    permission: 'operate',
    params: itemParams,
    body: z.object({ reference: optionalText(255), reason: optionalText(1_000) }),
    run: async ({ params, body, caller }) => {
      const item = await itemFor(services, params.queueId, caller);
      await services.transitions.resolve(item, { ...body, actor: caller.actor });
      const under = body.reference ? `, reference ${body.reference}` : '';
      const say = `Item ${item.queueId} counts as put right by hand${under}.`;
      return { to: `/items/${item.queueId}`, say };
    },
  }),
];

const Head = ({ seen }: { seen: SeenItem }) => {
  const { item, name, queueName, endpoint } = seen;
  return (
    <>
      <p class="crumbs muted">
        <a href={`/queues/${item.queue}`}>{endpoint?.description ?? queueName}</a>
        {item.client ? ` · ${item.client}` : ''}
        {` · item ${item.queueId}`}
      </p>
      <h1>
        {name} <Badge state={item.state} />
      </h1>
      <StateWords seen={seen} />
    </>
  );
};

function Verbs({ item, token, undoes }: { item: Item; token: string; undoes: number }) {
  const at = `/items/${item.queueId}`;
  if (item.state === 'skipped') {
    return (
      <div class="buttons verbs">
        <Form action={`${at}/undo-skip`} token={token}>
          <button type="submit" class="primary">
            {undoes > 1 ? `Undo the skip of all ${undoes}` : 'Undo skip'}
          </button>
        </Form>
      </div>
    );
  }
  const failed = item.state === 'failed' || item.state === 'backing-off';
  if (!failed && item.state !== 'waiting') return null;
  return (
    <div class="buttons verbs">
      {failed ? (
        <Form action={`${at}/retry`} token={token} stay>
          <button type="submit" class="primary" title="Runs it again before everything behind it">
            {item.state === 'failed' ? 'Retry' : 'Retry now'}
          </button>
        </Form>
      ) : null}
      <a class="button" href={`${at}/edit`}>
        {failed ? 'Edit and retry' : 'Edit'}
      </a>
      {failed ? (
        <>
          <a class="button" href={`${at}/skip`}>
            Skip …
          </a>
          <Confirm
            id="resolve"
            label="Resolve …"
            title="It was put right by hand"
            verb="Resolve"
            action={`${at}/resolve`}
            token={token}
            stay
          >
            <p>The item counts as dealt with, and its queue goes on with the next one.</p>
            <Field label="Reference" hint="The invoice or order number it has there, say">
              <input name="reference" maxlength={255} autocomplete="off" />
            </Field>
            <Field label="What was done">
              <input name="reason" maxlength={1000} autocomplete="off" />
            </Field>
          </Confirm>
        </>
      ) : null}
    </div>
  );
}

/** The last error, also of an item that waits for its next attempt or was set aside. */
const Failure = ({ item }: { item: Item }) =>
  item.error === null ? null : (
    <section class="card failure" aria-label="The error">
      <p class="error told">{redactedText(item.error.message)}</p>
      <p class="muted">
        {item.error.status === undefined ? '' : `Answer ${item.error.status} · `}
        {item.error.cause} · <Ago at={item.error.at} />
      </p>
    </section>
  );

function Facts({
  seen: { item, shown },
  parent,
  services,
}: {
  seen: SeenItem;
  parent: Item | null;
  services: ConsoleServices;
}) {
  return (
    <section class="card" aria-label="Facts">
      <dl class="facts">
        <dt>Queue id</dt>
        <dd class="mono">{item.queueId}</dd>
        <dt>Instruction</dt>
        <dd>
          <code>{item.instruction}</code>, {item.mode}, carried out by{' '}
          <code>{carrierName(services.catalogue, item)}</code>
        </dd>
        {item.entity ? (
          <>
            <dt>Concerns</dt>
            <dd>
              <a href={entityPath(item.entity)} title="Everything that happened to it">
                {item.entity.kind} {item.entity.key}
              </a>
            </dd>
          </>
        ) : null}
        <dt>Enqueued</dt>
        <dd>
          <Ago at={item.enqueuedAt} />
        </dd>
        <dt>Attempts</dt>
        <dd>{item.attempts}</dd>
        {parent ? (
          <>
            <dt>Caused by</dt>
            <dd>
              <a href={`/items/${parent.queueId}`}>item {parent.queueId}</a> {parent.title}
            </dd>
          </>
        ) : null}
        {item.caused > 0 ? (
          <>
            <dt>Has caused</dt>
            <dd>
              {item.caused} {item.caused === 1 ? 'item' : 'items'}
            </dd>
          </>
        ) : null}
        <dt>Look</dt>
        <dd class="links">
          {shown.recordUrl ? (
            <a href={shown.recordUrl} rel="noreferrer">
              The record
            </a>
          ) : null}
          <a href={`/board/items/${item.queueId}`}>Bull Board</a>
          <a href={`/audit?item=${item.queueId}`}>Audit</a>
          <a href={`/items/${item.queueId}/bundle`} download>
            Support bundle
          </a>
        </dd>
      </dl>
    </section>
  );
}

const entityPath = ({ kind, key }: { kind: string; key: string }) =>
  `/entities/${encodeURIComponent(kind)}/${encodeURIComponent(key)}`;

/** Tables and texts, each only where there is something to show. */
function Told({ seen: { item }, logs }: { seen: SeenItem; logs: readonly string[] }) {
  const attempts = attemptsOf(item);
  return (
    <>
      {item.progress === null ? null : (
        <>
          <h2>Progress</h2>
          <Progress value={item.progress} />
        </>
      )}
      {attempts.length > 0 ? (
        <>
          <h2>Attempts</h2>
          <Attempts attempts={attempts} />
        </>
      ) : null}
      {item.parts.length > 0 ? (
        <>
          <h2>Parts</h2>
          <PartsOf parts={item.parts} />
        </>
      ) : null}
      {item.state === 'completed' && item.outcome?.['result'] != null ? (
        <>
          <h2>Result</h2>
          <Data value={item.outcome['result']} label="Result" />
        </>
      ) : null}
      {logs.length > 0 ? (
        <>
          <h2>Log</h2>
          <section class="scroll data" tabindex={0} aria-label="Log">
            <pre>{logs.map(redactedText).join('\n')}</pre>
          </section>
        </>
      ) : null}
      <h2>Data</h2>
      <Data value={item.data} label="Data" />
      {item.history.length > 0 ? (
        <>
          <h2>History</h2>
          <History history={item.history} />
        </>
      ) : null}
    </>
  );
}
