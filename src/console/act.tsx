import { type Request, type RequestHandler, type Response, Router, urlencoded } from 'express';
import { z } from 'zod';
import { Conflict, NotFound, ReasonNeeded, TooManyTries } from '../errors.js';
import type { Act, Acts } from '../incidents/acts.js';
import { describe } from '../instructions/catalogue.js';
import type { Item } from '../queues/item.js';
import { isOutage } from '../redis/outage.js';
import { pageHeaders } from './headers.js';
import { optionalText, type Sight } from './page.js';
import type { ConsoleServices } from './services.js';
import { ActPage, DonePage, SorryPage } from './view/act.js';

/** As on the other pages, and the address of this one, which holds the token, goes nowhere. */
const headers = pageHeaders('no-referrer');

const parseForm = urlencoded({ extended: false, limit: '10kb' });
/** A form that cannot be read counts as one without a reason: it must not be told of with its path. */
const form: RequestHandler = (request, response, next) =>
  parseForm(request, response, (error?: unknown) => {
    if (error !== undefined) request.body = {};
    next();
  });

type Render = (request: Request, response: Response, sight: Sight) => void;

/**
 * `/act/<token>`, where links of mails lead. GET only shows what would be done, because mail scanners open
 * links; POST does it. The token alone says who asks: no cookie is looked at, so there is none to abuse.
 */
export function actRoutes(services: ConsoleServices, render: Render): Router {
  const router = Router();
  const quiet: RequestHandler = (_, response, next) => {
    response.set({ 'Cache-Control': 'no-store', 'X-Robots-Tag': 'noindex' });
    next();
  };
  const answer =
    (how: (token: string, sent: unknown) => Promise<Sight>): RequestHandler<{ token: string }> =>
    async (request, response) => {
      try {
        await services.admitVisit(request.ip ?? '');
        render(request as Request, response, await how(request.params.token, request.body));
      } catch (error) {
        if (error instanceof TooManyTries) response.set('Retry-After', String(error.retryAfter));
        const sight = sorry(error);
        if (sight) return render(request as Request, response, sight);
        // A defect is logged with the path of its request, and this one holds the token.
        services.log.error(
          { path: '/act/…', error: error instanceof Error ? (error.stack ?? '') : String(error) },
          'a request broke',
        );
        render(request as Request, response, broken);
      }
    };
  router.get(
    '/:token',
    headers,
    quiet,
    answer((token) => show(token, services)),
  );
  router.post(
    '/:token',
    headers,
    quiet,
    form,
    answer((token, sent) => perform(token, services, sent)),
  );
  return router;
}

/** What stands against a link, told to whom it concerns. */
async function opened(
  token: string,
  { acts }: Pick<ConsoleServices, 'acts'>,
): Promise<{ acts: Acts; act: Act } | Sight> {
  if (!acts) return no(410, 'Links of mails are switched off', 'Log in, or ask somebody who can.');
  const act = await acts.read(token);
  if (!act)
    return no(
      404,
      'This link is not complete',
      'Open it from the mail once more: a mail program may have cut it off.',
    );
  if (act.expires < Date.now())
    return no(
      410,
      'This link is too old',
      'Newer mails about the same matter bear new ones, while it stands.',
    );
  if (await acts.isUsed(token))
    return no(410, 'This link was used already', 'Each works once, so nothing was done now.');
  return { acts, act };
}

async function show(token: string, services: ConsoleServices): Promise<Sight> {
  const known = await opened(token, services);
  if (!('act' in known)) return known;
  const { acts, act } = known;
  if (act.verb === 'claim') {
    const incident = await services.incidents.get(act.incident, () => true);
    if (!incident || incident.state === 'over') return over;
    return {
      title: `Look after incident ${act.incident}?`,
      bare: true,
      body: <ActPage act={act} token={token} incident={incident} />,
    };
  }
  const item = await failedItem(act, acts, services);
  if (!item) return overtaken;
  return {
    title: `${act.verb === 'retry' ? 'Retry' : 'Skip'} item ${item.queueId}?`,
    bare: true,
    body: (
      <ActPage
        act={act}
        token={token}
        item={item}
        description={await describeItem(item, services)}
        // Whoever holds the mail is told of the client that it is about, and of no other.
        preview={await services.previewSkip(item, 'item', (one) => one.client === item.client)}
      />
    ),
  };
}

