import { z } from 'zod';
import { Conflict, InvalidInput, NotFound } from '../../errors.js';
import {
  adviceVerbs,
  type BookEntry,
  type KnownError,
  knownErrorSchema,
} from '../../incidents/known-errors.js';
import { action, type ConsoleRoute, page } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { verbNames, Worked } from '../view/advice.js';
import { Confirm, Field, Form } from '../view/form.js';
import { Badge } from '../view/parts.js';
import { Table } from '../view/table.js';

const params = z.object({ id: z.string().max(64) });

/** One a line, or between commas. */
const list = (by: RegExp) =>
  z
    .string()
    .max(20_000)
    .default('')
    .transform((text) => [...new Set(text.split(by).map((one) => one.trim()))].filter(Boolean));

const formBody = z.object({
  id: z.string().trim(),
  text: list(/\r?\n/),
  instruction: list(/[\s,]+/),
  connector: list(/[\s,]+/),
  cause: z.string(),
  todo: z.string(),
  verb: z.string(),
  who: z.string(),
});

/** What is known about errors: everybody reads it, admins of all clients write it. */
export const knownErrorPages = (services: ConsoleServices): ConsoleRoute[] => {
  const { knownErrors, audit, catalogue } = services;
  const entryFor = async (id: string): Promise<BookEntry> => {
    const entry = (await knownErrors.all()).find((one) => one.id === id);
    if (!entry) throw new NotFound(`there is no known error "${id}"`);
    return entry;
  };
  return [
    page('/known-errors', {
      permission: 'read',
      render: async ({ caller }) => {
        await knownErrors.tally(services.finder);
        const entries = await knownErrors.all();
        return {
          title: 'Known errors',
          body: (
            <>
              <h1>Known errors</h1>
              <p class="muted">
                What lies behind an error, what to do and who must: it shows beside each failure
                that fits.
              </p>
              {caller.may('admin') && caller.unlimited ? (
                <p>
                  <a class="button primary" href="/known-errors/new">
                    Write one down
                  </a>
                </p>
              ) : null}
              <Entries entries={entries} />
            </>
          ),
        };
      },
    }),
    page('/known-errors/new', {
      permission: 'admin',
      unlimitedOnly: true,
      render: ({ token }) => ({
        title: 'New known error',
        body: (
          <>
            <Crumbs />
            <h1>Write down a known error</h1>
            <EntryForm entry={null} token={token} />
          </>
        ),
      }),
    }),
    page('/known-errors/:id', {
      permission: 'read',
      params,
      render: async ({ params, caller, token }) => {
        await knownErrors.tally(services.finder);
        const entry = await entryFor(params.id);
        const mayWrite = caller.may('admin') && caller.unlimited;
        return {
          title: `Known error ${entry.id}`,
          body: (
            <>
              <Crumbs />
              <h1>
                {entry.id} <Badge state={entry.origin} />
              </h1>
              <Facts entry={entry} />
              {mayWrite ? (
                <>
                  <h2>Change it</h2>
                  <EntryForm entry={entry} token={token} />
                  <Ends entry={entry} token={token} />
                </>
              ) : null}
            </>
          ),
        };
      },
    }),
    action('/known-errors', {
      permission: 'admin',
      unlimitedOnly: true,
      body: formBody.extend({ isNew: z.string().optional() }),
      run: async ({ body: { isNew, ...given }, caller }) => {
        const entry = read(given, catalogue.names);
        const before = (await knownErrors.all()).find(({ id }) => id === entry.id);
        if (before && isNew) throw new Conflict(`there is a known error "${entry.id}" already`);
        await knownErrors.put(entry);
        await audit.write(caller.actor, before ? 'change' : 'create', {
          knownError: entry.id,
          before: before && bare(before),
          after: entry,
        });
        return { to: `/known-errors/${entry.id}`, say: `${entry.id} is written down.` };
      },
    }),
    action('/known-errors/:id/remove', {
      permission: 'admin',
      unlimitedOnly: true,
      params,
      run: async ({ params, caller }) => {
        const entry = await entryFor(params.id);
        await knownErrors.remove(entry.id);
        await audit.write(caller.actor, 'delete', {
          knownError: entry.id,
          before: bare(entry),
        });
        return { to: '/known-errors', say: `${entry.id} is taken out.` };
      },
    }),
    action('/known-errors/:id/restore', {
      permission: 'admin',
      unlimitedOnly: true,
      params,
      run: async ({ params, caller }) => {
        const entry = await entryFor(params.id);
        if (!knownErrors.isShipped(entry.id)) throw new Conflict(`${entry.id} was not shipped`);
        await knownErrors.restore(entry.id);
        await audit.write(caller.actor, 'restore', {
          knownError: entry.id,
          before: bare(entry),
          after: bare(await entryFor(entry.id)),
        });
        return { to: `/known-errors/${entry.id}`, say: `${entry.id} is as it was shipped.` };
      },
    }),
  ];
};

const bare = ({ origin: _o, followed: _f, worked: _w, ...entry }: BookEntry): KnownError => entry;

