import { expect, test } from '@jest/globals';
import { acceptedBatch, itemPage } from '../../../src/api/answers.js';
import { docsPage } from '../../../src/api/docs.js';
import { batchBody, searchQuery } from '../../../src/api/input.js';
import { route } from '../../../src/api/route.js';
import { loadCatalogue } from '../../../src/instructions/catalogue.js';

const handle = async () => {};
const routes = [
  route({
    method: 'post',
    path: '/v1/items/batch',
    name: 'enqueueBatch',
    answer: acceptedBatch,
    scope: 'enqueue',
    summary: 'Many <at once>',
    status: 202,
    body: batchBody,
    handle,
  }),
  route({
    method: 'get',
    path: '/v1/items',
    name: 'search',
    answer: itemPage,
    scope: 'read',
    summary: 'Search',
    query: searchQuery,
    handle,
  }),
];
const catalogue = loadCatalogue();
const page = docsPage(routes, catalogue)('http://andon.example');
/** Rows of tables as the text of their cells. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('<tr><td'))
  .map((line) => line.split('</td>').map((cell) => cell.replace(/<[^>]*>/g, '')))
  .map((cells) => cells.slice(0, -1));

test('every instruction is told with what it needs', () => {
  for (const name of catalogue.names) expect(rows.map(([first]) => first)).toContain(name);
  expect(rows).toContainEqual([
    'add_product',
    'Add product to …',
    'a channel',
    'yes',
    'sku, title',
  ]);
  expect(rows).toContainEqual([
    'sync_products',
    'Sync products from …',
    'a source',
    'yes',
    'nothing',
  ]);
  expect(rows).toContainEqual([
    'sync_fulfillment',
    expect.any(String),
    'service hub',
    'no',
    'orderNumber',
  ]);
  expect(rows.find(([first]) => first === 'send_email')?.[4]).toBe(
    'to, subject, a mail needs text, html or a template',
  );
});

test('every call folds out to the fields of its query and body', () => {
  expect(page.match(/<details>/g)).toHaveLength(routes.length);
  expect(page).toContain('Many &#60;at once&#62;');
  expect(rows).toContainEqual(['items', 'list from 1 to 1000', 'required', '']);
  expect(rows).toContainEqual(['items[].entity.kind', 'text', 'required', '']);
  expect(rows).toContainEqual(['limit', 'whole number from 1 to 200', 'default 50', '']);
  expect(rows).toContainEqual([
    'error',
    'text, at most 200 characters',
    'optional',
    'part of the error text',
  ]);
});
