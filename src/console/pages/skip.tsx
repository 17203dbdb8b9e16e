import { z } from 'zod';
import { SOMEBODY_ELSES } from '../../accounts/as-seen.js';
import type { SkipPreview } from '../../blocking/skip-preview.js';
import { skippedTogether } from '../../blocking/skipped-together.js';
import { type SkipScope, skipScopes } from '../../blocking/transitions.js';
import { undoSkip } from '../../blocking/undo-skip.js';
import { Conflict, InvalidInput } from '../../errors.js';
import type { Catalogue } from '../../instructions/catalogue.js';
import { entityText } from '../../instructions/entity.js';
import type { Item } from '../../queues/item.js';
import { redactedText } from '../../queues/redact.js';
import { showItems } from '../../queues/view.js';
import { itemFor, itemParams, nameOf, type SeenItem, seenItem } from '../item-seen.js';
import { action, type ConsoleRoute, optionalText, page } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { DoOrLeave, Field, Form, reasonHint } from '../view/form.js';
import { Badge } from '../view/parts.js';

/** How many items of a preview are named; the rest is a number. */
const NAMED = 20;

/** What a skip would do, before it is done; the skip; and its undoing. */
export const skipPages = (services: ConsoleServices): ConsoleRoute[] => [
  page('/items/:queueId/skip', {
    permission: 'operate',
    params: itemParams,
    render: async ({ params, caller, token }) => {
      const seen = await seenItem(services, params.queueId, caller);
      const { item } = seen;
      if (item.state !== 'failed' && item.state !== 'backing-off') {
        throw new Conflict(`item ${item.queueId} is ${item.state}, so there is nothing to skip`);
      }
      const offered = item.entity ? skipScopes : (['item'] as const);
      const choices = await Promise.all(
        offered.map(async (scope) => ({
          scope,
          told: await told(
            services,
            seen,
            await services.previewSkip(item, scope, (one) => caller.seesItem(one)),
          ),
        })),
      );
      const dangerous = services.catalogue.isGrave(item.instruction);
      const alongToo = choices.some(({ told }) => told.needsReason);
      return {
        title: `Skip ${item.queueId} ${seen.name}`,
        body: (
          <>
            <p class="crumbs muted">
              <a href={`/items/${item.queueId}`}>
                Item {item.queueId} · {seen.name}
              </a>
            </p>
            <h1>
              Skip it? <Badge state={item.state} />
            </h1>
            {item.error ? <p class="error">{redactedText(item.error.message)}</p> : null}
            {dangerous ? <p class="warning">{warningFor(services.catalogue, item)}</p> : null}
            <Form action={`/items/${item.queueId}/skip`} token={token}>
              <fieldset class="choices">
                <legend class="label">How far</legend>
                {choices.map(({ scope, told }, n) => (
                  <Choice key={scope} scope={scope} item={item} told={told} first={n === 0} />
                ))}
              </fieldset>
              {item.entity ? (
                <Field
                  label="Until (for the last choice)"
                  hint="When skipping the updates ends at the latest; may be left empty"
                >
                  <input type="date" name="until" class="short" min={today()} />
                </Field>
              ) : null}
              <Field
                label={dangerous ? 'Reason (needed)' : 'Reason'}
                hint={reasonHint(dangerous, alongToo)}
              >
                <input name="reason" maxlength={1000} required={dangerous} autocomplete="off" />
              </Field>
              <DoOrLeave verb="Skip" danger queueId={item.queueId} />
            </Form>
          </>
        ),
      };
    },
  }),
  action('/items/:queueId/skip', {
    permission: 'operate',
    params: itemParams,
    body: z.object({
      scope: z.enum(skipScopes).default('item'),
      reason: optionalText(1_000),
      until: z
        .union([z.literal(''), z.iso.date('is a day such as 2026-12-24')])
        .optional()
        .transform((day) => (day ? new Date(`${day}T23:59:59.999Z`) : undefined)),
    }),
    run: async ({ params, body: { scope, reason, until }, caller }) => {
      const item = await itemFor(services, params.queueId, caller);
      const lasting = scope === 'entity-until-add' ? until : undefined;
      if (lasting && lasting.getTime() < Date.now()) {
        throw new InvalidInput([{ pointer: '/until', detail: 'must not be over yet' }]);
      }
      const ids = await services.transitions.skip(item, {
        actor: caller.actor,
        reason,
        scope,
        until: lasting,
      });
      return { to: `/items/${item.queueId}`, say: saySkipped(item, ids), undo: item.queueId };
    },
  }),
  action('/items/:queueId/undo-skip', {
    permission: 'operate',
    params: itemParams,
    body: z.object({ reason: optionalText(1_000) }),
    run: async ({ params, body, caller }) => {
      const item = await itemFor(services, params.queueId, caller);
      const all = await skippedTogether(services.finder, item);
      await undoSkip(services, all, caller.actor, body.reason);
      const say =
        all.length === 1
          ? `The skip is undone: item ${item.queueId} waits again, in its old place.`
          : `The skip is undone: all ${all.length} items wait again, each in its old place.`;
      return { to: `/items/${item.queueId}`, say };
    },
  }),
];

