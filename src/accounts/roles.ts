import { Caller, type Scope } from './caller.js';

/** What a user is: a viewer sees; an operator retries, skips, resolves and pauses; an admin may everything. */
export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

const scopesOf: Readonly<Record<Role, readonly Scope[]>> = {
  viewer: ['read'],
  operator: ['read', 'operate'],
  admin: ['admin'],
};

const USER = 'user ';

/** The user of that name in the audit; null for what is no user's. */
export const userOf = (actor: string): string | null =>
  actor.startsWith(USER) ? actor.slice(USER.length) : null;

/** What a user may do and see, in the same terms as an API key. */
export function callerOf(user: {
  readonly name: string;
  readonly role: Role;
  readonly clients: readonly string[] | null;
}): Caller {
  const limits = { clients: user.clients, channels: null, sources: null };
  return new Caller(`${USER}${user.name}`, scopesOf[user.role], limits);
}
