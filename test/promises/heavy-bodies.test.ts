import { beforeAll, describe, expect, test } from '@jest/globals';
import { batchBody } from '../../src/api/input.js';
import { examine } from '../../src/config/faults.js';
import { parseStrictJson } from '../../src/json/strict-json.js';
import { Api } from '../support/api.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
const api = await Api.start(redis);
beforeAll(() => api.put('channel', '12'));

const many = (count: number, text: string) => Array<string>(count).fill(text).join(',');
const keys = (count: number) => Array.from({ length: count }, (_, n) => `"k${n}":1`).join(',');
const batch = (...items: string[]) => `{"items":[${items.join(',')}]}`;
const item = (data: string, more = '') =>
  `{"instruction":"add_product","channel":"12","data":{"sku":"A","title":"B",${data}}${more}}`;

/** Of processor time: the whole process waits while one body is read. Each takes about a second; before there was a limit, a minute. */
const LONGEST_MS = 6_000;
const LARGEST_ANSWER = 64 * 1024;

describe('a body of many small things costs little, whether it is taken or refused', () => {
  test.each<[string, number, string]>([
    ['more keys than an object may have', 400, batch(item(keys(10_001)))],
    ['more values than a body may have', 400, batch(item(`"x":[${many(500_000, '1')}]`))],
    ['a million arrays', 400, batch(item(`"x":[${many(1_000_000, '[]')}]`))],
    ['as many arrays as a body may have', 202, batch(item(`"x":[${many(499_000, '[]')}]`))],
    ['as many keys as an object may have', 202, batch(item(keys(9_990)))],
    ['a thousand items with 400 keys each', 202, batch(many(1_000, item(keys(400))))],
    ['far too many items', 422, batch(many(499_000, '{}'))],
    ['far too many items of another kind', 422, batch(many(499_000, '1'))],
    ['fields that there are not', 422, batch(many(45, item('"x":1', `,${keys(9_000)}`)))],
    ['everything wrong in a thousand items', 422, batch(many(1_000, `{${keys(400)}}`))],
    ['a number of a million digits', 400, batch(item(`"x":0.${'1'.repeat(1_000_000)}`))],
    ['a million escapes', 202, batch(item(`"x":"${'\\u00e9'.repeat(1_000_000)}"`))],
    ['a million lines', 400, `${'\n'.repeat(1_000_000)}x`],
  ])('%s', async (_what, status, raw) => {
    const from = process.cpuUsage();
    const answer = await api.call('POST', '/v1/items/batch', { raw });
    expect(answer.status).toBe(status);
    const { user, system } = process.cpuUsage(from);
    expect((user + system) / 1_000).toBeLessThan(LONGEST_MS);
    if (status !== 202) expect(answer.text.length).toBeLessThan(LARGEST_ANSWER);
  });

  test('to hold it against its schema takes little more time than to read it', () => {
    const variants = Array.from({ length: 40 }, (_, n) => ({
      sku: `S-${n}`,
      price: 12.5,
      size: 'M',
    }));
    const items = Array.from({ length: 1_000 }, (_, n) => ({
      instruction: 'add_product',
      channel: '12',
      data: { sku: `S${n}`, title: 'x', variants },
    }));
    const raw = Buffer.from(JSON.stringify({ items }));
    const cost = (work: () => unknown): number => {
      const costs = Array.from({ length: 3 }, () => {
        const from = process.cpuUsage();
        work();
        return process.cpuUsage(from).user;
      });
      return Math.min(...costs);
    };
    const body = parseStrictJson(raw);
    expect(examine(batchBody, body).success).toBe(true);
    expect(cost(() => examine(batchBody, body))).toBeLessThan(3 * cost(() => parseStrictJson(raw)));
  });

  test('of very many faults the first hundred are told, and how many more there are', async () => {
    const raw = batch(item('"x":1', `,${keys(250)}`));
    const { body } = await api.call('POST', '/v1/items/batch', { raw });
    expect(body.errors).toHaveLength(100);
    expect(body.detail).toMatch(/; and 150 more$/);
  });
});
