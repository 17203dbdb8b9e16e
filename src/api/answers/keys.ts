import { z } from 'zod';
import { named, page, time } from './shape.js';

const scope = z.enum(['enqueue', 'read', 'operate', 'admin']);
const apiKey = z.object({
  id: z.string(),
  description: z.string(),
  scopes: z.array(scope),
  client: z.string().nullable(),
  channels: z.array(z.string()).nullable(),
  sources: z.array(z.string()).nullable(),
  createdAt: time,
  lastUsedAt: time.nullable().meta({ description: 'to the minute' }),
});
export const oneKey = named('ApiKey', apiKey);
export const keyPage = page('ApiKeyPage', oneKey);
export const newKeyAnswer = named(
  'NewApiKey',
  apiKey.extend({
    key: z.string().meta({ description: 'id.secret: told this once, and never again' }),
  }),
);
export const revokedKey = named(
  'RevokedApiKey',
  z.object({ id: z.string(), revoked: z.literal(true) }),
);
