import { Accounts, type NewUser } from '../../src/accounts/accounts.js';
import { LockOut } from '../../src/accounts/lock-out.js';
import { formToken, Sessions } from '../../src/accounts/sessions.js';
import { Users } from '../../src/accounts/users.js';
import { Audit } from '../../src/queues/audit.js';
import type { Answer, Api } from './api.js';
import type { TestPage } from './browser.js';

export const PASSWORD = 'correct horse battery';

/** As cheap as it may be: what a guess costs is tested apart. */
const cheap = { n: 2 ** 10, r: 8, p: 1 };

/** The users and sessions of a running Andon, reached past its pages. */
export function accountsOf(api: Api): Accounts {
  return new Accounts(
    {
      users: new Users(api.redis, api.keys),
      sessions: new Sessions(api.redis, api.keys, { idleMs: 1_800_000, absoluteMs: 43_200_000 }),
      lockOut: new LockOut(api.redis, api.keys),
      audit: new Audit(api.redis, api.keys),
    },
    cheap,
  );
}

/** What a form holds; a list is several fields of one name, as checkboxes are. */
export type Fields = Readonly<Record<string, string | string[]>>;

/** Somebody at the desk: a user with a session, who sends forms as a browser would. */
export class Person {
  readonly api: Api;
  readonly name: string;
  readonly accounts: Accounts;
  secret: string;

  private constructor(api: Api, accounts: Accounts, name: string, secret: string) {
    this.api = api;
    this.accounts = accounts;
    this.name = name;
    this.secret = secret;
  }

  static async of(api: Api, user: Partial<NewUser> & { name: string }): Promise<Person> {
    const accounts = accountsOf(api);
    if (!(await accounts.users.get(user.name))) {
      const standard = { fullName: '', role: 'viewer', clients: null, password: PASSWORD } as const;
      await accounts.add('test', { ...standard, ...user });
    }
    const secret = await accounts.open(user.name, { address: '127.0.0.1', agent: 'test' });
    return new Person(api, accounts, user.name, secret);
  }

  get cookie(): string {
    return `andon-session=${this.secret}`;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.api.call('GET', path, {
      key: null,
      headers: { accept: 'text/html', cookie: this.cookie, ...headers },
    });
  }

  /** A form of ours, with its token; `headers` may say that it comes from elsewhere. */
  post(
    path: string,
    fields: Fields = {},
    headers: Record<string, string | undefined> = {},
  ): Promise<Answer> {
    return postForm(
      this.api,
      path,
      { _token: formToken(this.secret), ...fields },
      {
        cookie: this.cookie,
        ...headers,
      },
    );
  }

  /** Puts the session into a browser. */
  async enter({ context }: TestPage): Promise<void> {
    await context.addCookies([{ name: 'andon-session', value: this.secret, url: this.api.url }]);
  }
}

/** A form as a browser sends it from a page of the same site. */
export const postForm = (
  api: Api,
  path: string,
  fields: Fields,
  headers: Record<string, string | undefined> = {},
): Promise<Answer> =>
  api.call('POST', path, {
    key: null,
    raw: String(
      new URLSearchParams(
        Object.entries(fields).flatMap(([name, given]) =>
          [given].flat().map((value): [string, string] => [name, value]),
        ),
      ),
    ),
    headers: {
      accept: 'text/html',
      'content-type': 'application/x-www-form-urlencoded',
      origin: api.url,
      referer: `${api.url}/`,
      ...headers,
    },
  });
