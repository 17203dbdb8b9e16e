import { randomPassword } from '../accounts/accounts.js';
import { NotFound } from '../errors.js';
import * as answers from './answers/users.js';
import { changeBody, userBody, userParams } from './input-users.js';
import { type Route, route } from './route.js';
import type { Services } from './services.js';

const whole = { scope: 'admin', unlimitedOnly: true } as const;

/** The people who log in at the desk. */
export function userRoutes({ accounts }: Services): Route[] {
  return [
    route({
      ...whole,
      method: 'post',
      path: '/v1/users',
      name: 'addUser',
      answer: answers.addedUser,
      refuses: [409],
      summary: 'Add a user of the desk; a password that was made is shown this once.',
      status: 201,
      body: userBody,
      async handle({ body: { password, ...user }, caller }) {
        const first = password ?? randomPassword();
        const added = await accounts.add(caller.actor, { ...user, password: first });
        return password ? added : { ...added, password: first };
      },
    }),
    route({
      ...whole,
      method: 'get',
      path: '/v1/users',
      name: 'users',
      answer: answers.userPage,
      summary: 'The users of the desk.',
      handle: async () => ({ items: await accounts.users.list(), nextCursor: null }),
    }),
    route({
      ...whole,
      method: 'patch',
      path: '/v1/users/:name',
      name: 'changeUser',
      answer: answers.oneUser,
      refuses: [404, 409],
      summary: 'Change a user; another role, other clients or `disabled` end the sessions.',
      params: userParams,
      body: changeBody,
      handle: ({ params, body, caller }) => accounts.change(caller.actor, params.name, body),
    }),
    route({
      ...whole,
      method: 'post',
      path: '/v1/users/:name/password',
      name: 'newPassword',
      answer: answers.newPassword,
      refuses: [404],
      summary: 'Make a new password for a user; it is shown this once, and all sessions end.',
      params: userParams,
      async handle({ params, caller }) {
        const password = randomPassword();
        await accounts.setPassword(caller.actor, params.name, password);
        return { name: params.name, password };
      },
    }),
    route({
      ...whole,
      method: 'delete',
      path: '/v1/users/:name/sessions',
      name: 'endSessions',
      answer: answers.endedSessions,
      refuses: [404],
      summary: 'Log a user out everywhere.',
      params: userParams,
      async handle({ params, caller }) {
        if (!(await accounts.users.get(params.name)))
          throw new NotFound(`there is no user "${params.name}"`);
        return { ended: await accounts.endSessions(caller.actor, params.name) };
      },
    }),
  ];
}
