import type { ComponentChildren } from 'preact';
import { z } from 'zod';
import { type Found, find, SHOWN } from '../found.js';
import { type ConsoleRoute, page } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { EntityLink, ItemTable } from '../view/items.js';
import { Empty } from '../view/parts.js';

const query = z.object({ q: z.string().trim().max(200).catch('') });

/** One box for everything: queue id, SKU, order number, error text, instruction, title, channel, source. */
export const searchPages = (services: ConsoleServices): ConsoleRoute[] => [
  page('/search', {
    permission: 'read',
    query,
    render: async ({ query: { q }, caller }) => {
      if (q === '') return { title: 'Search', body: <HowTo /> };
      const found = await find(q, caller, services);
      const { item, entities, queues, failures, newest } = found;
      const others = entities.length + queues.length + failures.fit + newest.fit;
      if (item && !anotherIsCalled(q, found)) return { to: `/items/${item.queueId}` };
      return {
        title: `${q} · Search`,
        body: (
          <>
            <h1>
              Search <span class="muted">{q}</span>
            </h1>
            {item === null && others === 0 ? (
              <Empty title="Nothing found">
                Looked for a queue id, a SKU or order number that begins so, channels and sources,
                and the errors, titles and instructions of items.
              </Empty>
            ) : (
              <Groups found={found} />
            )}
            <Looked found={found} />
          </>
        ),
      };
    },
  }),
];

/** Who types a queue id wants that item, unless a SKU, an order or a channel is called just so. */
const anotherIsCalled = (q: string, { entities, queues }: Found): boolean =>
  entities.some((one) => one.key.toLowerCase() === q.toLowerCase()) ||
  queues.some(({ endpoint }) => [endpoint?.id, endpoint?.description].includes(q));

const HowTo = () => (
  <>
    <h1>Search</h1>
    <Empty title="Type into the box above">
      A queue id, a SKU or order number or how it begins, part of an error, of a title, of an
      instruction, or the id or name of a channel or source.
    </Empty>
  </>
);

const Groups = ({ found: { item, entities, queues, failures, newest } }: { found: Found }) => (
  <>
    {item ? (
      <Group title="The item of that queue id" count={1} shown={1}>
        <ItemTable items={[item]} label="The item of that queue id" />
      </Group>
    ) : null}
    {entities.length > 0 ? (
      <Group title="SKUs, orders and customers" count={entities.length} shown={entities.length}>
        <ul class="card links">
          {entities.map((one) => (
            <li key={`${one.kind}:${one.key}`}>
              <span class="muted">{one.kind}</span> <EntityLink entity={one} />
            </li>
          ))}
          {entities.length === SHOWN ? (
            <li class="muted">There may be more: type more of it.</li>
          ) : null}
        </ul>
      </Group>
    ) : null}
    {queues.length > 0 ? (
      <Group title="Channels and sources" count={queues.length} shown={SHOWN}>
        <ul class="card links">
          {queues.slice(0, SHOWN).map(({ name, endpoint }) => (
            <li key={name}>
              <a href={`/queues/${name}`}>{endpoint?.description ?? 'Parallel items'}</a>{' '}
              <span class="muted">{[name, endpoint?.client].filter(Boolean).join(' · ')}</span>
            </li>
          ))}
        </ul>
      </Group>
    ) : null}
    {failures.items.length > 0 ? (
      <Group title="Failed, newest first" count={failures.fit} shown={failures.items.length}>
        <ItemTable items={failures.items} label="Failed items" />
      </Group>
    ) : null}
    {newest.items.length > 0 ? (
      <Group title="Items, newest first" count={newest.fit} shown={newest.items.length}>
        <ItemTable items={newest.items} label="Items" />
      </Group>
    ) : null}
  </>
);

const Group = ({
  title,
  count,
  shown,
  children,
}: {
  title: string;
  count: number;
  shown: number;
  children: ComponentChildren;
}) => (
  <section>
    <h2>
      {title}{' '}
      <span class="muted">
        {count > shown ? `${shown} of ${count.toLocaleString('en')}` : count.toLocaleString('en')}
      </span>
    </h2>
    {children}
  </section>
);

/** What was not looked at is said, or nobody could trust an empty list. */
const Looked = ({ found: { failures, newest } }: { found: Found }) => (
  <p class="muted">
    Errors were looked for in the {failures.looked.toLocaleString('en')} newest failures, titles and
    instructions in the {newest.looked.toLocaleString('en')} items that came last.
  </p>
);
