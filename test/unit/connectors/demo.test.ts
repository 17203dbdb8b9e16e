import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PartOfItem } from '../../../src/connectors/connector.js';
import { demoType } from '../../../src/connectors/demo/demo.js';
import { DemoFarSide } from '../../../src/connectors/demo/server.js';
import { makeSecret } from '../../../src/connectors/signature.js';
import type { JsonObject } from '../../../src/json.js';
import { deliveryOf, exchangeFor, later, tidy } from './far-side.js';

const secrets = new Map<string, string>();
let demo: DemoFarSide;

beforeEach(async () => {
  secrets.clear();
  demo = new DemoFarSide({ port: 0, secrets });
  await demo.start();
  later(() => demo.stop());
});
afterEach(tidy);

let queueId = 0;
const deliver = (
  instruction: string,
  data: JsonObject,
  over: object = {},
  settings: object = {},
) => {
  const type = demoType(exchangeFor());
  const parsed = type.parse({ type: 'demo', url: demo.url, ...settings });
  const at = { channel: '12', source: 'erp', queueId: ++queueId };
  return type.create(parsed).deliver(deliveryOf({ instruction, data, ...at, ...over }));
};
const fail = (cause: string, status: number, message: string) => ({
  kind: 'fail',
  failure: { cause, status, message },
});
const show = async (path: string): Promise<Record<string, unknown>> =>
  (await (await fetch(demo.url + path)).json()) as Record<string, unknown>;
const setFault = (fault: object) =>
  fetch(`${demo.url}/fault`, { method: 'POST', body: JSON.stringify(fault) });

const shirt = {
  sku: 'shirt',
  title: 'Shirt',
  price: 50,
  variants: [{ sku: 'shirt-m', price: 50 }],
};

