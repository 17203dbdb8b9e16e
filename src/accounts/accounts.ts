import { randomBytes } from 'node:crypto';
import { Conflict, InvalidInput, NotAllowed, NotFound } from '../errors.js';
import type { Audit } from '../queues/audit.js';
import type { Caller } from './caller.js';
import type { LockOut } from './lock-out.js';
import { type Cost, hashPassword, isPassword } from './password.js';
import type { Recognised } from './provider.js';
import { callerOf, type Role, userOf } from './roles.js';
import type { Sessions } from './sessions.js';
import type { User, Users } from './users.js';

export interface Origin {
  readonly address: string;
  readonly agent: string;
}

export interface NewUser {
  readonly name: string;
  readonly fullName: string;
  readonly role: Role;
  readonly clients: readonly string[] | null;
  /** Null for somebody who logs in at another provider only. */
  readonly password: string | null;
  readonly provider?: string | null;
}

export interface UserChange {
  readonly fullName?: string | undefined;
  readonly role?: Role | undefined;
  readonly clients?: readonly string[] | null | undefined;
  readonly disabled?: boolean | undefined;
}

/** A password that nobody chose: 120 random bits, easy to type. */
export const randomPassword = (): string =>
  randomBytes(15)
    .toString('hex')
    .replace(/(.{6})(?=.)/g, '$1-');

/** What can be done with users and their sessions. Every change is audited with who made it. */
export class Accounts {
  readonly users: Users;
  readonly sessions: Sessions;
  private readonly lockOut: LockOut;
  private readonly audit: Audit;
  private readonly cost: Cost | undefined;

  /** @param cost of a password's hash; the standard unless given */
  constructor(
    parts: { users: Users; sessions: Sessions; lockOut: LockOut; audit: Audit },
    cost?: Cost,
  ) {
    this.users = parts.users;
    this.sessions = parts.sessions;
    this.lockOut = parts.lockOut;
    this.audit = parts.audit;
    this.cost = cost;
  }

  /** Somebody who came as a user, with the rights of now; null when they may not come in any more. */
  async anew(actor: string): Promise<Caller | null> {
    const name = userOf(actor);
    const user = name === null ? null : await this.users.get(name);
    return user && !user.disabled ? callerOf(user) : null;
  }

  /** The secret of a new session, or null when name and password do not fit. @throws TooManyTries */
  async logIn(name: string, password: string, origin: Origin): Promise<string | null> {
    await this.lockOut.admit(name, origin.address);
    const right = await isPassword(password, await this.users.passwordHash(name));
    const user = right ? await this.users.get(name) : null;
    if (!user || user.disabled) {
      // The name may be a password that slipped into the wrong field, so it is kept only where it is a user's.
      const known = await this.users.get(name);
      if (known) await this.audit.note(`user ${name}`, 'login-refused', { from: origin.address });
      return null;
    }
    await this.lockOut.succeeded(name, origin.address);
    return this.open(name, origin);
  }

  /** A new session for somebody who has been recognised. */
  async open(name: string, origin: Origin): Promise<string> {
    const secret = await this.sessions.open(name, origin.address, origin.agent);
    await this.users.noteLogin(name);
    await this.audit.note(`user ${name}`, 'login', { from: origin.address });
    return secret;
  }

  /**
   * A new session for somebody whom the provider recognised; who is new becomes a user, and what the
   * provider says of role and clients counts from now on. @throws NotAllowed
   */
  async logInAs(who: Recognised, origin: Origin): Promise<string> {
    const { identity, ...user } = who;
    const before = await this.users.get(who.name);
    if (before && before.provider !== identity) {
      throw new NotAllowed(
        `"${who.name}" is a user here who does not log in at the provider: log in with the password`,
      );
    }
    if (before?.disabled) throw new NotAllowed(`"${who.name}" may not log in any more`);
    if (!before) await this.add('provider', { ...user, password: null, provider: identity });
    else if (isOther(before, who)) {
      const { fullName, role, clients } = who;
      // Even of the last admin: whom the provider demotes must not stay one by being refused here.
      await this.apply('provider', who.name, { fullName, role, clients });
    }
    return this.open(who.name, origin);
  }