function warningFor(catalogue: Catalogue, item: Item): string {
  if (catalogue.get(item.instruction)?.barrier === 'delete')
    return 'Skipping a delete leaves there what should be gone.';
  const what = item.entity ? `${item.entity.kind} ${item.entity.key}` : 'it';
  return `Skipping an add means that ${what} will not be there: what changes it later will fail.`;
}

const saySkipped = (item: Item, ids: readonly number[]) =>
  ids.length === 1
    ? `Item ${item.queueId} is skipped.`
    : `${ids.length} items are skipped: ${ids.slice(0, 10).join(', ')}${ids.length > 10 ? ' …' : ''}.`;

interface Told {
  readonly skips: readonly string[];
  readonly count: number;
  readonly needs: readonly string[];
  readonly needCount: number;
  readonly next: string;
  readonly rule: boolean;
  readonly needsReason: boolean;
}

async function told(
  { registry, catalogue }: ConsoleServices,
  { item, queueName }: SeenItem,
  { skips, needs, next, nextHidden, stopped, rule, needsReason }: SkipPreview,
): Promise<Told> {
  const names = async (items: readonly Item[]) =>
    (await showItems(items.slice(0, NAMED), registry, catalogue)).map(
      (one) => `${one.queueId} ${nameOf(one)}`,
    );
  const [nextName] = next ? await names([next]) : nextHidden ? [SOMEBODY_ELSES] : [];
  return {
    skips: await names(skips),
    count: skips.length,
    needs: await names(needs),
    needCount: needs.length,
    next: whatFollows(item, queueName, stopped, nextName),
    rule,
    needsReason,
  };
}

function whatFollows(
  item: Item,
  queueName: string,
  stopped: SkipPreview['stopped'],
  next: string | undefined,
): string {
  if (item.mode !== 'blocking') return 'Nothing waited for it, so nothing else changes.';
  if (stopped === 'paused')
    return `${queueName} stays paused${next ? `; when it is resumed, ${next} runs next` : ''}.`;
  if (stopped === 'blocked') return `${queueName} stays blocked by another item.`;
  return next ? `Then ${next} runs.` : `Then ${queueName} is empty.`;
}

/** The last day that is not over, as `until` counts days. */
const today = () => new Date().toISOString().slice(0, 10);

const labels = (item: Item): Record<SkipScope, string> => {
  const what = item.entity ? entityText(item.entity).replace(':', ' ') : '';
  return {
    item: 'Only this item',
    entity: `This and everything now queued for ${what}`,
    'entity-until-add': `This, and everything for ${what} until it is added again`,
  };
};

const Choice = ({
  scope,
  item,
  told,
  first,
}: {
  scope: SkipScope;
  item: Item;
  told: Told;
  first: boolean;
}) => (
  <div class="card choice">
    <label>
      <input type="radio" name="scope" value={scope} checked={first} />{' '}
      <strong>{labels(item)[scope]}</strong>
      <span class="muted"> · {told.count === 1 ? '1 item goes' : `${told.count} items go`}</span>
    </label>
    <div class="preview">
      {told.count > 1 ? <Names names={told.skips} count={told.count} /> : null}
      {told.count > 1 && told.needsReason ? (
        <p class="warning">There is an add or a delete among them: say why below.</p>
      ) : null}
      {told.rule ? (
        <p>Later updates of it are skipped too as they come, until it is added again.</p>
      ) : null}
      {told.needCount > 0 ? (
        <>
          <p class="warning">
            {told.needCount === 1
              ? '1 item that stays queued needs it and will probably fail:'
              : `${told.needCount} items that stay queued need it and will probably fail:`}
          </p>
          <Names names={told.needs} count={told.needCount} />
        </>
      ) : null}
      <p>{told.next}</p>
    </div>
  </div>
);

const Names = ({ names, count }: { names: readonly string[]; count: number }) => (
  <ul>
    {names.map((name) => (
      <li key={name}>{name}</li>
    ))}
    {count > names.length ? <li class="muted">and {count - names.length} more</li> : null}
  </ul>
);