describe('the demo shop and ERP', () => {
  it('keep what they receive, each apart', async () => {
    const lines: string[] = [];
    await expect(deliver('add_product', shirt, { lines })).resolves.toMatchObject({ kind: 'done' });
    expect(lines).toEqual(['add of product shirt done']);
    await deliver('update_variant', { sku: 'shirt-m', price: 45 });
    await deliver('add_image', { sku: 'shirt', src: 'https://cdn.example/1.jpg' });
    await deliver('add_order', { orderNumber: 1001 });
    await deliver('sync_customer', { code: 'C1' });
    await deliver('fulfill_order', { orderNumber: 1001 }, { source: null, channel: null });

    expect(await show('/shops/12')).toMatchObject({
      products: { shirt },
      variants: { 'shirt-m': { price: 45 } },
      images: { shirt: ['https://cdn.example/1.jpg'] },
      orders: {},
    });
    expect(await show('/erps/erp')).toMatchObject({
      orders: { 1001: { orderNumber: 1001 } },
      customers: { C1: { code: 'C1' } },
    });
    expect(await show('/erps/fulfillment')).toMatchObject({ orders: { 1001: {} } });
    await deliver('delete_product', { sku: 'shirt' });
    expect(await show('/shops/12')).toMatchObject({ products: {}, variants: {} });
  });

  it('are said to have been asked, in a few words', () => {
    const type = demoType(exchangeFor());
    const delivery = deliveryOf({ instruction: 'add_product', data: shirt, channel: '12' });
    const asked = type.create(type.parse({ type: 'demo', url: demo.url })).asks?.(delivery);
    expect(asked).toBe(`POST to ${new URL(demo.url).host}`);
  });

  it('remember in which order what arrived', async () => {
    await deliver('add_product', shirt, { queueId: 501, fence: 9, attempt: 3 });
    await deliver('update_product', { sku: 'other' }, { queueId: 502 });
    expect((await show('/shops/12')).received).toEqual([
      {
        key: '501',
        instruction: 'add_product',
        entity: { kind: 'sku', key: 'TSH-RED-M' },
        attempt: 3,
        fence: 9,
        at: expect.stringMatching(/Z$/),
        status: 200,
      },
      expect.objectContaining({ key: '502', status: 404 }),
    ]);
  });

  it.each([
    [
      'an existing product',
      'add_product',
      shirt,
      fail('duplicate', 409, 'product shirt is in this shop already'),
    ],
    [
      'an update of what is not there',
      'update_product',
      { sku: 'TSH-RED-M' },
      fail('data', 404, 'no product TSH-RED-M in this shop'),
    ],
    [
      'a delete of what is not there',
      'delete_product',
      { sku: 'x' },
      fail('data', 404, 'no product x in this shop'),
    ],
    [
      'a variant that is not there',
      'delete_product_variant',
      { sku: 'x' },
      fail('data', 404, 'no variant x in this shop'),
    ],
    [
      'a product without title',
      'add_product',
      { sku: 'ocean-blue-shirt' },
      fail('data', 422, 'product "ocean-blue-shirt" has no title'),
    ],
    [
      'a title that is taken away',
      'update_product',
      { sku: 'shirt', title: ' ' },
      fail('data', 422, 'product "shirt" has no title'),
    ],
    [
      'a negative price',
      'add_product',
      { sku: 'a', title: 'A', price: -1 },
      fail('data', 422, 'product "a" has a negative price (-1)'),
    ],
    [
      'a negative price in text',
      'update_product',
      { sku: 'shirt', price: '-1.50' },
      fail('data', 422, 'product "shirt" has a negative price (-1.50)'),
    ],
    [
      'a negative price of a variant',
      'add_product',
      { sku: 'a', title: 'A', variants: [{ sku: 'a-1', price: -2 }] },
      fail('data', 422, 'variant "a-1" of product "a" has a negative price (-2)'),
    ],
  ])('refuse %s', async (_, instruction, data, outcome) => {
    await deliver('add_product', shirt);
    await expect(deliver(instruction, data as JsonObject)).resolves.toEqual(outcome);
  });

  it('carry an item out once, however often it comes', async () => {
    const item = { queueId: 7 };
    await deliver('add_product', { sku: 'late' }, { ...item, fence: 1 });
    await expect(deliver('add_product', shirt, { ...item, fence: 2 })).resolves.toMatchObject({
      kind: 'done',
    });
    await expect(deliver('add_product', shirt, { ...item, fence: 3 })).resolves.toMatchObject({
      kind: 'already-done',
    });
  });

  it('refuse a delivery whose place another took', async () => {
    await deliver('add_product', shirt, { queueId: 8, fence: 5 });
    await expect(deliver('add_product', shirt, { queueId: 8, fence: 4 })).resolves.toEqual(
      fail('conflict', 409, 'stale: fence 4 after fence 5'),
    );
  });

  it('check the signature where they were given the secret', async () => {
    const secret = makeSecret();
    secrets.set('12', secret);
    await expect(deliver('add_product', shirt, {}, { secret })).resolves.toMatchObject({
      kind: 'done',
    });
    await expect(deliver('add_product', shirt)).resolves.toMatchObject(
      fail('credentials', 401, 'the signature does not match'),
    );
  });

  it('take deliveries for another path when the URL names one', async () => {
    await deliver('add_product', shirt, {}, { url: `${demo.url}/shops/other` });
    expect(await show('/shops/other')).toMatchObject({ products: { shirt } });
  });

  it('are emptied by a delete', async () => {
    await deliver('add_product', shirt);
    await fetch(`${demo.url}/shops/12`, { method: 'DELETE' });
    expect(await show('/shops/12')).toMatchObject({ products: {}, received: [] });
  });
});

describe('a product that the demo shop takes in parts', () => {
  it('has its other variants and images there, and the next attempt sends the rest', async () => {
    const variants = [
      { sku: 's', price: 5 },
      { sku: 'm', price: -5 },
    ];
    const images = [{ src: 'https://cdn.example/1.jpg' }, { src: 'nowhere' }];
    const data = { sku: 'shirt', title: 'Shirt', variants, images };
    const parts: PartOfItem[] = [];
    const report = async (part: PartOfItem) => void parts.push(part);
    const item = { queueId: 77, report };
    await expect(deliver('add_product', data, item)).resolves.toMatchObject(
      fail('data', 422, 'variant "m" of product "shirt" has a negative price (-5)'),
    );
    expect(parts.map(({ kind, key, state }) => [kind, key, state])).toEqual([
      ['product', 'shirt', 'done'],
      ['variant', 's', 'done'],
      ['variant', 'm', 'failed'],
      ['image', 'https://cdn.example/1.jpg', 'done'],
      ['image', 'nowhere', 'failed'],
    ]);
    const better = {
      ...data,
      variants: [variants[0] ?? {}, { sku: 'm', price: 5 }],
      images: [images[0] ?? {}, { src: 'https://cdn.example/2.jpg' }],
    };
    const before = parts.splice(0);
    await expect(deliver('add_product', better, { ...item, parts: before })).resolves.toMatchObject(
      { kind: 'done' },
    );
    expect(parts.map(({ kind, key }) => [kind, key])).toEqual([
      ['variant', 'm'],
      ['image', 'https://cdn.example/2.jpg'],
    ]);
    expect(await show('/shops/12')).toMatchObject({
      variants: { s: { price: 5 }, m: { price: 5 } },
      images: { shirt: ['https://cdn.example/1.jpg', 'https://cdn.example/2.jpg'] },
    });
  });
});

