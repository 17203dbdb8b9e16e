import { z } from 'zod';
import { randomPassword } from '../accounts/accounts.js';
import { roles } from '../accounts/roles.js';
import { clientsSchema, passwordSchema, userNameSchema } from '../accounts/users.js';
import { NotFound } from '../errors.js';
import * as answers from './answers.js';
import { type Route, route } from './route.js';
import type { Services } from './services.js';

const userParams = z.strictObject({ name: userNameSchema });
const fullName = z.string().trim().max(100);
const clients = clientsSchema.meta({ description: 'clients that are seen; null is all of them' });
const userBody = z.strictObject({
  name: userNameSchema,
  fullName: fullName.default(''),
  role: z.enum(roles),
  clients: clients.default(null),
  password: passwordSchema
    .optional()
    .meta({ description: 'the first one; left out, one is made and shown in the answer' }),
});
const changeBody = z
  .strictObject({ fullName, role: z.enum(roles), clients, disabled: z.boolean() })
  .partial();
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
