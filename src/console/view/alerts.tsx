import type { Recipient } from '../../config/alerts-schema.js';
import type { Override, TopLevel, Verdict } from '../../incidents/routing.js';
import type { NotificationType } from '../../incidents/types.js';
import { Confirm, Field, Form } from './form.js';
import { Empty } from './parts.js';
import { Table } from './table.js';

/** What may be chosen among. */
export interface Choices {
  readonly types: readonly NotificationType[];
  /** Null stands for what belongs to no client. */
  readonly clients: readonly (string | null)[];
  readonly channels: readonly Choice[];
  readonly sources: readonly Choice[];
}

interface Choice {
  readonly id: string;
  readonly description: string;
}

const nobody = 'what belongs to no client';

/** "Ann <ann@shop.example>", as it may be typed again. */
const written = ({ address, name }: Recipient): string =>
  name ? `${/[",<>@;:()]/.test(name) ? JSON.stringify(name) : name} <${address}>` : address;

const People = ({ people }: { people: readonly Recipient[] }) => (
  <>
    {people.map((one) => (
      <span class="block" key={one.address}>
        {one.name ? `${one.name} · ` : ''}
        {one.address}
        {one.quiet ? (
          <span class="muted">
            {' '}
            quiet {one.quiet.from} to {one.quiet.to}
          </span>
        ) : null}
      </span>
    ))}
  </>
);

const Select = ({
  name,
  none,
  options,
  chosen,
}: {
  name: string;
  none: string;
  options: readonly Choice[];
  chosen?: string | undefined;
}) => (
  <select name={name}>
    <option value="">{none}</option>
    {options.map(({ id, description }) => (
      <option key={id} value={id} selected={id === chosen}>
        {description && description !== id ? `${id} · ${description}` : id}
      </option>
    ))}
  </select>
);

const clientChoices = (clients: readonly (string | null)[]): Choice[] =>
  clients.flatMap((id) => (id === null ? [] : [{ id, description: '' }]));

