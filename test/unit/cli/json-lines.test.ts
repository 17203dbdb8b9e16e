import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Entry, entries } from '../../../src/cli/import/entries.js';
import { jsonLines } from '../../../src/cli/import/json-lines.js';
import { wholeLines } from '../../../src/cli/import/whole-lines.js';
import { loadCatalogue } from '../../../src/instructions/catalogue.js';
import { chunksOf } from './fake-andon.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'andon-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function lines(text: string) {
  const found = [];
  for await (const one of jsonLines(wholeLines(chunksOf(text)))) found.push(one);
  return found;
}

async function items(text: string, channel: string | undefined = '12', run = ''): Promise<Entry[]> {
  const file = join(folder, 'items.jsonl');
  writeFileSync(file, text);
  const catalogue = loadCatalogue();
  const found: Entry[] = [];
  for await (const one of entries({ file, channel, instruction: 'add_product', catalogue, run }))
    found.push(one);
  return found;
}

test('each line is one object; blank lines count as lines only', async () => {
  expect(await lines('\uFEFF{"sku":"A"}\r\n\r\n{"sku":"Ä"}')).toEqual([
    { line: 1, record: { sku: 'A' } },
    { line: 3, record: { sku: 'Ä' } },
  ]);
});

test.each([
  ['{"sku":"A"}\n{"sku":\n', /^line 2: .*not JSON: column 8: expected a value/],
  ['[1]\n', /^line 1: is not a JSON object/],
  [
    '{"orderNumber":12345678901234567890}\n',
    /^line 1: \/orderNumber: this number cannot be kept exactly/,
  ],
  ['{"sku":"A","sku":"B"}\n', /^line 1: \/sku: this key is there twice/],
  ['{"price":1e999}\n', /^line 1: \/price: this number/],
])('%j is refused with its line', async (text, message) => {
  await expect(lines(text)).rejects.toThrow(message);
});

test('numbers that JSON carries exactly pass, also within texts and with zeros', async () => {
  const text = '{"a":0.1,"b":1e20,"c":"12345678901234567890 \\"9","d":-1.50}';
  expect(await lines(text)).toHaveLength(1);
});

test('a line is data for the instruction asked, or a whole item', async () => {
  const found = await items(
    '{"sku":"A","title":"A"}\n{"instruction":"update_product","data":{"sku":"A"},"title":"again"}\n',
  );
  expect(found.map(({ item }) => item)).toMatchObject([
    { instruction: 'add_product', channel: '12', data: { sku: 'A', title: 'A' } },
    { instruction: 'update_product', channel: '12', data: { sku: 'A' }, title: 'again' },
  ]);
});

test.each([
  ['{"sku":"A"}\n', /^line 1, field "title"/],
  ['{"instruction":"no_such","data":{}}\n', /^line 1: there is no instruction "no_such"/],
  ['{"instruction":"sync_products","data":{}}\n', /needs a source/],
  ['{"instruction":"add_order","source":"s","data":{}}\n', /^line 1, field "orderNumber"/],
  ['{"instruction":"init_channel","channel":"13","data":{}}\n', /is 13, but --channel says 12/],
  ['{"instruction":"init_channel","data":{},"extra":1}\n', /^line 1, field "extra": is no part/],
  [`{"sku":"A","title":"${'x'.repeat(1024 * 1024)}"}\n`, /^line 1: is larger than 1 MiB/],
])('what the API would refuse is found before anything is sent: %.40j', async (text, message) => {
  await expect(items(text)).rejects.toThrow(message);
});

test('the same record has the same key in every run, and another after a change', async () => {
  const keys = async (text: string, channel?: string, run?: string) =>
    (await items(text, channel, run)).map(({ item }) => item.idempotencyKey);
  const a = '{"sku":"A","title":"A"}\n';
  const b = '{"sku":"A","title":"B"}\n';
  expect(await keys(a + b)).toEqual(await keys(a + b));
  expect(await keys(a)).not.toEqual(await keys(b));
  expect(await keys(a)).not.toEqual(await keys(a, '13'));
  expect(await keys(a)).not.toEqual(await keys(a, '12', 'again'));
  // A change that is changed back is three items, not two.
  expect(new Set(await keys(a + b + a)).size).toBe(3);
  expect((await keys(a + b + a)).slice(0, 2)).toEqual(await keys(a + b));
});