const sentSchema = z.object({ reason: optionalText(1_000) }).catch({ reason: undefined });

async function perform(token: string, services: ConsoleServices, sent: unknown): Promise<Sight> {
  const known = await opened(token, services);
  if (!('act' in known)) return known;
  const { acts, act } = known;
  const item = act.verb === 'claim' ? null : await failedItem(act, acts, services);
  if (act.verb !== 'claim' && !item) return overtaken;
  if (!(await acts.take(token, act)))
    return no(410, 'This link was used already', 'Each works once, so nothing was done now.');
  try {
    return await carryOut(act, item, services, sentSchema.parse(sent ?? {}).reason);
  } catch (error) {
    await acts.giveBack(token);
    throw error;
  }
}

async function carryOut(
  act: Act,
  item: Item | null,
  services: ConsoleServices,
  reason: string | undefined,
): Promise<Sight> {
  const { transitions, incidents, audit } = services;
  const actor = `mail:${act.address}`;
  if (act.verb === 'claim') {
    await incidents.claim(act.incident, actor);
    await audit.write(actor, 'claim', {
      incident: act.incident,
      after: { claimedBy: actor },
    });
    return done(
      'You look after it',
      `The others who were told see that. Incident ${act.incident} sends no reminders any more.`,
    );
  }
  if (!item) return overtaken;
  if (act.verb === 'retry') {
    await transitions.retry(item, actor, act.at);
    return done(
      `Item ${item.queueId} runs again`,
      'It goes before everything behind it. When it fails again you are told; when all is well you get a mail that says so.',
    );
  }
  await transitions.skip(item, { actor, reason, door: 'skipped from a mail', failedAt: act.at });
  return done(
    `Item ${item.queueId} is skipped`,
    'It stays undone, and its queue goes on. Who logs in can take the skip back while nothing newer of the same record has run.',
  );
}

/** The item as long as it stands there with the very failure that the mail told of. */
async function failedItem(
  act: Act,
  acts: Acts,
  { finder }: Pick<ConsoleServices, 'finder'>,
): Promise<Item | null> {
  const item = await finder.item(act.queueId);
  if (item?.state !== 'failed') return null;
  return (await acts.failedAt(item.queue, item.queueId)) === act.at ? item : null;
}

/** "Add product to Cape Shopify" */
async function describeItem(
  item: Item,
  { catalogue, registry }: Pick<ConsoleServices, 'catalogue' | 'registry'>,
): Promise<string> {
  const entry = catalogue.get(item.instruction);
  if (!entry) return item.instruction;
  const nameOf = async (kind: 'channel' | 'source', id: string | null) =>
    id === null ? null : ((await registry.get(kind, id))?.description ?? id);
  return describe(entry, {
    channel: await nameOf('channel', item.channel),
    source: await nameOf('source', item.source),
  });
}

function sorry(error: unknown): Sight | null {
  if (error instanceof ReasonNeeded)
    return no(
      422,
      'A reason is needed',
      'Nothing was skipped, and the link still counts: go back, say why this add or delete may be left undone, and press again.',
    );
  if (error instanceof TooManyTries)
    return no(429, 'Too many visits', 'Wait a minute, then open the link again.');
  if (error instanceof Conflict || error instanceof NotFound)
    return no(409, 'Somebody was faster', `Nothing was done: ${error.message}.`);
  if (isOutage(error))
    return no(503, 'Redis cannot be reached', 'Open the link again in a moment: it still counts.');
  return null;
}

const no = (status: number, title: string, text: string): Sight => ({
  title,
  status,
  bare: true,
  body: <SorryPage title={title} text={text} />,
});

const done = (title: string, text: string): Sight => ({
  title,
  bare: true,
  body: <DonePage title={title} text={text} />,
});

const broken = no(500, 'Something broke here', 'Whether it was done can be seen in Andon itself.');
const over = no(410, 'This is over', 'Everything that belonged to it has been dealt with.');
const overtaken = no(
  410,
  'This was dealt with already',
  'The item does not stand with that failure any more: somebody retried, skipped or resolved it. Nothing was done now.',
);
