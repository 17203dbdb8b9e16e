import { z } from 'zod';
import { count, named, page, time } from './shape.js';

const user = z.object({
  name: z.string(),
  fullName: z.string(),
  role: z.enum(['viewer', 'operator', 'admin']),
  clients: z
    .array(z.string())
    .nullable()
    .meta({ description: 'clients that are seen; null is all of them' }),
  disabled: z.boolean(),
  hasPassword: z.boolean(),
  provider: z
    .string()
    .nullable()
    .meta({ description: 'issuer and subject where this user logs in' }),
  createdAt: time,
  lastLoginAt: time.nullable(),
});
export const oneUser = named('User', user);
export const userPage = page('UserPage', oneUser);
export const addedUser = named(
  'AddedUser',
  user.extend({
    password: z
      .string()
      .optional()
      .meta({ description: 'the one that was made: told this once, and never again' }),
  }),
);
export const newPassword = named(
  'NewPassword',
  z.object({ name: z.string(), password: z.string() }),
);
export const endedSessions = named('EndedSessions', z.object({ ended: count }));
