import type { z } from 'zod';
import type { Fault } from '../errors.js';
import { inWords } from './in-words.js';

/** What a schema finds wrong with a value, each fault with its pointer below `base`; empty when it fits. */
export function faultsIn(schema: z.ZodType, value: unknown, base = ''): Fault[] {
  const result = schema.safeParse(value, { error: inWords });
  return result.success ? [] : result.error.issues.flatMap((issue) => faultsOf(issue, base));
}

export function faultsOf(issue: z.core.$ZodIssue, base = ''): Fault[] {
  const at = base + issue.path.map(step).join('');
  if (issue.code !== 'unrecognized_keys') return [{ pointer: at, detail: issue.message }];
  return issue.keys.map((key) => ({
    pointer: at + step(key),
    detail: 'there is no such field here',
  }));
}

/** RFC 6901. */
const step = (part: PropertyKey) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`;
