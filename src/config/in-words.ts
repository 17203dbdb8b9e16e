import { z } from 'zod';
import { didYouMean } from './did-you-mean.js';

/** What zod finds, in plain words; a schema's own words go before these. */
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
    case 'unrecognized_keys':
      return issue.keys
        .map((key, n) => {
          const hint = n < HINTS_MOST ? hintFor(key, issue.inst) : '';
          return `there is no ${JSON.stringify(key)} here${hint}`;
        })
        .join(', ');
    case 'invalid_format':
      return formats[issue.format];
    default:
      return undefined;
  }
};

/** To look for what was meant takes a moment, and a body may have thousands of wrong names. */
const HINTS_MOST = 5;

const hintFor = (key: string, schema: unknown): string =>
  schema instanceof z.ZodObject ? didYouMean(key, Object.keys(schema.shape)) : '';

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
