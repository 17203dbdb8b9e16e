import { z } from 'zod';
import type { Caller } from '../../accounts/caller.js';
import { NotFound } from '../../errors.js';
import { type Entity, entityText } from '../../instructions/entity.js';
import type { Item } from '../../queues/item.js';
import { redactedText } from '../../queues/redact.js';
import type { Endpoint } from '../../queues/registry.js';
import type { Rule } from '../../queues/seek.js';
import { type ItemView, showItems } from '../../queues/view.js';
import { PARALLEL } from '../../redis/keys.js';
import { action, type ConsoleRoute, page } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { Form } from '../view/form.js';
import { Badge, Live } from '../view/parts.js';
import { Table } from '../view/table.js';
import { Ago } from '../view/time.js';

/** Items that are told of, the newest; and of those that wait, how many have their position looked up. */
const TOLD = 200;
const PLACED = 20;

const params = z.object({ kind: z.string().min(1).max(64), key: z.string().min(1).max(512) });

/** All that happened, waits or failed for one SKU, order or customer. */
export const entityPages = (services: ConsoleServices): ConsoleRoute[] => [
  page('/entities/:kind/:key', {
    permission: 'read',
    params,
    render: async ({ params: entity, caller, token }) => {
      const { finder, registry, catalogue, seeker } = services;
      const found = await finder.search({ entity }, TOLD, undefined, (one) => caller.seesItem(one));
      if (found.items.length === 0) throw new NotFound(`nothing is known of ${entityText(entity)}`);
      const items = await withPositions(found.items, services);
      const shown = await showItems(items.reverse(), registry, catalogue);
      const queues = [...new Set(shown.map((one) => one.queue))];
      const clients = [...new Set(shown.map((one) => one.client))];
      const [rules, endpoints] = await Promise.all([
        seeker.rules(queues, entity, clients),
        registry.getMany(queues),
      ]);
      const mayEnd = (rule: Rule) =>
        caller.may('operate') &&
        mayEndRule(caller, rule, endpoints[queues.indexOf(rule.queue)] ?? null);
      const names = new Map(
        queues.map((name, n) => [name, endpoints[n]?.description ?? 'Parallel items']),
      );
      return {
        title: entity.key,
        body: (
          <Live name="entity">
            <p class="crumbs muted">{entity.kind}</p>
            <h1>{entity.key}</h1>
            <section class="card">
              <dl class="facts">
                {queues.map((name) => (
                  <Now
                    key={name}
                    queue={name}
                    description={names.get(name) ?? name}
                    items={shown.filter((one) => one.queue === name)}
                  />
                ))}
              </dl>
            </section>
            {rules.map((rule) => (
              <SkippedByRule
                key={`${rule.queue} ${rule.client}`}
                description={names.get(rule.queue) ?? rule.queue}
                rule={rule}
                entity={entity}
                token={token}
                mayEnd={mayEnd(rule)}
                severalClients={clients.length > 1}
              />
            ))}
            <h2>
              From first to last{' '}
              <span class="muted">
                {found.nextCursor ? `the newest ${TOLD}` : shown.length.toLocaleString('en')}
              </span>
            </h2>
            <Story items={shown} names={names} severalClients={clients.length > 1} />
          </Live>
        ),
      };
    },
  }),
  action('/entities/:kind/:key/end-rule', {
    permission: 'operate',
    params,
    body: z.object({ queue: z.string().max(100), client: z.string().max(64).optional() }),
    run: async ({ params: entity, body: { queue, client }, caller }) => {
      const owner = client === '' ? null : client;
      const [endpoint = null] = await services.registry.getMany([queue]);
      if (!mayEndRule(caller, { queue, client: owner }, endpoint))
        throw new NotFound(`there is no queue ${queue}`);
      await services.transitions.endRule(queue, { entity, client: owner }, caller.actor);
      const to = `/entities/${encodeURIComponent(entity.kind)}/${encodeURIComponent(entity.key)}`;
      return { to, say: `${entity.key} is not skipped in ${queue} any more.` };
    },
  }),
];

/** Who sees the queue or owns the client; a rule of all clients only who sees the queue. */
function mayEndRule(
  caller: Caller,
  { queue, client }: Pick<Rule, 'queue' | 'client'>,
  endpoint: Endpoint | null,
): boolean {
  const queueSeen = caller.seesQueue(queue, endpoint);
  if (client === undefined) return queueSeen;
  return caller.ownsClient(client) && (queueSeen || queue === PARALLEL);
}

/** Looking up a position walks the queue, so only a few are. */
function withPositions(items: readonly Item[], { finder }: ConsoleServices): Promise<Item[]> {
  const waiting = items.filter((one) => one.state === 'waiting').slice(-PLACED);
  return Promise.all(
    items.map(async (one) =>
      waiting.includes(one) ? ((await finder.item(one.queueId)) ?? one) : one,
    ),
  );
}

