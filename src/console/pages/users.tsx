import { z } from 'zod';
import { randomPassword } from '../../accounts/accounts.js';
import { type Role, roles } from '../../accounts/roles.js';
import { passwordSchema, type User, userNameSchema } from '../../accounts/users.js';
import { idSchema } from '../../config/endpoint-schema.js';
import { Conflict, InvalidInput, NotFound } from '../../errors.js';
import { action, type ConsoleRoute, page, type Sight, severalOf } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { Confirm, Field, Form } from '../view/form.js';
import { Badge } from '../view/parts.js';
import { Sessions } from '../view/sessions.js';
import { Table } from '../view/table.js';
import { Ago } from '../view/time.js';

const params = z.object({ name: userNameSchema });
const fullName = z.string().trim().max(100).default('');
/** All clients, or those that are ticked. */
const reach = {
  all: z.string().optional(),
  clients: severalOf(idSchema),
};
const whole = { permission: 'admin', unlimitedOnly: true } as const;

/** Who may log in; for admins of all clients. */
export function userPages({ accounts, registry }: ConsoleServices): ConsoleRoute[] {
  const find = async (name: string): Promise<User> => {
    const user = await accounts.users.get(name);
    if (!user) throw new NotFound(`there is no user "${name}"`);
    return user;
  };
  const clientsNow = async () => {
    const all = (await registry.list()).flatMap((one) => one.client ?? []);
    return [...new Set(all)].sort();
  };

  return [
    page('/users', {
      ...whole,
      render: async ({ token }) => ({
        title: 'Users',
        body: (
          <>
            <h1>Users</h1>
            <UserTable users={await accounts.users.list()} />
            <AddUser token={token} clients={await clientsNow()} />
          </>
        ),
      }),
    }),
    action('/users', {
      ...whole,
      body: z.object({
        name: userNameSchema,
        fullName,
        role: z.enum(roles),
        password: z.union([z.literal(''), passwordSchema]).default(''),
        ...reach,
      }),
      run: async ({ body: { all, clients, password, ...user }, caller }) => {
        const first = password || randomPassword();
        await accounts.add(caller.actor, {
          ...user,
          clients: reachOf(all, clients),
          password: first,
        });
        return password
          ? { to: `/users/${user.name}`, say: `${user.name} may log in.` }
          : newPasswordSight(user.name, first);
      },
    }),
    page('/users/:name', {
      ...whole,
      params,
      render: async ({ params: { name }, token, visitor }) => {
        const user = await find(name);
        return {
          title: name,
          body: (
            <UserPage
              user={user}
              own={user.name === visitor.user.name}
              token={token}
              clients={[...new Set([...(await clientsNow()), ...(user.clients ?? [])])].sort()}
              sessions={
                <Sessions sessions={await accounts.sessions.list(name)} own={visitor.session.id} />
              }
            />
          ),
        };
      },
    }),
    action('/users/:name', {
      ...whole,
      params,
      body: z.object({ fullName, role: z.enum(roles), ...reach }),
      run: async ({ params: { name }, body: { all, clients, ...change }, caller }) => {
        await accounts.change(caller.actor, name, { ...change, clients: reachOf(all, clients) });
        return { to: `/users/${name}`, say: `${name} is changed.` };
      },
    }),
    action('/users/:name/password', {
      ...whole,
      params,
      run: async ({ params: { name }, caller }) => {
        const user = await find(name);
        if (user.provider) {
          throw new Conflict(`"${name}" logs in at another provider and has no password here`);
        }
        const password = randomPassword();
        await accounts.setPassword(caller.actor, name, password);
        return newPasswordSight(name, password);
      },
    }),
    action('/users/:name/disable', {
      ...whole,
      params,
      run: async ({ params: { name }, caller, visitor }) => {
        if (name === visitor.user.name) throw new Conflict('you cannot disable yourself');
        await accounts.change(caller.actor, name, { disabled: true });
        return { to: `/users/${name}`, say: `${name} may not log in any more.` };
      },
    }),
    action('/users/:name/enable', {
      ...whole,
      params,
      run: async ({ params: { name }, caller }) => {
        await accounts.change(caller.actor, name, { disabled: false });
        return { to: `/users/${name}`, say: `${name} may log in again.` };
      },
    }),
    action('/users/:name/end-sessions', {
      ...whole,
      params,
      run: async ({ params: { name }, caller }) => {
        await find(name);
        const ended = await accounts.endSessions(caller.actor, name);
        return { to: `/users/${name}`, say: `${ended} sessions of ${name} have ended.` };
      },
    }),
  ];
}

function reachOf(all: string | undefined, clients: readonly string[]): readonly string[] | null {
  // Both at once may mean either: of two readings nobody is given the wider one unasked.
  if (all ? clients.length === 0 : clients.length > 0) return all ? null : clients;
  throw new InvalidInput([
    { pointer: '', detail: 'tick either "all clients", or those that this user sees' },
  ]);
}

/** Shown as the answer itself: a password has no business in a redirect. */
const newPasswordSight = (name: string, password: string): Sight => ({
  title: 'New password',
  body: (
    <section class="card narrow">
      <h1>{name} may log in</h1>
      <p>
        Password: <code class="secret">{password}</code>
      </p>
      <p class="muted">
        This is the only time that it is shown. It can be changed under “Your account”.
      </p>
      <p class="buttons">
        <a class="button primary" href={`/users/${name}`}>
          Done
        </a>
      </p>
    </section>
  ),
});