function read(given: z.infer<typeof formBody>, instructions: readonly string[]): KnownError {
  const parsed = knownErrorSchema.safeParse(given);
  const faults = parsed.success
    ? []
    : parsed.error.issues.map((issue) => ({
        pointer: `/${issue.path.map(String).join('/')}`,
        detail: issue.message,
      }));
  for (const name of given.instruction) {
    if (!instructions.includes(name))
      faults.push({ pointer: '/instruction', detail: `"${name}" is none` });
  }
  if (given.id === 'new') faults.push({ pointer: '/id', detail: 'must be another word' });
  if (!parsed.success || faults.length > 0) throw new InvalidInput(faults);
  return parsed.data;
}

const Crumbs = () => (
  <p class="crumbs">
    <a href="/known-errors">Known errors</a>
  </p>
);

const Entries = ({ entries }: { entries: readonly BookEntry[] }) => (
  <Table
    label="Known errors"
    rows={entries}
    keyOf={(one) => one.id}
    columns={[
      {
        heading: 'Which',
        cell: (one) => (
          <>
            <a href={`/known-errors/${one.id}`}>{one.id}</a>
            {one.origin === 'shipped' ? null : <span class="muted block">{one.origin}</span>}
          </>
        ),
      },
      { heading: 'What lies behind it', cell: (one) => one.cause },
      { heading: 'Do', cell: (one) => verbNames[one.verb] },
      { heading: 'Who', cell: (one) => one.who },
      { heading: 'Worked', cell: (one) => <Worked entry={one} /> },
    ]}
  />
);

const Facts = ({ entry }: { entry: BookEntry }) => (
  <section class="card" aria-label="The entry">
    <dl class="facts">
      <dt>Where the error says</dt>
      <dd>
        {entry.text.map((one) => (
          <code key={one} class="block">
            {one}
          </code>
        ))}
      </dd>
      <dt>About</dt>
      <dd>
        {entry.instruction.join(', ') || 'all instructions'};{' '}
        {entry.connector.join(', ') || 'all connectors'}
      </dd>
      <dt>What lies behind it</dt>
      <dd>{entry.cause}</dd>
      <dt>What to do</dt>
      <dd>{entry.todo}</dd>
      <dt>Verb</dt>
      <dd>{verbNames[entry.verb]}</dd>
      <dt>Who</dt>
      <dd>{entry.who}</dd>
      <dt>So far</dt>
      <dd>
        <Worked entry={entry} />
      </dd>
    </dl>
  </section>
);

const EntryForm = ({ entry, token }: { entry: BookEntry | null; token: string }) => (
  <section class="card">
    <Form action="/known-errors" token={token}>
      {entry ? (
        <input type="hidden" name="id" value={entry.id} />
      ) : (
        <>
          <input type="hidden" name="isNew" value="yes" />
          <Field label="Short name" hint="Small letters, digits and dashes: price-is-wrong">
            <input name="id" required maxlength={63} autocomplete="off" />
          </Field>
        </>
      )}
      <Field
        label="Where the error says"
        hint="Part of its text, one a line; one of them must be there. * stands for anything."
      >
        <textarea name="text" rows={4} required>
          {entry?.text.join('\n')}
        </textarea>
      </Field>
      <Field label="Instructions" hint="add_product, update_product …; empty: all">
        <input name="instruction" value={entry?.instruction.join(', ')} />
      </Field>
      <Field label="Connectors" hint="http, module, email, webhook, demo …; empty: all">
        <input name="connector" value={entry?.connector.join(', ')} />
      </Field>
      <Field label="What lies behind it">
        <textarea name="cause" rows={2} required maxlength={500}>
          {entry?.cause}
        </textarea>
      </Field>
      <Field label="What to do">
        <textarea name="todo" rows={3} required maxlength={1000}>
          {entry?.todo}
        </textarea>
      </Field>
      <Field label="Verb">
        <select name="verb">
          {adviceVerbs.map((verb) => (
            <option key={verb} value={verb} selected={entry?.verb === verb}>
              {verbNames[verb]}
            </option>
          ))}
        </select>
      </Field>
      <Field label="Who must act">
        <input name="who" required maxlength={100} value={entry?.who} />
      </Field>
      <p class="buttons">
        <button type="submit" class="primary">
          Write down
        </button>
      </p>
    </Form>
  </section>
);

const Ends = ({ entry, token }: { entry: BookEntry; token: string }) => (
  <div class="buttons">
    {entry.origin === 'removed' ? null : (
      <Confirm
        id="remove"
        label="Take it out"
        title={`Take ${entry.id} out?`}
        verb="Take it out"
        action={`/known-errors/${entry.id}/remove`}
        token={token}
        danger
      />
    )}
    {entry.origin === 'changed' || entry.origin === 'removed' ? (
      <Form action={`/known-errors/${entry.id}/restore`} token={token}>
        <button type="submit">As it was shipped</button>
      </Form>
    ) : null}
  </div>
);
