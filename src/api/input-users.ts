import { z } from 'zod';
import { roles } from '../accounts/roles.js';
import { clientsSchema, passwordSchema, userNameSchema } from '../accounts/users.js';

/** Shapes of what comes in about users of the desk. */
export const userParams = z.strictObject({ name: userNameSchema });

const fullName = z.string().trim().max(100);
const clients = clientsSchema.meta({ description: 'clients that are seen; null is all of them' });
export const userBody = z.strictObject({
  name: userNameSchema,
  fullName: fullName.default(''),
  role: z.enum(roles),
  clients: clients.default(null),
  password: passwordSchema
    .optional()
    .meta({ description: 'the first one; left out, one is made and shown in the answer' }),
});
export const changeBody = z
  .strictObject({ fullName, role: z.enum(roles), clients, disabled: z.boolean() })
  .partial();