const UserTable = ({ users }: { users: readonly User[] }) => (
  <Table
    label="Users"
    rows={users}
    keyOf={(one) => one.name}
    columns={[
      {
        heading: 'Name',
        cell: (one) => <a href={`/users/${one.name}`}>{one.name}</a>,
      },
      { heading: 'Full name', cell: (one) => one.fullName },
      { heading: 'Role', cell: (one) => one.role },
      { heading: 'Clients', cell: (one) => (one.clients ? one.clients.join(', ') : 'all') },
      {
        heading: 'Last login',
        cell: (one) => (one.lastLoginAt ? <Ago at={one.lastLoginAt} /> : 'never'),
      },
      {
        heading: 'Login by',
        cell: (one) => (one.provider ? 'provider' : 'password'),
      },
      {
        heading: 'State',
        cell: (one) => <Badge state={one.disabled ? 'disabled' : 'active'} />,
      },
    ]}
  />
);

const means: Readonly<Record<Role, string>> = {
  viewer: 'viewer – sees',
  operator: 'operator – retries, skips, resolves, pauses',
  admin: 'admin – everything',
};

const RoleField = ({ now }: { now: Role }) => (
  <Field label="Role">
    <select name="role">
      {roles.map((one) => (
        <option key={one} value={one} selected={one === now}>
          {means[one]}
        </option>
      ))}
    </select>
  </Field>
);

const ReachField = ({
  clients,
  chosen,
}: {
  clients: readonly string[];
  chosen: readonly string[] | null;
}) => (
  <fieldset class="field">
    <legend class="label">Sees</legend>
    <label class="tick">
      <input type="checkbox" name="all" value="yes" checked={chosen === null} /> all clients
    </label>
    {clients.map((one) => (
      <label class="tick" key={one}>
        <input
          type="checkbox"
          name="clients"
          value={one}
          checked={chosen?.includes(one) ?? false}
        />{' '}
        {one}
      </label>
    ))}
    {clients.length === 0 ? (
      <span class="hint">No channel or source belongs to a client yet.</span>
    ) : (
      <span class="hint">"All clients" includes those that come later.</span>
    )}
  </fieldset>
);

const AddUser = ({ token, clients }: { token: string; clients: readonly string[] }) => (
  <section class="card">
    <h2>Add a user</h2>
    <Form action="/users" token={token} class="stack">
      <Field label="Name" hint="For the login: letters, digits and . _ @ + -">
        <input name="name" required maxlength={64} autocapitalize="none" autocomplete="off" />
      </Field>
      <Field label="Full name">
        <input name="fullName" maxlength={100} autocomplete="off" />
      </Field>
      <RoleField now="operator" />
      <ReachField clients={clients} chosen={null} />
      <Field label="First password" hint="12 characters or more; leave it empty to have one made">
        <input name="password" type="password" minlength={12} autocomplete="new-password" />
      </Field>
      <p class="buttons">
        <button type="submit" class="primary">
          Add user
        </button>
      </p>
    </Form>
  </section>
);

function UserPage({
  user,
  own,
  token,
  clients,
  sessions,
}: {
  user: User;
  own: boolean;
  token: string;
  clients: readonly string[];
  sessions: preact.JSX.Element;
}) {
  const at = `/users/${user.name}`;
  return (
    <>
      <p class="crumbs">
        <a href="/users">Users</a>
      </p>
      <h1>
        {user.name} {user.disabled ? <Badge state="disabled" /> : null}
      </h1>
      <section class="card">
        <h2>What this user is</h2>
        <Form action={at} token={token} class="stack">
          <Field label="Full name">
            <input name="fullName" value={user.fullName} maxlength={100} autocomplete="off" />
          </Field>
          <RoleField now={user.role} />
          <ReachField clients={clients} chosen={user.clients} />
          <p class="hint">Another role or other clients end the sessions of this user.</p>
          <p class="buttons">
            <button type="submit" class="primary">
              Save
            </button>
          </p>
        </Form>
      </section>
      <section class="card">
        <h2>Sessions</h2>
        {sessions}
        <div class="buttons">
          <Confirm
            id="end-sessions"
            label="End all sessions"
            title={`End all sessions of ${user.name}?`}
            verb="End them"
            action={`${at}/end-sessions`}
            token={token}
          >
            <p>Every browser where {user.name} is logged in asks for the login again.</p>
          </Confirm>
        </div>
      </section>
      <section class="card">
        <h2>Access</h2>
        <div class="buttons">
          {user.provider ? null : (
            <Confirm
              id="password"
              label="New password"
              title={`Give ${user.name} a new password?`}
              verb="Make a new password"
              action={`${at}/password`}
              token={token}
            >
              <p>It is shown once. The old one counts no more, and all sessions end.</p>
            </Confirm>
          )}
          {user.disabled ? (
            <Form action={`${at}/enable`} token={token}>
              <button type="submit">Let in again</button>
            </Form>
          ) : own ? null : (
            <Confirm
              id="disable"
              label="Disable"
              title={`Disable ${user.name}?`}
              verb="Disable"
              danger
              action={`${at}/disable`}
              token={token}
            >
              <p>
                {user.name} is logged out everywhere and cannot log in until an admin allows it
                again. What {user.name} did stays in the audit.
              </p>
            </Confirm>
          )}
        </div>
      </section>
    </>
  );
}
