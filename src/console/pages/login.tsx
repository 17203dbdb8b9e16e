import { z } from 'zod';
import { clearSessionCookie, setSessionCookie } from '../../accounts/cookies.js';
import { originOf, visitorOrNull } from '../../accounts/guard.js';
import { AndonError } from '../../errors.js';
import { assetPath } from '../assets.js';
import { localPath } from '../local-path.js';
import { action, type ConsoleRoute, page, type Sight } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { href } from '../view/parts.js';
import { sentence } from '../words.js';

const query = z.object({
  next: z.string().max(2_000).default('/').catch('/'),
  ended: z.string().optional().catch(undefined),
});

/** In and out. */
export function loginPages({ accounts, provider }: ConsoleServices): ConsoleRoute[] {
  const loginSight = (told: Told) => sightOf({ ...told, label: provider?.label ?? null });
  return [
    page('/login', {
      permission: 'anyone',
      query,
      render: ({ query: { next, ended }, response }) => {
        if (visitorOrNull(response)) return { to: localPath(next) };
        const say = ended
          ? 'Your session had ended, so nothing was changed. Log in and do it again.'
          : undefined;
        return loginSight({ next, say });
      },
    }),
    action('/login', {
      permission: 'anyone',
      body: z.object({
        // What is too long to be right is wrong like anything else.
        name: z.string().max(200).catch(''),
        password: z.string().max(1_000).catch(''),
        next: z.string().max(2_000).catch('/'),
      }),
      run: async ({ body: { name, password, next }, request, response }) => {
        const account = name.trim().toLowerCase();
        const again = (status: number, say: string) => loginSight({ next, say, name, status });
        try {
          const secret = await accounts.logIn(account, password, originOf(request));
          if (!secret) return again(401, 'Name and password do not fit.');
          // A session that this browser had before ends: nobody may go on with its id.
          const before = visitorOrNull(response);
          if (before) await accounts.sessions.end(before.session);
          setSessionCookie(request, response, secret);
          return { to: localPath(next) };
        } catch (error) {
          if (error instanceof AndonError && error.status === 429) {
            return again(429, sentence(error.message));
          }
          throw error;
        }
      },
    }),
    action('/logout', {
      permission: 'read',
      run: async ({ visitor, request, response }) => {
        await accounts.sessions.end(visitor.session);
        clearSessionCookie(request, response);
        return { to: '/login', say: 'You are logged out.' };
      },
    }),
  ];
}

interface Told {
  readonly next: string;
  readonly say?: string | undefined;
  readonly name?: string;
  readonly status?: number;
}

function sightOf({
  next,
  say,
  name = '',
  status = 200,
  label,
}: Told & { label: string | null }): Sight {
  return {
    title: 'Log in',
    bare: true,
    status,
    body: (
      <section class="card login">
        <h1>
          <img src={assetPath('andon.svg')} alt="" width="32" height="32" />
          Andon
        </h1>
        {say ? (
          <p class="notice bad" role="alert">
            {say}
          </p>
        ) : null}
        <form method="post" action="/login">
          <input type="hidden" name="next" value={next} />
          <label class="field">
            <span class="label">Name</span>
            <input
              name="name"
              value={name}
              autocomplete="username"
              autocapitalize="none"
              required
              autofocus={name === ''}
            />
          </label>
          <label class="field">
            <span class="label">Password</span>
            <input
              name="password"
              type="password"
              autocomplete="current-password"
              required
              autofocus={name !== ''}
            />
          </label>
          <button type="submit" class="primary wide">
            Log in
          </button>
        </form>
        {label === null ? null : (
          <p class="other">
            <a class="button wide" href={href('/login/provider', { next })}>
              {label}
            </a>
          </p>
        )}
      </section>
    ),
  };
}