/** Asks what a notification would do; changes nothing. */
export const Tester = ({
  asked,
  choices,
}: {
  asked: { [name in 'type' | 'client' | 'channel' | 'source']?: string | undefined };
  choices: Choices;
}) => (
  <section class="card">
    <h2>Who would be told?</h2>
    <form action="/alerts" class="filters">
      <Field label="Notification">
        <select name="type">
          {choices.types.map(({ name }) => (
            <option key={name} value={name} selected={name === asked.type}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      <Field label="Source">
        <Select name="source" none="any" options={choices.sources} chosen={asked.source} />
      </Field>
      <Field label="Channel">
        <Select name="channel" none="any" options={choices.channels} chosen={asked.channel} />
      </Field>
      <Field label="Client">
        <Select
          name="client"
          none="its own"
          options={clientChoices(choices.clients)}
          chosen={asked.client}
        />
      </Field>
      <button type="submit" class="primary">
        Show
      </button>
    </form>
  </section>
);

export function Verdicts({
  verdict,
  type,
}: {
  verdict: { client: string | null } & (Verdict | { stranger: true });
  type: string;
}) {
  if ('stranger' in verdict) {
    return (
      <Empty title="That is not for you to see">Choose a source, channel or client of yours.</Empty>
    );
  }
  const rows = [
    ...verdict.told.map(({ address, because }) => ({
      address,
      verdict: 'is told',
      why: because.map((one) => `${one.type}: ${one.through}`).join('; '),
    })),
    ...verdict.lost.map(({ address, type: lost, override }) => ({
      address,
      verdict: 'is not told',
      why: `override ${override} takes ${lost} away`,
    })),
  ];
  return (
    <section class="card" id="verdict">
      <h2>
        {type} of {verdict.client ?? nobody}
      </h2>
      {rows.length === 0 ? (
        <p class="warning">Nobody is told of this.</p>
      ) : (
        <Table
          label="Who would be told"
          rows={rows}
          keyOf={(one) => `${one.address} ${one.why}`}
          columns={[
            { heading: 'Who', cell: (one) => one.address },
            { heading: 'Verdict', cell: (one) => <strong>{one.verdict}</strong> },
            { heading: 'Why', cell: (one) => one.why },
          ]}
        />
      )}
    </section>
  );
}

export const Lists = ({ lists }: { lists: readonly TopLevel[] }) => (
  <>
    <h2>Top level</h2>
    <p class="muted">These get everything of their client that no override takes away.</p>
    {lists.length === 0 ? (
      <Empty title="Nobody is told of anything" />
    ) : (
      <Table
        label="Top level of each client"
        rows={lists}
        keyOf={(one) => one.client ?? ''}
        columns={[
          { heading: 'Client', cell: (one) => one.client ?? nobody },
          { heading: 'Who', cell: (one) => <People people={one.recipients} /> },
          { heading: 'Successes too', cell: (one) => (one.successes ? 'yes' : 'no') },
          {
            heading: 'When nobody takes it on',
            cell: ({ escalation }) =>
              escalation ? (
                <>
                  after {Math.round(escalation.afterMs / 60_000)} min
                  <People people={escalation.recipients} />
                </>
              ) : null,
          },
        ]}
      />
    )}
  </>
);

export const Overrides = ({
  overrides,
  token,
}: {
  overrides: readonly Override[];
  /** Null for those who may only look. */
  token: string | null;
}) => (
  <>
    <h2>Overrides</h2>
    <p class="muted">
      These get the named notifications, and the top level of that client does not any more.
    </p>
    {overrides.length === 0 ? (
      <Empty title="None" />
    ) : (
      <Table
        label="Overrides"
        rows={overrides}
        keyOf={(one) => one.id}
        columns={[
          { heading: 'Client', cell: (one) => one.client ?? nobody },
          { heading: 'Notifications', cell: (one) => one.types.join(', ') },
          {
            heading: 'Only for',
            cell: ({ channels, sources }) =>
              [
                ...channels.map((id) => `channel ${id}`),
                ...sources.map((id) => `source ${id}`),
              ].join(', ') || 'all',
          },
          { heading: 'Who', cell: (one) => <People people={one.recipients} /> },
          {
            heading: 'Id',
            cell: (one) => (
              <>
                {one.id}{' '}
                {token ? (
                  <Confirm
                    id={`remove-${one.id}`}
                    label="Remove"
                    title={`Remove override ${one.id}?`}
                    verb="Remove"
                    action={`/alerts/overrides/${one.id}/remove`}
                    token={token}
                    danger
                  >
                    <p>{one.types.join(', ')} goes to the top level again.</p>
                  </Confirm>
                ) : null}
              </>
            ),
          },
        ]}
      />
    )}
  </>
);

export const ListForm = ({
  token,
  lists,
  clients,
}: {
  token: string;
  lists: readonly TopLevel[];
  clients: readonly (string | null)[];
}) => (
  <section class="card">
    <h2>Change the top level</h2>
    {[...new Set([...clients, ...lists.map((one) => one.client)])].map((client) => {
      const list = lists.find((one) => one.client === client);
      return (
        <details key={client ?? ''}>
          <summary>{client ?? nobody}</summary>
          <Form action="/alerts/recipients" token={token}>
            <input type="hidden" name="client" value={client ?? ''} />
            <Field label="Who gets everything" hint="One address a line: Sue <sue@cape.example>">
              <textarea name="recipients" rows={3}>
                {list?.recipients.map(written).join('\n') ?? ''}
              </textarea>
            </Field>
            <label class="tick">
              <input
                type="checkbox"
                name="onlyErrors"
                value="yes"
                checked={list ? !list.successes : false}
              />{' '}
              only what fails, not orders created and products fetched
            </label>
            <Field label="Who is told when nobody takes it on" hint="One address a line, or nobody">
              <textarea name="escalation" rows={2}>
                {list?.escalation?.recipients.map(written).join('\n') ?? ''}
              </textarea>
            </Field>
            <Field label="After minutes">
              <input
                name="escalationMinutes"
                type="number"
                min="1"
                max="43200"
                value={list?.escalation ? Math.round(list.escalation.afterMs / 60_000) : ''}
              />
            </Field>
            <p class="buttons">
              <button type="submit" class="primary">
                Save
              </button>
            </p>
          </Form>
        </details>
      );
    })}
  </section>
);

export const OverrideForm = ({ token, choices }: { token: string; choices: Choices }) => (
  <section class="card">
    <h2>Make an override</h2>
    <Form action="/alerts/overrides" token={token}>
      <Field label="Client">
        <Select name="client" none={nobody} options={clientChoices(choices.clients)} />
      </Field>
      <Field
        label="Notifications"
        hint="Names as they stand at the end of each mail, with blanks or commas between"
      >
        <input name="types" required placeholder="queueError" />
      </Field>
      <Field label="Only for channels" hint="Ids; empty for all">
        <input name="channels" placeholder="12 13" />
      </Field>
      <Field label="Only for sources" hint="Ids; empty for all">
        <input name="sources" />
      </Field>
      <Field label="Who gets them" hint="One address a line">
        <textarea name="recipients" rows={2} required />
      </Field>
      <p class="buttons">
        <button type="submit" class="primary">
          Make it
        </button>
      </p>
    </Form>
  </section>
);