/** How the entity stands in one queue: by the last item there that is done, and what is open. */
function Now({
  queue,
  description,
  items,
}: {
  queue: string;
  description: string;
  items: readonly ItemView[];
}) {
  const last = items.filter((one) => one.state === 'completed').at(-1);
  const failed = items.filter((one) => one.state === 'failed');
  const open = items.filter((one) => ['waiting', 'active', 'backing-off'].includes(one.state));
  const aside = items.filter((one) => one.state === 'skipped' || one.state === 'resolved').at(-1);
  return (
    <>
      <dt>
        <a href={`/queues/${queue}`}>{description}</a>
      </dt>
      <dd>
        {failed.length > 0 ? <strong class="error">{failed.length} failed; </strong> : null}
        {open.length > 0 ? `${open.length} waiting; ` : null}
        {last ? (
          <>
            last done <Ago at={last.finishedAt} />
          </>
        ) : (
          'nothing done yet'
        )}
        {aside && (!last || aside.queueId > last.queueId) ? (
          <>
            , {aside.state} <Ago at={aside.finishedAt} />
          </>
        ) : null}
      </dd>
    </>
  );
}

function SkippedByRule({
  description,
  rule,
  entity,
  token,
  mayEnd,
  severalClients,
}: {
  description: string;
  rule: Rule;
  entity: Entity;
  token: string;
  mayEnd: boolean;
  severalClients: boolean;
}) {
  const path = `/entities/${encodeURIComponent(entity.kind)}/${encodeURIComponent(entity.key)}`;
  return (
    <section class="card rule">
      <p>
        <Badge state="skipped" /> In <strong>{description}</strong> everything new of {entity.key}
        {severalClients && rule.client ? ` of client ${rule.client}` : ''} is skipped until it is
        added anew
        {rule.until ? (
          <>
            , or until the rule ends <Ago at={rule.until} />
          </>
        ) : null}
        : said {rule.actor} <Ago at={rule.at} />
        {rule.reason ? ` (${rule.reason})` : ''}.
      </p>
      {mayEnd ? (
        <Form action={`${path}/end-rule`} token={token} stay>
          <input type="hidden" name="queue" value={rule.queue} />
          {rule.client === undefined ? null : (
            <input type="hidden" name="client" value={rule.client ?? ''} />
          )}
          <button type="submit">End this rule</button>
        </Form>
      ) : null}
    </section>
  );
}

const Story = ({
  items,
  names,
  severalClients,
}: {
  items: readonly ItemView[];
  names: ReadonlyMap<string, string>;
  /** One key may stand for a thing of each of them. */
  severalClients: boolean;
}) => (
  <Table
    label="What happened"
    rows={items}
    keyOf={(one) => one.queueId}
    columns={[
      { heading: 'Came', cell: (one) => <Ago at={one.enqueuedAt} /> },
      {
        heading: 'Item',
        cell: (one) => (
          <>
            <a href={`/items/${one.queueId}`}>{one.queueId}</a>
            {one.causedBy ? (
              <span class="muted block">
                from <a href={`/items/${one.causedBy}`}>{one.causedBy}</a>
              </span>
            ) : null}
          </>
        ),
      },
      {
        heading: 'What',
        cell: (one) => (
          <>
            {one.description}
            <span class="muted block">
              {names.get(one.queue)}
              {severalClients && one.client ? ` · client ${one.client}` : ''}
            </span>
          </>
        ),
      },
      {
        heading: 'State',
        cell: (one) => (
          <>
            <Badge state={one.state} />
            {one.state === 'waiting' && one.position !== null ? (
              <span class="muted block">
                {one.position === 0
                  ? 'runs next'
                  : `${one.position.toLocaleString('en')} before it`}
              </span>
            ) : null}
            {one.finishedAt ? (
              <span class="muted block">
                <Ago at={one.finishedAt} />
              </span>
            ) : null}
          </>
        ),
      },
      {
        heading: 'What became of it',
        cell: (one) => (
          <>
            {one.error && one.state !== 'completed' ? (
              <span class={one.state === 'failed' ? 'error block' : 'muted block'}>
                {redactedText(one.error.message)}
              </span>
            ) : null}
            {one.history
              .filter((line) => line.actor !== 'the fleet')
              .slice(-5)
              .map((line) => (
                <span class="block" key={`${line.at}${line.action}`}>
                  {line.action} by {line.actor} <Ago at={line.at} />
                  {typeof line['reason'] === 'string' && line['reason'] !== ''
                    ? `: ${line['reason']}`
                    : ''}
                </span>
              ))}
          </>
        ),
      },
    ]}
  />
);
