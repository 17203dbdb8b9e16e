import { redactedText } from '../../queues/redact.js';
import type { ItemView } from '../../queues/view.js';
import { Badge } from './parts.js';
import { Table } from './table.js';
import { Ago } from './time.js';

/** Items in a list, each with what became of it so far. */
export const ItemTable = ({ items, label }: { items: readonly ItemView[]; label: string }) => (
  <Table
    label={label}
    rows={items}
    keyOf={(one) => one.queueId}
    columns={[
      {
        heading: 'Item',
        cell: (one) => <a href={`/items/${one.queueId}`}>{one.queueId}</a>,
      },
      {
        heading: 'What',
        cell: (one) => (
          <>
            {one.description}
            {one.title && one.title !== one.entity?.key ? ` · ${one.title}` : ''}
            {one.entity ? (
              <>
                {' · '}
                <EntityLink entity={one.entity} />
              </>
            ) : null}
          </>
        ),
      },
      {
        heading: 'State',
        cell: (one) => (
          <>
            <Badge state={one.state} />
            {one.error && one.state !== 'completed' ? (
              <span class={one.state === 'failed' ? 'error block' : 'muted block'}>
                {redactedText(one.error.message)}
              </span>
            ) : null}
          </>
        ),
      },
      {
        heading: 'Attempts',
        number: true,
        cell: (one) => (one.attempts > 0 ? one.attempts : ''),
      },
      { heading: 'Came', cell: (one) => <Ago at={one.enqueuedAt} /> },
      { heading: 'Finished', cell: (one) => <Ago at={one.finishedAt} /> },
    ]}
  />
);

export const EntityLink = ({ entity }: { entity: { kind: string; key: string } }) => (
  <a
    class="entity"
    href={`/entities/${encodeURIComponent(entity.kind)}/${encodeURIComponent(entity.key)}`}
  >
    {entity.key}
  </a>
);
