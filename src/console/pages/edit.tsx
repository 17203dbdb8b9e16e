import { createHash } from 'node:crypto';
import { z } from 'zod';
import { edited } from '../../blocking/edit.js';
import { AndonError, Conflict, InvalidInput } from '../../errors.js';
import { parseStrictJson } from '../../json/strict-json.js';
import type { Json, JsonObject } from '../../json.js';
import { type Difference, differences } from '../../queues/difference.js';
import type { Item } from '../../queues/item.js';
import { hasMask, isSecretName, MASK, redacted, unmasked } from '../../queues/redact.js';
import { itemFor, itemParams, type SeenItem, seenItem } from '../item-seen.js';
import { action, type ConsoleRoute, page, type Sight } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { DoOrLeave, Field, Form } from '../view/form.js';
import { Table } from '../view/table.js';

const LONGEST = '4mb';

const fields = z.object({
  data: z.string().max(1_500_000),
  /** What the data was when the form was opened. */
  was: z.string().max(64),
});

/** Change what an item will send: write, look at what changes, confirm. */
export const editPages = (services: ConsoleServices): ConsoleRoute[] => [
  page('/items/:queueId/edit', {
    permission: 'operate',
    params: itemParams,
    render: async ({ params, caller, token }) => {
      const seen = await seenItem(services, params.queueId, caller);
      demandEditable(seen.item);
      return form(seen, token, textOf(seen.item.data), printOf(seen.item));
    },
  }),
  action('/items/:queueId/edit', {
    permission: 'operate',
    params: itemParams,
    body: fields.extend({ next: z.enum(['show', 'again']).default('show') }),
    longest: LONGEST,
    run: async ({ params, body, caller, token }) => {
      const seen = await seenItem(services, params.queueId, caller);
      demandEditable(seen.item);
      demandSame(seen.item, body.was);
      if (body.next === 'again') return form(seen, token, body.data, body.was);
      try {
        const { data, title } = edited(services.catalogue, seen.item, read(body.data, seen.item));
        return diff(seen, token, body, data, title);
      } catch (error) {
        if (!(error instanceof AndonError) || error.status >= 500) throw error;
        return form(seen, token, body.data, body.was, faultsOf(error));
      }
    },
  }),
  action('/items/:queueId/edit/confirm', {
    permission: 'operate',
    params: itemParams,
    body: fields.extend({ next: z.enum(['retry', 'keep']) }),
    longest: LONGEST,
    run: async ({ params, body, caller }) => {
      const { item } = await seenItem(services, params.queueId, caller);
      demandSame(item, body.was);
      const change = edited(services.catalogue, item, read(body.data, item));
      await services.transitions.edit(item, { ...change, actor: caller.actor });
      const to = `/items/${item.queueId}`;
      if (body.next === 'keep') return { to, say: 'The data is changed.' };
      await services.transitions.retry(await itemFor(services, item.queueId, caller), caller.actor);
      return { to, say: `The data is changed, and item ${item.queueId} runs again, first of all.` };
    },
  }),
];

function demandEditable(item: Item): void {
  if (item.state === 'failed' || item.state === 'backing-off' || item.state === 'waiting') return;
  throw new Conflict(`item ${item.queueId} is ${item.state}, so its data cannot be changed`);
}

/** Somebody else may have changed it since the form was opened: their work is not overwritten unseen. */
function demandSame(item: Item, was: string): void {
  if (printOf(item) === was) return;
  throw new Conflict(
    `the data of item ${item.queueId} was changed by somebody else meanwhile: open the form anew`,
  );
}

const printOf = (item: Item) =>
  createHash('sha256').update(JSON.stringify(item.data)).digest('base64url');

const textOf = (data: JsonObject) => JSON.stringify(redacted(data), null, 2);

function read(text: string, item: Item): JsonObject {
  const value = parseStrictJson(Buffer.from(text));
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new InvalidInput([{ pointer: '', detail: 'the data must be an object: { … }' }]);
  }
  const data = unmasked(value, item.data) as JsonObject;
  if (!hasMask(data)) return data;
  const detail = `${MASK} stands where no secret was: write the value itself`;
  throw new InvalidInput([{ pointer: '', detail }]);
}

