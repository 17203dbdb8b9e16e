import type { Request, RequestHandler, Response } from 'express';
import { LoginNeeded, NotAllowed } from '../errors.js';
import type { Accounts, Origin } from './accounts.js';
import type { Caller, Scope } from './caller.js';
import { sessionSecret } from './cookies.js';
import { callerOf } from './roles.js';
import { formToken, isFormToken, type Session } from './sessions.js';
import type { User } from './users.js';

/** Somebody who is logged in, and what that one may see and do. */
export interface Visitor {
  readonly user: User;
  readonly caller: Caller;
  readonly session: Session;
  /** To be sent with every form, as the field `_token`, or as the header `X-Andon-Token`. */
  readonly token: string;
}

/**
 * Who is at the door of pages, console and Bull Board alike:
 *
 *   router.use('/board', guard.identify, guard.demand('read'), guard.sameSite, board)
 *
 * then `visitorOf(response)` tells who it is and `visitorOf(response).caller` what that one may see.
 * `demand` sends a page to the login and answers anything else with 401 as JSON; `sameSite` refuses
 * writes that another site made the browser send, by Sec-Fetch-Site and Origin; `ownForm` demands
 * the form's token besides.
 */
export class Guard {
  private readonly accounts: Accounts;

  constructor(accounts: Accounts) {
    this.accounts = accounts;
  }

  /** Finds out who it is; also nobody may pass. A page that refreshes itself keeps no session alive. */
  readonly identify: RequestHandler = async (request, response, next) => {
    response.locals['visitor'] = await this.visitor(request);
    response.vary('Cookie');
    next();
  };

  /** Lets in who is logged in and may do that. @throws LoginNeeded, NotAllowed */
  demand(scope: Scope, { unlimitedOnly = false } = {}): RequestHandler {
    return (request, response, next) => {
      const visitor = visitorOrNull(response);
      if (!visitor) {
        if (wantsPage(request)) return response.redirect(303, loginPath(request));
        throw new LoginNeeded('log in again; nothing was changed');
      }
      if (!visitor.caller.may(scope)) {
        throw new NotAllowed(
          `your role is ${visitor.user.role}, and this takes ${whoMay[scope]}; nothing was changed`,
        );
      }
      if (unlimitedOnly && !visitor.caller.unlimited) {
        throw new NotAllowed(
          'this concerns all clients, and you see only some; nothing was changed',
        );
      }
      next();
    };
  }

  /** Refuses writes that come from pages of another site. @throws NotAllowed */
  readonly sameSite: RequestHandler = (request, _, next) => {
    if (!isRead(request) && !isFromOurPages(request)) {
      throw new NotAllowed('this request came from a page of another site; nothing was changed');
    }
    next();
  };

  /** Refuses writes without the token of this session's forms; the body must have been read. @throws NotAllowed */
  readonly ownForm: RequestHandler = (request, _, next) => {
    const body: unknown = request.body;
    const field = typeof body === 'object' && body !== null && '_token' in body && body._token;
    const token = field || request.get('x-andon-token');
    if (!isRead(request) && !isFormToken(sessionSecret(request), token)) {
      throw new NotAllowed(
        'this form is of an older session: open the page again; nothing was changed',
      );
    }
    next();
  };

  /** Whether this session still stands; asked by streams that stay open. */
  async stillThere(visitor: Visitor, request: Request): Promise<boolean> {
    const now = await this.find(sessionSecret(request), false);
    return now?.session.id === visitor.session.id;
  }

  private visitor(request: Request): Promise<Visitor | null> {
    return this.find(sessionSecret(request), request.get('x-andon-live') !== 'idle');
  }

  private async find(secret: string, use: boolean): Promise<Visitor | null> {
    const session = secret ? await this.accounts.sessions.find(secret, use) : null;
    const user = session && (await this.accounts.users.get(session.user));
    if (!session || !user || user.disabled) return null;
    return { user, caller: callerOf(user), session, token: formToken(secret) };
  }
}

const whoMay: Readonly<Record<Scope, string>> = {
  read: 'a viewer',
  operate: 'an operator',
  enqueue: 'an admin',
  admin: 'an admin',
};

export function visitorOrNull(response: Response): Visitor | null {
  return (response.locals['visitor'] as Visitor | null | undefined) ?? null;
}

/** Who asks, behind `demand`. */
export function visitorOf(response: Response): Visitor {
  const visitor = visitorOrNull(response);
  if (!visitor) throw new LoginNeeded('log in again');
  return visitor;
}

export const originOf = (request: Request): Origin => ({
  address: request.ip ?? '',
  agent: request.get('user-agent') ?? '',
});

/** Whether a person's browser waits for a page, and not a script for data. */
export function wantsPage(request: Request): boolean {
  const destination = request.get('sec-fetch-dest');
  if (destination !== undefined && destination !== 'document') return false;
  return request.accepts(['json', 'html']) === 'html';
}

const isRead = (request: Request) => request.method === 'GET' || request.method === 'HEAD';

/** Browsers say where a write comes from: over TLS by Sec-Fetch-Site, on plain http by Origin. */
function isFromOurPages(request: Request): boolean {
  const site = request.get('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin';
  const origin = request.get('origin');
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === request.host;
}

/** The way to the login and back. A form cannot be sent again, so it leads back to its page. */
function loginPath(request: Request): string {
  const page = isRead(request) ? request.originalUrl : pathOf(request.get('referer'));
  const login = isRead(request) ? '/login' : '/login?ended=1';
  if (page === '/') return login;
  return `${login}${login.includes('?') ? '&' : '?'}next=${encodeURIComponent(page)}`;
}

function pathOf(url: string | undefined): string {
  if (!url || !URL.canParse(url)) return '/';
  const { pathname, search } = new URL(url);
  return pathname + search;
}