describe('a look at the demo ERP', () => {
  const look = async (queueId: number) => {
    const type = demoType(exchangeFor());
    const connector = type.create(type.parse({ type: 'demo', url: demo.url }));
    const order = { instruction: 'add_order', data: { orderNumber: 1001 }, source: 'erp', queueId };
    return connector.verify?.(deliveryOf(order));
  };

  it('tells whether an order was carried out, and changes nothing', async () => {
    await expect(look(801)).resolves.toEqual({ kind: 'not-there' });
    await deliver('add_order', { orderNumber: 1001 }, { queueId: 801 });
    await expect(look(801)).resolves.toEqual({ kind: 'there', result: { key: '801' } });
    await expect(look(802)).resolves.toEqual({ kind: 'not-there' });
    expect((await show('/erps/erp')).received).toHaveLength(1);
  });

  it('tells nothing while the ERP is down or a page stands before it', async () => {
    for (const mode of ['down', 'wrong', 'throttling']) {
      await setFault({ mode });
      await expect(look(801)).resolves.toMatchObject({ kind: 'unknown' });
    }
  });
});

describe('the fault switch', () => {
  it.each([
    ['down', { mode: 'down' }, { kind: 'unknown', failure: { cause: 'connection' } }],
    ['throttling', { mode: 'throttling', retryAfter: 3 }, { kind: 'hold', forMs: 3_000 }],
    ['wrong', { mode: 'wrong' }, { kind: 'fail', failure: { cause: 'bug' } }],
  ])('%s keeps deliveries from the shop until it is off', async (_, fault, outcome) => {
    await setFault(fault);
    expect(await show('/fault')).toMatchObject(fault);
    await expect(deliver('add_product', shirt, { queueId: 9 })).resolves.toMatchObject(outcome);
    expect(await show('/shops/12')).toMatchObject({ products: {} });
    await setFault({ mode: 'none' });
    await expect(deliver('add_product', shirt, { queueId: 9 })).resolves.toEqual({
      kind: 'done',
      result: { key: '9' },
    });
  });

  it('slow carries the item out and answers late, so the next try finds it done', async () => {
    await setFault({ mode: 'slow', delayMs: 60_000 });
    const item = { queueId: 10 };
    await expect(deliver('add_product', shirt, item, { timeoutMs: 100 })).resolves.toMatchObject({
      kind: 'unknown',
    });
    await setFault({ mode: 'none' });
    await expect(deliver('add_product', shirt, item)).resolves.toMatchObject({
      kind: 'already-done',
    });
  });

  it('refuses a mode that it does not know', async () => {
    expect((await setFault({ mode: 'odd' })).status).toBe(422);
    expect(await show('/fault')).toMatchObject({ mode: 'none' });
  });
});

describe('the demo program', () => {
  it('shows an overview and its health', async () => {
    await deliver('add_product', shirt);
    const page = await (await fetch(demo.url)).text();
    expect(page).toContain('/shops/12  1 products, 0 orders, 1 deliveries');
    expect(await show('/healthz')).toEqual({ status: 'ok' });
  });

  it('stops before it started, twice, and amid a slow answer', async () => {
    await new DemoFarSide().stop();
    await setFault({ mode: 'slow', delayMs: 60_000 });
    const running = deliver('add_product', shirt);
    while (!(((await show('/shops/12')).received as unknown[]).length > 0));
    await Promise.all([demo.stop(), demo.stop()]);
    await expect(running).resolves.toMatchObject({ kind: 'unknown' });
    await demo.stop();
  });

  it('says when its port is taken', async () => {
    await expect(new DemoFarSide({ port: demo.port }).start()).rejects.toThrow('EADDRINUSE');
  });
});
