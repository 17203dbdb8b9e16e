import { expect, test } from '@jest/globals';
import { acceptedBatch, itemPage } from '../../../src/api/answers/items.js';
import { docsPage } from '../../../src/api/docs/page.js';
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
const rows = [...page.matchAll(/<tr>(<td.*?)<\/tr>/g)].map(([, cells = '']) =>
  cells
    .split('</td>')
    .slice(0, -1)
    .map((cell) => cell.replace(/<[^>]*>/g, '')),
);

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
  expect(page.match(/<details id=/g)).toHaveLength(routes.length);
  expect(page).toContain('Many &lt;at once>');
  expect(rows).toContainEqual(['items', 'list from 1 to 1000', 'required', '']);
  expect(rows).toContainEqual([
    'items[].entity.kind',
    'text',
    'required',
    'sku, order, customer …',
  ]);
  expect(rows).toContainEqual(['limit', 'whole number from 1 to 200', 'default 50', '']);
  expect(rows).toContainEqual([
    'error',
    'text, at most 200 characters',
    'optional',
    'part of the error text',
  ]);
});

test('every call has an example of what is sent and what comes', () => {
  expect(page).toContain('curl http://andon.example/v1/items/batch');
  expect(page).toContain("curl 'http://andon.example/v1/items?state=failed&amp;queue=channel.12'");
  expect(page).toContain('&quot;replayed&quot;: false');
});
