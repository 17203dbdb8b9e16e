import type { Request, Response } from 'express';
import { renderToString } from 'preact-render-to-string';
import { readCookie } from '../accounts/cookies.js';
import { visitorOrNull } from '../accounts/guard.js';
import { takeFlash } from './flash.js';
import type { Sight } from './page.js';
import { Layout, type Theme } from './view/layout.js';

/** Answers with a page in its layout. Text is escaped by the renderer; there is no way around it. */
export function renderSight(
  request: Request,
  response: Response,
  sight: Sight,
  known: ReadonlySet<string>,
  untold: readonly (string | null)[] = [],
): void {
  const searched = request.query['q'];
  // A refresh of a part of the page must not eat what a person has still to read.
  const refresh = request.get('x-andon-live') !== undefined;
  const page = (
    <Layout
      title={sight.title}
      visitor={visitorOrNull(response)}
      flash={refresh ? null : takeFlash(request, response)}
      theme={themeOf(request)}
      path={request.path}
      known={known}
      untold={untold}
      bare={sight.bare ?? false}
      searched={request.path === '/search' && typeof searched === 'string' ? searched : ''}
    >
      {sight.body}
    </Layout>
  );
  response.status(sight.status ?? 200).type('html');
  response.send(`<!doctype html>${renderToString(page)}`);
}

function themeOf(request: Request): Theme {
  const chosen = readCookie(request, 'andon-theme');
  return chosen === 'light' || chosen === 'dark' ? chosen : 'auto';
}
