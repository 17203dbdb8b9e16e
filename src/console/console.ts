import {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  Router,
  urlencoded,
} from 'express';
import type { z } from 'zod';
import { visitorOrNull, wantsPage } from '../accounts/guard.js';
import { inWords } from '../config/in-words.js';
import { AndonError, InvalidInput, MethodNotAllowed, StoreUnavailable } from '../errors.js';
import type { Part } from '../lifecycle.js';
import { isOutage } from '../redis/outage.js';
import { actRoutes } from './act.js';
import { assetRoutes } from './assets.js';
import { setFlash } from './flash.js';
import { pageHeaders } from './headers.js';
import { LiveFeed } from './live.js';
import { localPath } from './local-path.js';
import type { ConsoleRoute, Done, Sight, Visit } from './page.js';
import { problemSight } from './problem-page.js';
import { renderSight } from './render.js';
import { consoleRoutes } from './routes.js';
import type { ConsoleServices } from './services.js';
import { Untold } from './untold.js';
import { sentence } from './words.js';

export interface Console {
  /** Every page, form and asset, and the stream of what changed. */
  readonly router: RequestHandler;
  /** Every path of it, with the method that it takes. */
  readonly pages: readonly Pick<ConsoleRoute, 'method' | 'path'>[];
  /** Tells a person's browser what went wrong, also on pages of others; anything else is passed on. */
  readonly problems: ErrorRequestHandler;
  /** Runs while pages are open. */
  readonly feed: Part;
}

// With "no-referrer" browsers send the Origin of our own forms as "null".
const headers = pageHeaders('same-origin');

/**
 * The pages for people. `outside` are paths of other rooms that the navigation may lead to.
 */
export function buildConsole(services: ConsoleServices, outside: readonly string[]): Console {
  const { guard } = services;
  const routes = consoleRoutes(services);
  const known = new Set([...outside, ...routes.filter(isPage).map((row) => row.path)]);
  const feed = new LiveFeed(services);
  const untold = new Untold(services);
  const render = (
    request: Request,
    response: Response,
    sight: Sight,
    warned: readonly (string | null)[] = [],
  ) => renderSight(request, response, sight, known, warned);

  const router = Router();
  router.use(assetRoutes());
  router.use('/act', actRoutes(services, render));
  router.get('/events', guard.identify, guard.demand('read'), feed.handler);
  for (const row of routes) {
    const checks = [
      headers,
      noStore,
      guard.identify,
      guard.sameSite,
      ...(row.permission === 'anyone'
        ? []
        : [guard.demand(row.permission, { unlimitedOnly: row.unlimitedOnly })]),
      ...(row.method === 'post'
        ? [urlencoded({ extended: false, limit: row.longest ?? '100kb' })]
        : []),
      // Whoever logs in has no session yet whose token the form could carry.
      ...(row.method === 'post' && row.permission !== 'anyone' ? [guard.ownForm] : []),
    ];
    router[row.method](row.path, ...checks, async (request, response) => {
      const result = await attempt(row, visitOf(row, request, response));
      if (result === null) return;
      if ('to' in result) return leadTo(request, response, result);
      const visitor = visitorOrNull(response);
      render(request, response, result, visitor ? await untold.seenBy(visitor.caller) : []);
    });
  }

  const problems: ErrorRequestHandler = async (thrown, request, response, next) => {
    if (response.headersSent || !isForPerson(request)) return next(thrown);
    const error = asTold(thrown);
    if (!error) return next(thrown);
    // Where there is no page nobody was asked who it is; whoever is logged in gets on by the navigation.
    if ([404, 405].includes(error.status) && !('visitor' in response.locals))
      await guard.identify(request, response, () => {});
    headers(request, response, () => {
      noStore(request, response, () => {});
      if (error instanceof MethodNotAllowed) response.set('Allow', error.allow.join(', '));
      if ('retryAfter' in error) response.set('Retry-After', String(error.retryAfter));
      render(request, response, problemSight(error, visitorOrNull(response)));
    });
  };
  return { router, pages: [...routes, ...apart], problems, feed };
}

/** What stands in no file of `pages/`. */
const apart = [
  { method: 'get', path: '/act/:token' },
  { method: 'post', path: '/act/:token' },
  { method: 'get', path: '/events' },
] as const;

const isPage = (row: ConsoleRoute) => row.method === 'get' && row.permission !== 'anyone';

const noStore: RequestHandler = (_, response, next) => {
  response.set('Cache-Control', 'no-store');
  next();
};

function visitOf(
  row: ConsoleRoute,
  request: Request,
  response: Response,
): Visit<unknown, unknown, unknown> {
  const visitor = visitorOrNull(response);
  const { _token: _, ...fields } = (request.body ?? {}) as Record<string, unknown>;
  return {
    params: row.params && checked(row.params, request.params),
    query: row.query && checked(row.query, request.query),
    body: row.body && fields,
    // Behind `demand` there is one; the login's own pages ask `visitorOrNull`.
    visitor: visitor as Visit<unknown, unknown, unknown>['visitor'],
    caller: visitor?.caller as Visit<unknown, unknown, unknown>['caller'],
    token: visitor?.token ?? '',
    request,
    response,
  };
}

/** A refusal of what a form asked leads back to the form, with the sentence that says why. */
async function attempt(
  row: ConsoleRoute,
  visit: Visit<unknown, unknown, unknown>,
): Promise<Sight | Done | null> {
  try {
    const body = row.body && checked(row.body, visit.body);
    return await row.handle({ ...visit, body });
  } catch (error) {
    const isRefusal = error instanceof AndonError && [404, 409, 422].includes(error.status);
    if (row.method === 'get' || !isRefusal || !wantsPage(visit.request)) throw error;
    return { to: backPath(visit.request), say: sayOf(error), bad: true };
  }
}

/** "password must have 12 characters or more": fields are named as they stand on the form. */
const sayOf = (error: AndonError): string =>
  sentence(
    error.errors.length === 0
      ? error.message
      : error.errors.map((one) => `${one.pointer.slice(1)} ${one.detail}`.trim()).join('; '),
  );

function leadTo(request: Request, response: Response, done: Done): void {
  if (request.accepts(['json', 'html']) === 'json') {
    response.json({ to: done.to, say: done.say ?? '', bad: done.bad ?? false });
    return;
  }
  if (done.say) {
    const { say, bad = false, undo } = done;
    setFlash(request, response, { say, bad, undo });
  }
  response.redirect(303, done.to);
}

/** The page that a form was on. */
function backPath(request: Request): string {
  const from = request.get('referer');
  if (!from || !URL.canParse(from)) return '/';
  const { pathname, search } = new URL(from);
  return localPath(pathname + search);
}

function checked(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value, { error: inWords });
  if (result.success) return result.data;
  throw new InvalidInput(
    result.error.issues.map((issue) => ({
      pointer: issue.path.length > 0 ? `/${issue.path.map(String).join('/')}` : '',
      detail: issue.message,
    })),
  );
}

const isForPerson = (request: Request) => !request.path.startsWith('/v1/') && wantsPage(request);

/** What can be told in a sentence; a defect is told by the last handler, which also logs it. */
function asTold(thrown: unknown): AndonError | null {
  if (thrown instanceof AndonError) return thrown;
  return isOutage(thrown) ? new StoreUnavailable('Redis cannot be reached now') : null;
}