  /** @throws Conflict when the name is taken */
  async add(actor: string, user: NewUser): Promise<User> {
    const { password, provider = null, clients, ...rest } = user;
    const added = await this.users.add({
      ...rest,
      clients: clients && [...clients],
      disabled: false,
      passwordHash: password === null ? null : await hashPassword(password, this.cost),
      provider,
    });
    if (!added) throw new Conflict(`there is a user "${user.name}" already`);
    await this.audit.write(actor, 'create', {
      user: user.name,
      role: user.role,
      clients: user.clients ?? 'all',
    });
    return this.get(user.name);
  }

  /** Changes what a user is; a change of role, clients or access ends that user's sessions. */
  async change(actor: string, name: string, change: UserChange): Promise<User> {
    await this.keepAnAdmin(name, change);
    return this.apply(actor, name, change);
  }

  private async apply(actor: string, name: string, change: UserChange): Promise<User> {
    const given = Object.fromEntries(
      Object.entries(change).filter(([, value]) => value !== undefined),
    );
    const changed = await this.users.change(name, given);
    if (!changed) throw new NotFound(`there is no user "${name}"`);
    const { before, after } = changed;
    if (rights(before) !== rights(after)) await this.sessions.endAll(name);
    await this.audit.write(actor, 'change', {
      user: name,
      ...differences(before, after),
    });
    return after;
  }

  /** An admin gives a user another password. All sessions of that user end. */
  async setPassword(actor: string, name: string, password: string): Promise<void> {
    // A hash is half a second of a core: not for somebody whom there is not.
    await this.get(name);
    const passwordHash = await hashPassword(password, this.cost);
    if (!(await this.users.change(name, { passwordHash }))) {
      throw new NotFound(`there is no user "${name}"`);
    }
    await this.sessions.endAll(name);
    await this.audit.write(actor, 'change', { user: name, password: 'changed' });
  }

  /**
   * A user changes the own password. Every session ends; the answer is the secret of a new one.
   * @throws InvalidInput when the old one is wrong, TooManyTries
   */
  async changeOwnPassword(
    name: string,
    old: string,
    password: string,
    origin: Origin,
  ): Promise<string> {
    await this.lockOut.admit(name, origin.address);
    if (!(await isPassword(old, await this.users.passwordHash(name)))) {
      throw new InvalidInput([{ pointer: '/old', detail: 'this is not your present password' }]);
    }
    await this.lockOut.succeeded(name, origin.address);
    await this.setPassword(`user ${name}`, name, password);
    return this.sessions.open(name, origin.address, origin.agent);
  }

  /** Ends all sessions of a user, or all but one; answers how many there were. */
  async endSessions(actor: string, name: string, except?: string): Promise<number> {
    const ended = await this.sessions.endAll(name, except);
    await this.audit.write(actor, 'end-sessions', { user: name, sessions: ended });
    return ended;
  }

  private async get(name: string): Promise<User> {
    const user = await this.users.get(name);
    if (!user) throw new NotFound(`there is no user "${name}"`);
    return user;
  }

  /** Somebody must be left who can let others in. */
  private async keepAnAdmin(name: string, change: UserChange): Promise<void> {
    const before = await this.get(name);
    if (!isFullAdmin(before) || isFullAdmin({ ...before, ...withoutUndefined(change) })) return;
    const others = (await this.users.list()).filter((one) => one.name !== name && isFullAdmin(one));
    if (others.length > 0) return;
    throw new Conflict(
      `"${name}" is the last admin of all clients: make somebody else one before you change that`,
    );
  }
}

const isOther = (user: User, who: Recognised) =>
  user.fullName !== who.fullName ||
  JSON.stringify([user.role, user.clients]) !== JSON.stringify([who.role, who.clients]);

const isFullAdmin = (user: Pick<User, 'role' | 'clients' | 'disabled'>) =>
  user.role === 'admin' && user.clients === null && !user.disabled;

const rights = ({ role, clients, disabled }: User) => JSON.stringify([role, clients, disabled]);

function withoutUndefined(change: UserChange): Partial<User> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

/** What a change changed, as the audit keeps it. */
function differences(before: User, after: User): { before: object; after: object } {
  const changed = (['fullName', 'role', 'clients', 'disabled'] as const).filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  const only = (user: User) => Object.fromEntries(changed.map((name) => [name, user[name]]));
  return { before: only(before), after: only(after) };
}
