import { z } from 'zod';
import { named } from './shape.js';

export const alive = named(
  'Alive',
  z.object({ status: z.literal('alive'), version: z.string().meta({ description: 'of Andon' }) }),
);
export const ready = named('Ready', z.object({ status: z.literal('ready') }));
