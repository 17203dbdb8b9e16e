import { z } from 'zod';
import type { SkipTotals } from '../../blocking/skip-preview.js';
import { type SkipScope, skipScopes } from '../../blocking/transitions.js';
import { Conflict } from '../../errors.js';
import { redactedText } from '../../queues/redact.js';
import { chosenOf, SHOWN, wishFields } from '../bulk-form.js';
import { action, type ConsoleRoute } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { Field, Form, reasonHint } from '../view/form.js';

/** How far skipping the items of a cluster reaches, with what would go, before it is done. */
export const clusterSkipPages = (services: ConsoleServices): ConsoleRoute[] => [
  action('/clusters/:key/skip', {
    permission: 'operate',
    params: z.object({ key: z.string().max(64) }),
    longest: '1mb',
    body: z.object(wishFields),
    run: async ({ params, body: { pick, canary, reason, title }, caller, token }) => {
      const found = await Promise.all(
        chosenOf(pick).map(({ queueId }) => services.finder.item(queueId)),
      );
      const still = found
        .filter((item) => item !== null)
        .filter((item) => caller.seesItem(item) && item.state === 'failed');
      if (still.length === 0) throw new Conflict('none of these items is failed any more');
      const totals = await services.skipTotals(still);
      const dangerous = totals.needsReason.item;
      const offered = still.some(({ entity }) => entity) ? skipScopes : (['item'] as const);
      const count = still.length;
      return {
        title: `Skip ${count}`,
        body: (
          <>
            <p class="crumbs muted">
              <a href={`/clusters/${params.key}`}>Cluster</a> · {title}
            </p>
            <h1>{count === 1 ? 'Skip it?' : `Skip these ${count} items?`}</h1>
            <p class="error">{redactedText(still[0]?.error?.message ?? '')}</p>
            {dangerous ? (
              <p class="warning">
                There are adds or deletes among them: what builds on these will fail later.
              </p>
            ) : null}
            <Form action={`/clusters/${params.key}/run`} token={token}>
              <input type="hidden" name="verb" value="skip" />
              <input type="hidden" name="title" value={title} />
              {pick.map((one) => (
                <input key={one} type="hidden" name="pick" value={one} />
              ))}
              <fieldset class="choices">
                <legend class="label">How far</legend>
                {offered.map((scope, n) => (
                  <Choice key={scope} scope={scope} totals={totals} first={n === 0} />
                ))}
              </fieldset>
              <Field
                label="How many first"
                hint="The rest only when the queues of these went on well; 0 for all at once"
              >
                <input type="number" name="canary" min={0} max={SHOWN} value={canary} />
              </Field>
              <Field
                label={dangerous ? 'Reason (needed)' : 'Reason'}
                hint={reasonHint(dangerous, totals.needsReason.entity)}
              >
                <input
                  name="reason"
                  value={reason}
                  maxlength={1000}
                  required={dangerous}
                  autocomplete="off"
                />
              </Field>
              <p class="buttons">
                <button type="submit" class="danger">
                  {count === 1 ? 'Skip' : `Skip these ${count}`}
                </button>
                <a class="button" href={`/clusters/${params.key}`}>
                  Leave them as they are
                </a>
              </p>
            </Form>
          </>
        ),
      };
    },
  }),
];

const labels: Readonly<Record<SkipScope, string>> = {
  item: 'Only these items',
  entity: 'These and everything now queued for their SKUs and orders',
  'entity-until-add': 'These, and everything for their SKUs and orders until they are added again',
};

const Choice = ({
  scope,
  totals,
  first,
}: {
  scope: SkipScope;
  totals: SkipTotals;
  first: boolean;
}) => (
  <div class="card choice">
    <label>
      <input type="radio" name="scope" value={scope} checked={first} />{' '}
      <strong>{labels[scope]}</strong>
      <span class="muted">
        {' '}
        · {totals[scope] === 1 ? '1 item goes' : `${totals[scope]} items go`}
      </span>
    </label>
    <div class="preview">
      {scope === 'item' && totals.needs > 0 ? (
        <p class="warning">
          {totals.needs === 1
            ? '1 item that stays queued needs one of them and will probably fail.'
            : `${totals.needs} items that stay queued need them and will probably fail.`}
        </p>
      ) : null}
      {scope === 'entity-until-add' ? (
        <p>Later updates of them are skipped too as they come, until they are added again.</p>
      ) : null}
    </div>
  </div>
);
