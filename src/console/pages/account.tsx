import { z } from 'zod';
import { setSessionCookie } from '../../accounts/cookies.js';
import { originOf } from '../../accounts/guard.js';
import { passwordSchema } from '../../accounts/users.js';
import { InvalidInput } from '../../errors.js';
import { action, type ConsoleRoute, page } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { Confirm, Field, Form } from '../view/form.js';
import { Sessions } from '../view/sessions.js';

/** What everybody may do with the own account. */
export function accountPages({ accounts }: ConsoleServices): ConsoleRoute[] {
  return [
    page('/account', {
      permission: 'read',
      render: async ({ visitor: { user, session }, token }) => ({
        title: 'Your account',
        body: (
          <>
            <h1>Your account</h1>
            <section class="card">
              <dl class="facts">
                <dt>Name</dt>
                <dd>{user.name}</dd>
                <dt>Full name</dt>
                <dd>{user.fullName || '–'}</dd>
                <dt>Role</dt>
                <dd>{user.role}</dd>
                <dt>Clients</dt>
                <dd>{user.clients ? user.clients.join(', ') : 'all'}</dd>
              </dl>
            </section>
            {user.hasPassword ? <PasswordForm token={token} name={user.name} /> : null}
            <section class="card">
              <h2>Where you are logged in</h2>
              <Sessions sessions={await accounts.sessions.list(user.name)} own={session.id} />
              <Confirm
                id="end-others"
                label="Log out everywhere else"
                title="Log out everywhere else?"
                verb="Log out the others"
                action="/account/end-others"
                token={token}
              >
                <p>Every session but this one ends.</p>
              </Confirm>
            </section>
          </>
        ),
      }),
    }),
    action('/account/password', {
      permission: 'read',
      body: z.object({
        old: z.string().max(1_000),
        password: passwordSchema,
        again: z.string().max(1_000),
      }),
      run: async ({ body, visitor: { user }, request, response }) => {
        if (body.password !== body.again) {
          throw new InvalidInput([
            { pointer: '', detail: 'the two new passwords are not the same' },
          ]);
        }
        const secret = await accounts.changeOwnPassword(
          user.name,
          body.old,
          body.password,
          originOf(request),
        );
        setSessionCookie(request, response, secret);
        return {
          to: '/account',
          say: 'Your password is changed. Every other session of yours has ended.',
        };
      },
    }),
    action('/account/end-others', {
      permission: 'read',
      run: async ({ visitor: { user, session } }) => {
        const ended = await accounts.endSessions(`user ${user.name}`, user.name, session.id);
        return { to: '/account', say: `${ended} other sessions have ended.` };
      },
    }),
  ];
}

const PasswordForm = ({ token, name }: { token: string; name: string }) => (
  <section class="card">
    <h2>Change your password</h2>
    <Form action="/account/password" token={token} class="stack">
      <input type="hidden" name="username" value={name} autocomplete="username" />
      <Field label="Present password">
        <input name="old" type="password" autocomplete="current-password" required />
      </Field>
      <Field label="New password" hint="12 characters or more">
        <input
          name="password"
          type="password"
          autocomplete="new-password"
          minlength={12}
          maxlength={256}
          required
        />
      </Field>
      <Field label="New password again">
        <input name="again" type="password" autocomplete="new-password" required />
      </Field>
      <p class="buttons">
        <button type="submit" class="primary">
          Change password
        </button>
      </p>
    </Form>
  </section>
);
