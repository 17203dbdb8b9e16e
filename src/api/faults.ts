import type { z } from 'zod';
import type { Fault } from '../errors.js';

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

/** What zod finds, in the words of the API; a schema's own words go before these. */
export const inWords: z.core.$ZodErrorMap = (issue) => {
  if (issue.input === undefined) return 'is missing';
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${nouns[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}`;
    case 'too_small':
      return bounded('at least', issue.minimum, issue.origin);
    case 'too_big':
      return bounded('at most', issue.maximum, issue.origin);
    case 'invalid_union':
      return issue.errors
        .flatMap(([first]) => first?.message ?? [])
        .map((message, n) => (n === 0 ? message : message.replace(/^must be /, '')))
        .join(' or ');
    case 'invalid_format':
      return formats[issue.format];
    default:
      return undefined;
  }
};

const nouns: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

const formats: Readonly<Record<string, string>> = {
  datetime: 'must be a time such as 2026-11-21T08:00:00Z',
  url: 'must be a URL such as https://shop.example/records/{sku}',
};

function bounded(word: string, limit: number | bigint, origin: string): string {
  const unit = origin === 'string' ? 'character' : origin === 'array' ? 'entry' : '';
  if (!unit) return `must be ${word} ${limit}`;
  if (origin === 'string' && word === 'at least' && limit === 1) return 'must not be empty';
  const plural = unit === 'entry' ? 'entries' : `${unit}s`;
  return `must have ${word} ${limit} ${limit === 1 ? unit : plural}`;
}

/** RFC 6901. */
const step = (part: PropertyKey) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`;
