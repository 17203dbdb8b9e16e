import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { NewBatchItem } from '../../../src/client/shapes.js';
import { andon, fakeAndon, type Reply } from './fake-andon.js';

/** Stands for the API's memory of idempotency keys. */
let known: Map<string, number>;
let batchSizes: number[];
let refuse: () => Reply | undefined;
let server: Awaited<ReturnType<typeof fakeAndon>>;
let folder: string;

beforeEach(async () => {
  known = new Map();
  batchSizes = [];
  refuse = () => undefined;
  folder = mkdtempSync(join(tmpdir(), 'andon-'));
  server = await fakeAndon(({ body }) => {
    const refusal = refuse();
    if (refusal) return refusal;
    const { items } = body as { items: NewBatchItem[] };
    batchSizes.push(items.length);
    const accepted = items.map(({ idempotencyKey = '' }) => {
      const replayed = known.has(idempotencyKey);
      if (!replayed) known.set(idempotencyKey, known.size + 1);
      return { queueId: known.get(idempotencyKey), queue: 'channel.12', position: 0, replayed };
    });
    return { status: 202, body: { items: accepted } };
  });
});
afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

const run = (...args: string[]) => andon(['import', ...args], { env: { ANDON_URL: server.url } });

function jsonl(count: number, broken?: number): string {
  const file = join(folder, 'products.jsonl');
  const lines = Array.from({ length: count }, (_, n) =>
    n + 1 === broken ? '{"sku":' : `{"sku":"S${n}","title":"T${n}"}`,
  );
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

test('a real file is enqueued once, however often it is imported', async () => {
  const first = await run('examples/apparel.csv', '--channel', '12');
  expect(first).toMatchObject({
    code: 0,
    out: '20 products (22 variants, 20 images): 20 enqueued, 0 were already there; queue ids 1 to 20 in channel.12.\n',
  });
  const second = await run('examples/apparel.csv', '--channel', '12');
  expect(second.out).toContain('0 enqueued, 20 were already there; queue ids 1 to 20');
  const json = await run('examples/apparel.csv', '--channel', '12', '--json');
  expect(JSON.parse(json.out)).toMatchObject({
    items: 20,
    variants: 22,
    enqueued: 0,
    replayed: 20,
  });
  expect(known.size).toBe(20);
});

test('--again enqueues anew', async () => {
  await run('examples/apparel.csv', '--channel', '12');
  const { out } = await run('examples/apparel.csv', '--channel', '12', '--again');
  expect(out).toContain('20 enqueued, 0 were already there');
});

test('a broken line leaves nothing behind, however late it comes', async () => {
  const { code, err } = await run(jsonl(1000, 900), '--channel', '12');
  expect(code).toBe(1);
  expect(err).toContain('products.jsonl: line 900: /sku: not JSON');
  expect(server.seen).toHaveLength(0);
});

test('batches hold a hundred, and progress is told in lines where there is no terminal', async () => {
  const { err } = await run(jsonl(250), '--channel', '12');
  expect(batchSizes).toEqual([100, 100, 50]);
  expect(err).toBe('100 of 250\n200 of 250\n250 of 250\n');
});

test('large items make smaller batches, for the API takes 10 MiB', async () => {
  const file = join(folder, 'large.jsonl');
  const line = (n: number) => `{"sku":"S${n}","title":"${'x'.repeat(1_000_000)}"}\n`;
  writeFileSync(file, Array.from({ length: 20 }, (_, n) => line(n)).join(''));
  await run(file, '--channel', '12');
  expect(batchSizes).toEqual([8, 8, 4]);
});

test('a 503 is waited out as long as Retry-After asks, with the same keys', async () => {
  const answers: (Reply | undefined)[] = [
    undefined,
    {
      status: 503,
      headers: { 'retry-after': '0' },
      body: { title: 'Away', status: 503, type: 'x' },
    },
    {
      status: 503,
      headers: { 'retry-after': '0' },
      body: { title: 'Away', status: 503, type: 'x' },
    },
  ];
  refuse = () => answers.shift();
  const { code, out, err } = await run(jsonl(150), '--channel', '12');
  expect(code).toBe(0);
  expect(out).toContain('150 enqueued');
  expect(err).toContain('Away; trying again in 0 s');
  expect(server.seen[1]?.body).toEqual(server.seen[3]?.body);
});

test('a run of which nothing was taken does not say that another goes on from there', async () => {
  refuse = () => ({ status: 422, body: { title: 'No such channel', status: 422, type: 'x' } });
  const { code, err } = await run(jsonl(3), '--channel', '12');
  expect(code).toBe(1);
  expect(err).toBe('Nothing was enqueued.\nNo such channel (422)\n');
});

test('a run that was broken off is finished by the next', async () => {
  const file = jsonl(250);
  refuse = () =>
    server.seen.length > 1
      ? { status: 403, body: { title: 'No', status: 403, type: 'x' } }
      : undefined;
  const broken = await run(file, '--channel', '12');
  expect(broken.code).toBe(1);
  expect(broken.err).toContain('Broken off: 100 items are enqueued. The same command goes on');
  refuse = () => undefined;
  expect((await run(file, '--channel', '12')).out).toContain(
    '150 enqueued, 100 were already there',
  );
});

test('what the API refuses is told by the line of the file', async () => {
  const errors = [{ pointer: '/items/4/data/title', detail: 'is too long' }];
  refuse = () =>
    server.seen.length > 1
      ? { status: 422, body: { title: 'No', status: 422, type: 'x', errors } }
      : undefined;
  const { code, err } = await run(jsonl(150), '--channel', '12');
  expect(code).toBe(1);
  expect(err).toContain('products.jsonl: line 105, field "title": is too long');
});

test('--dry-run counts and sends nothing', async () => {
  const { code, out } = await run('examples/home-and-garden.csv', '--channel', '12', '--dry-run');
  expect({ code, out }).toEqual({
    code: 0,
    out: '20 products (21 variants, 21 images): nothing wrong, nothing sent.\n',
  });
  expect(server.seen).toHaveLength(0);
});

test('a file that is not there is wrong usage, an empty one matches nothing', async () => {
  expect((await run('nowhere.csv', '--channel', '12')).code).toBe(2);
  const file = join(folder, 'empty.jsonl');
  writeFileSync(file, '\n');
  expect((await run(file, '--channel', '12')).code).toBe(1);
});

test('a terminal sees a bar', async () => {
  const env = { ANDON_URL: server.url };
  const { err, out } = await andon(['import', 'examples/apparel.csv', '--channel', '12'], {
    env,
    tty: true,
  });
  expect(err).toContain('20/20');
  expect(out).toContain('20 enqueued');
});
