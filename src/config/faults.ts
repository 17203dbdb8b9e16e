import { z } from 'zod';
import type { Fault } from '../errors.js';
import { inWords } from './in-words.js';

/**
 * Holds a value that came from outside against a schema, faults in plain words. Where a text or a list
 * belongs zod compares the `length` of whatever is there, and throws at one that is an object with a
 * `toString` of its own.
 */
export function examine<S extends z.ZodType>(
  schema: S,
  value: unknown,
): z.ZodSafeParseResult<z.output<S>> {
  try {
    return schema.safeParse(value, { error: inWords });
  } catch (thrown) {
    if (!(thrown instanceof TypeError && /object to primitive/.test(thrown.message))) throw thrown;
    const message = 'an object with a field "length" stands where a text or a list belongs';
    const error = new z.ZodError([{ code: 'custom', path: [], message }]);
    return { success: false, error: error as z.ZodError<z.output<S>> };
  }
}

/** What a schema finds wrong with a value, each fault with its pointer below `base`; empty when it fits. */
export function faultsIn(schema: z.ZodType, value: unknown, base = ''): Fault[] {
  const result = examine(schema, value);
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