const faultsOf = (error: AndonError): string[] =>
  error.errors.length === 0
    ? [error.message]
    : error.errors.map(({ pointer, detail }) => `${pointer} ${detail}`.trim());

function form(
  { item, name }: SeenItem,
  token: string,
  text: string,
  was: string,
  faults: readonly string[] = [],
): Sight {
  return {
    title: `Edit ${item.queueId} ${name}`,
    status: faults.length > 0 ? 422 : 200,
    body: (
      <>
        <Crumbs item={item} name={name} />
        <h1>Edit the data</h1>
        {faults.length > 0 ? (
          <div class="notice bad" role="alert">
            {faults.map((fault) => (
              <div key={fault}>{fault}</div>
            ))}
          </div>
        ) : null}
        <Form action={`/items/${item.queueId}/edit`} token={token}>
          <input type="hidden" name="was" value={was} />
          <Field
            label="Data"
            hint={
              text.includes(MASK)
                ? `JSON. Secrets show as ${MASK}; left so, they stay as they are.`
                : 'JSON. What changes is shown before anything is changed.'
            }
          >
            <textarea name="data" class="mono code" rows={24} spellcheck={false} required>
              {text}
            </textarea>
          </Field>
          <DoOrLeave verb="Show what changes" queueId={item.queueId} />
        </Form>
      </>
    ),
  };
}

function diff(
  { item, name }: SeenItem,
  token: string,
  body: z.infer<typeof fields>,
  data: JsonObject,
  title: string,
): Sight {
  const changes = differences(item.data, data);
  const failed = item.state !== 'waiting';
  return {
    title: `Edit ${item.queueId} ${name}`,
    body: (
      <>
        <Crumbs item={item} name={name} />
        <h1>{changes.length === 0 ? 'Nothing changes' : 'This changes'}</h1>
        {changes.length > 0 ? <Changes changes={changes} /> : null}
        {title === item.title ? null : (
          <p>
            In lists it is called <strong>{title}</strong> from now on.
          </p>
        )}
        <Form action={`/items/${item.queueId}/edit/confirm`} token={token}>
          <input type="hidden" name="was" value={body.was} />
          <input type="hidden" name="data" value={body.data} />
          <p class="buttons">
            {failed ? (
              <button type="submit" name="next" value="retry" class="primary">
                {changes.length === 0 ? 'Retry all the same' : 'Change and retry'}
              </button>
            ) : null}
            {changes.length > 0 ? (
              <button type="submit" name="next" value="keep" class={failed ? '' : 'primary'}>
                {failed ? 'Change only' : 'Change'}
              </button>
            ) : null}
            <button
              type="submit"
              name="next"
              value="again"
              formaction={`/items/${item.queueId}/edit`}
            >
              Back to the form
            </button>
            <a class="button" href={`/items/${item.queueId}`}>
              Leave it as it is
            </a>
          </p>
        </Form>
      </>
    ),
  };
}

const Crumbs = ({ item, name }: { item: Item; name: string }) => (
  <p class="crumbs muted">
    <a href={`/items/${item.queueId}`}>
      Item {item.queueId} · {name}
    </a>
  </p>
);

const Changes = ({ changes }: { changes: readonly Difference[] }) => (
  <Table
    label="What changes"
    rows={changes}
    keyOf={(one) => one.path}
    columns={[
      { heading: 'Where', cell: (one) => <code>{one.path.slice(1)}</code> },
      { heading: 'Before', cell: (one) => <Side path={one.path} value={one.before} was /> },
      { heading: 'After', cell: (one) => <Side path={one.path} value={one.after} /> },
    ]}
  />
);

function Side({
  path,
  value,
  was = false,
}: {
  path: string;
  value: Json | undefined;
  was?: boolean;
}) {
  if (value === undefined) return <span class="muted">not there</span>;
  const secret = path.split('/').some(isSecretName);
  const text = secret ? MASK : JSON.stringify(redacted(value), null, 1);
  return was ? <del>{text}</del> : <ins>{text}</ins>;
}
