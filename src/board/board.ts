import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, Router } from 'express';
import { wantsPage } from '../accounts/guard.js';
import { AndonError, Forbidden, messageOf } from '../errors.js';
import type { Log } from '../log.js';
import { type BoardParts, Desk, ui } from './desk.js';
import { labelsOf } from './labels.js';
import { verbs } from './verbs.js';

const ours = fileURLToPath(new URL('shell', import.meta.url));

export { BOARD_PATH, type BoardParts } from './desk.js';

/**
 * Bull Board with our verbs. Its own handlers only ever read: every writing route is answered here,
 * through the transitions, and what is not in the table of verbs is refused.
 */
export function board(parts: BoardParts): Router {
  const desk = new Desk(parts);
  const router = Router();
  router.use(headers);
  router.use((request, response, next) => {
    desk.remember(request, parts.callerOf(request, response));
    next();
  });
  router.use(parts.ownForm);
  router.use('/andon', express.static(ours, { index: false }));
  router.get('/andon/alive', (_, response) => void response.json({}));
  router.get('/static/locales/:language/messages.json', labels);
  router.get('/api/queues/:queue/:queueId/flow', noFlow);
  router.get('/queues/:queue', desk.toQueue);
  router.get('/items/:queueId', desk.toItem);
  for (const verb of verbs) router[verb.method](verb.route, desk.answer(verb));
  router.use(onlyReading);
  router.use(desk.refresh);
  router.use(desk.router);
  router.use(problems(parts.log));
  return router;
}

/** Bull Board builds its styles while it runs, and finds its files by `<base>`. */
const headers: RequestHandler = (_, response, next) => {
  response.set(
    'Content-Security-Policy',
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'self'; object-src 'none'; frame-ancestors 'none'; form-action 'self'",
  );
  next();
};

const labels: RequestHandler<{ language: string }> = (request, response, next) => {
  const texts = labelsOf(request.params.language, join(ui, 'static'));
  if (texts === null) return next();
  response.set('Cache-Control', 'no-cache').json(texts);
};

/** Items of Andon have no children; Bull Board would ask a BullMQ queue for them. */
const noFlow: RequestHandler<{ queueId: string }> = (request, response) =>
  void response.json({ nodeId: request.params.queueId, flowRoot: null, isFlowNode: false });

/** Whatever writing route a later Bull Board may bring. */
const onlyReading: RequestHandler = (request, _, next) => {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    throw new Forbidden('Andon does not know this action of Bull Board, so it is refused');
  next();
};

/** In the form that Bull Board shows as a toast. */
function problems(log: Log): express.ErrorRequestHandler {
  return (thrown, request, response, next) => {
    if (response.headersSent) return next(thrown);
    // An address that was typed or kept: a person reads a page, not JSON.
    if (thrown instanceof AndonError && wantsPage(request)) return next(thrown);
    if (thrown instanceof AndonError) {
      response.status(thrown.status).json({ error: 'Not done', message: thrown.message });
      return;
    }
    // Express and its reader of paths say so when the request is to blame.
    const status = thrown instanceof Error && 'status' in thrown ? Number(thrown.status) : 500;
    if (status >= 400 && status < 500) {
      response.status(status).json({ error: 'Not done', message: messageOf(thrown) });
      return;
    }
    log.error({ path: request.path, error: messageOf(thrown) }, 'the board broke');
    response.status(500).json({ error: 'Something broke here; the log says what.' });
  };
}
