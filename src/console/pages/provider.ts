import type { Request } from 'express';
import { z } from 'zod';
import { readCookie, setSessionCookie } from '../../accounts/cookies.js';
import { originOf, visitorOrNull } from '../../accounts/guard.js';
import { NotFound } from '../../errors.js';
import { localPath } from '../local-path.js';
import { type ConsoleRoute, page } from '../page.js';
import type { ConsoleServices } from '../services.js';

const COOKIE = 'andon-sign-in';
const PATH = '/login/callback';

/** Login at another provider: there, and back. */
export function providerPages({ accounts, provider }: ConsoleServices): ConsoleRoute[] {
  return [
    page('/login/provider', {
      permission: 'anyone',
      query: z.object({ next: z.string().max(2_000).default('/').catch('/') }),
      render: async ({ query: { next }, request, response }) => {
        if (!provider) throw new NotFound('there is no other provider to log in at');
        const { url, secret } = await provider.begin(comeBackTo(request), localPath(next));
        response.cookie(COOKIE, secret, { ...cookie(request), maxAge: 600_000 });
        return { to: url };
      },
    }),
    page(PATH, {
      permission: 'anyone',
      render: async ({ request, response }) => {
        if (!provider) throw new NotFound('there is no other provider to log in at');
        const query = new URL(request.originalUrl, 'http://here').search;
        const { who, next } = await provider.finish(readCookie(request, COOKIE), query);
        response.clearCookie(COOKIE, cookie(request));
        const secret = await accounts.logInAs(who, originOf(request));
        const before = visitorOrNull(response);
        if (before) await accounts.sessions.end(before.session);
        setSessionCookie(request, response, secret);
        return { to: localPath(next) };
      },
    }),
  ];
}

/** Our address as the browser knows it; the provider leads to registered ones only. */
const comeBackTo = (request: Request) => `${request.protocol}://${request.host}${PATH}`;

/** Lax: the way back comes from another site. */
const cookie = (request: Request) =>
  ({ httpOnly: true, sameSite: 'lax', secure: request.secure, path: PATH }) as const;
