import { z } from 'zod';

/**
 * The switch that makes the demo program misbehave as shops do:
 * - `down`: the connection breaks without an answer;
 * - `slow`: it is carried out, but the answer takes `delayMs`;
 * - `throttling`: 429 with `Retry-After: <retryAfter>`;
 * - `wrong`: 200 with a page, as from a proxy or a login form in front of the shop.
 */
export const faultSchema = z.strictObject({
  mode: z.enum(['none', 'down', 'slow', 'throttling', 'wrong']),
  /** Milliseconds. */
  delayMs: z.int().min(0).max(3_600_000).default(5_000),
  /** Seconds. */
  retryAfter: z.int().min(0).max(86_400).default(2),
});

export type Fault = Readonly<z.infer<typeof faultSchema>>;

export const noFault: Fault = faultSchema.parse({ mode: 'none' });
