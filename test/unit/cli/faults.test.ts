import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { itemBody, keyBody, searchQuery } from '../../../src/api/input.js';
import { faultsIn } from '../../../src/config/faults.js';
import { dataSchemas } from '../../../src/instructions/data.js';

test.each<[z.ZodType, unknown, string]>([
  [itemBody, {}, '/instruction: is missing'],
  [itemBody, { instruction: 5 }, '/instruction: must be a text'],
  [itemBody, { instruction: ' ' }, '/instruction: must not be empty'],
  [itemBody, { instruction: 'x'.repeat(65) }, '/instruction: must have at most 64 characters'],
  [itemBody, { instruction: 'a', data: [] }, '/data: must be an object'],
  [searchQuery, { limit: '0' }, '/limit: must be a whole number from 1 to 200'],
  [searchQuery, { limit: '201' }, '/limit: must be a whole number from 1 to 200'],
  [searchQuery, { limit: 'x' }, '/limit: must be a whole number from 1 to 200'],
  [searchQuery, { since: 'x' }, '/since: must be a time such as 2026-11-21T08:00:00Z'],
  [keyBody, { scopes: ['root'] }, '/scopes/0: must be one of enqueue, read, operate, admin'],
  [keyBody, { scopes: [] }, '/scopes: must have at least 1 entry'],
  [dataSchemas.new_product, { sku: 'A' }, '/title: is missing'],
  [dataSchemas.order, {}, '/orderNumber: is missing'],
  [dataSchemas.order, { orderNumber: true }, '/orderNumber: must be a text or a number'],
  [dataSchemas.email, { to: [], subject: 'S', text: 'T' }, '/to: must have at least 1 entry'],
  [z.object({ n: z.int().max(9) }), { n: 10 }, '/n: must be at most 9'],
])('a fault is told in words', (schema, value, expected) => {
  const faults = faultsIn(schema, value).map(({ pointer, detail }) => `${pointer}: ${detail}`);
  expect(faults).toEqual([expected]);
});
