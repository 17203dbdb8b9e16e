import type { IncomingHttpHeaders } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import type { Delivery, Outcome } from '../../src/connectors/connector.js';
import { httpType } from '../../src/connectors/http.js';
import {
  bodyOf,
  deadPort,
  deliveryOf,
  exchangeFor,
  farSide,
  loopback,
  rawFarSide,
  tidy,
} from '../unit/connectors/far-side.js';

afterEach(tidy);

const deliver = (
  settings: { url: string; timeoutMs?: number; secret?: string; headers?: Record<string, string> },
  delivery: Delivery = deliveryOf(),
  networks: readonly string[] = loopback,
): Promise<Outcome> => {
  const type = httpType(exchangeFor(networks));
  return type.create(type.parse({ type: 'http', ...settings })).deliver(delivery);
};
const answering = (status: number, body = '', headers: Record<string, string> = {}) =>
  farSide((_, response) => response.writeHead(status, headers).end(body));

describe('a delivery by HTTP', () => {
  it('carries the item, its keys, and a signature that any Standard Webhooks library accepts', async () => {
    const seen: { headers: IncomingHttpHeaders; body: string; method?: string }[] = [];
    const url = await farSide(async (request, response) => {
      seen.push({ headers: request.headers, method: request.method, body: await bodyOf(request) });
      response.end();
    });
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const headers = { Authorization: 'Bearer shop-token' };
    await expect(deliver({ url, secret, headers })).resolves.toEqual({ kind: 'done' });

    const [{ method, headers: got, body }] = seen as [(typeof seen)[0]];
    expect(method).toBe('POST');
    expect(JSON.parse(body)).toEqual({
      queueId: 1042,
      instruction: 'add_product',
      description: 'Add product to Cape Shopify',
      mode: 'blocking',
      client: 'cape',
      source: null,
      channel: '12',
      entity: { kind: 'sku', key: 'TSH-RED-M' },
      attempt: 2,
      enqueuedAt: '2026-11-21T08:00:00.000Z',
      data: { sku: 'TSH-RED-M', title: 'Tee, red – größe M' },
      done: [],
    });
    expect(got).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': '1042',
      'x-andon-attempt': '2',
      'x-andon-fence': '77',
      'webhook-id': '1042',
      authorization: 'Bearer shop-token',
    });
    expect(() => new Webhook(secret).verify(body, got as Record<string, string>)).not.toThrow();
  });

  it('keeps its idempotency key over attempts', async () => {
    const keys: unknown[] = [];
    const url = await farSide((request, response) => {
      keys.push([request.headers['idempotency-key'], request.headers['webhook-id']]);
      response.end();
    });
    await deliver({ url }, deliveryOf({ attempt: 1, fence: 1 }));
    await deliver({ url }, deliveryOf({ attempt: 2, fence: 9 }));
    expect(keys).toEqual([
      ['1042', '1042'],
      ['1042', '1042'],
    ]);
  });

  it('hands the result on and the log lines to the item', async () => {
    const lines: string[] = [];
    const url = await answering(200, '\uFEFF{"result":{"id":9},"log":["made","shown"]}');
    await expect(deliver({ url }, deliveryOf({ lines }))).resolves.toEqual({
      kind: 'done',
      result: { id: 9 },
    });
    expect(lines).toEqual(['made', 'shown']);
  });

  const problem = { 'content-type': 'application/problem+json' };
  it.each<[string, [number, string?, Record<string, string>?], object]>([
    ['204 is done', [204], { kind: 'done' }],
    ['409 already_done is done', [409, '{"outcome":"already_done"}'], { kind: 'already-done' }],
    [
      'a declared error fails',
      [200, '{"error":"duplicate"}'],
      { kind: 'fail', failure: { message: 'duplicate', cause: 'duplicate', status: 200 } },
    ],
    [
      'a page fails',
      [200, '<html>', { 'content-type': 'text/html' }],
      {
        kind: 'fail',
        failure: {
          cause: 'bug',
          status: 200,
          message: 'the shop answered a page instead of JSON: is the URL right?',
        },
      },
    ],
    [
      '500 is tried again',
      [500, 'boom'],
      { kind: 'retry', failure: { message: 'boom', cause: 'connection', status: 500 } },
    ],
    [
      '429 holds',
      [429, '', { 'retry-after': '5' }],
      {
        kind: 'hold',
        forMs: 5_000,
        failure: { message: 'the shop answered 429', cause: 'throttled', status: 429 },
      },
    ],
    [
      '503 holds',
      [503, 'maintenance'],
      {
        kind: 'hold',
        failure: { message: 'maintenance', cause: 'connection', status: 503 },
      },
    ],
    [
      '401 fails',
      [401],
      {
        kind: 'fail',
        failure: { message: 'the shop answered 401', cause: 'credentials', status: 401 },
      },
    ],
    [
      '422 fails in the words of the shop',
      [422, '{"detail":"product \\"x\\" has no title"}', problem],
      {
        kind: 'fail',
        failure: { message: 'product "x" has no title', cause: 'data', status: 422 },
      },
    ],
    [
      'a redirect fails',
      [302, '', { location: '/login' }],
      {
        kind: 'fail',
        failure: {
          message: 'redirects are not followed: give the final URL (/login)',
          cause: 'bug',
          status: 302,
        },
      },
    ],
  ])('%s', async (_, answer, outcome) => {
    await expect(deliver({ url: await answering(...answer) })).resolves.toEqual(outcome);
  });

  it('calls the far side what it is', async () => {
    const url = await answering(500);
    for (const [instruction, who] of [
      ['add_order', 'ERP'],
      ['fulfill_order', 'service'],
    ] as const)
      await expect(deliver({ url }, deliveryOf({ instruction }))).resolves.toMatchObject({
        failure: { message: `the ${who} answered 500` },
      });
  });

  it('is tried again when nothing answers', async () => {
    const port = await deadPort();
    await expect(deliver({ url: `http://127.0.0.1:${port}/` })).resolves.toEqual({
      kind: 'retry',
      failure: {
        message: `nothing answers at 127.0.0.1:${port} (connection refused)`,
        cause: 'connection',
      },
    });
  });

  it('ends unknown when the far side hangs, drips or resets after it had the request', async () => {
    const hang = await rawFarSide(() => {});
    const drip = await rawFarSide((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n');
      const timer = setInterval(() => socket.write(' '), 5);
      socket.on('close', () => clearInterval(timer));
    });
    const reset = await rawFarSide((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf', () =>
        socket.resetAndDestroy(),
      );
    });
    const outcomes = await Promise.all(
      [hang, drip, reset].map((url) => deliver({ url, timeoutMs: 1_000 })),
    );
    expect(outcomes).toMatchObject(
      Array(3).fill({ kind: 'unknown', failure: { cause: 'connection' } }),
    );
  });

  it('fails when a success is followed by more than 8 MiB', async () => {
    const url = await farSide((_, response) => response.end(Buffer.alloc(2 ** 23 + 1, ' ')));
    await expect(deliver({ url })).resolves.toMatchObject({
      kind: 'fail',
      failure: { message: expect.stringMatching(/larger than 8 MiB/), cause: 'bug', status: 200 },
    });
  });

  it('never reaches a private network that nobody allowed', async () => {
    const url = (await answering(200)).replace('127.0.0.1', 'localhost');
    await expect(deliver({ url }, deliveryOf(), [])).resolves.toMatchObject({
      kind: 'fail',
      failure: { cause: 'data', message: expect.stringMatching(/ANDON_CONNECTOR_NETWORKS/) },
    });
  });

  it('that was aborted has no outcome: the reason is thrown', async () => {
    const abort = new AbortController();
    const reason = new Error('the lock was lost');
    const url = await farSide(() => abort.abort(reason));
    const delivery = deliveryOf({ signal: abort.signal });
    await expect(deliver({ url }, delivery)).rejects.toBe(reason);
    await expect(deliver({ url }, delivery)).rejects.toBe(reason);
  });
});

describe('the question by HTTP whether an item was carried out', () => {
  const look = (settings: object, delivery = deliveryOf()) => {
    const type = httpType(exchangeFor());
    return type.create(type.parse({ type: 'http', ...settings })).verify?.(delivery);
  };
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

  it('is not asked without a verifyUrl', () => {
    expect(look({ url: 'http://127.0.0.1/' })).toBeUndefined();
  });

  it('is signed like the delivery, brings the item, and cannot be taken for it', async () => {
    const seen: { headers: IncomingHttpHeaders; body: string }[] = [];
    const verifyUrl = await farSide(async (request, response) => {
      seen.push({ headers: request.headers, body: await bodyOf(request) });
      response.end('{"found": true, "result": {"invoice": "INV-7"}}');
    });
    const url = 'http://127.0.0.1:9/in';
    const headers = { Authorization: 'Bearer shop-token' };
    await expect(look({ url, verifyUrl, secret, headers })).resolves.toEqual({
      kind: 'there',
      result: { invoice: 'INV-7' },
    });
    const [{ headers: got, body }] = seen as [(typeof seen)[0]];
    expect(JSON.parse(body)).toMatchObject({ queueId: 1042, data: { sku: 'TSH-RED-M' } });
    expect(new Webhook(secret).verify(body, got as Record<string, string>)).toBeTruthy();
    expect(got['webhook-id']).toBe('verify-1042');
    expect(got).not.toHaveProperty('idempotency-key');
    expect(got).not.toHaveProperty('authorization'); // another address than that of the deliveries
  });

  it.each([
    [200, '{"found": false}', { kind: 'not-there' }],
    [200, '{"found": "no"}', { kind: 'unknown', failure: { cause: 'bug' } }],
    [200, '<html>', { kind: 'unknown' }],
    [404, '{"found": false}', { kind: 'unknown' }],
    [503, '', { kind: 'unknown', failure: { cause: 'connection', status: 503 } }],
  ])('%s %s is read for what it says', async (status, body, verdict) => {
    await expect(
      look({ url: 'http://127.0.0.1:9/', verifyUrl: await answering(status, body) }),
    ).resolves.toMatchObject(verdict);
  });

  it('that cannot be asked leaves it unknown', async () => {
    const verifyUrl = `http://127.0.0.1:${await deadPort()}/`;
    await expect(look({ url: 'http://127.0.0.1:9/', verifyUrl })).resolves.toMatchObject({
      kind: 'unknown',
      failure: { cause: 'connection', message: expect.stringMatching(/connection refused/) },
    });
  });
});

describe('an order by HTTP', () => {
  it('goes out on a connection of its own, so that a kept one that dies never has it sent twice', async () => {
    const sockets = new Set<unknown>();
    let arrived = 0;
    const url = await farSide((request, response) => {
      arrived += 1;
      // Each kept connection dies with its second request under way.
      if (sockets.has(request.socket)) request.socket.destroy();
      else response.end();
      sockets.add(request.socket);
    });
    const exchange = exchangeFor();
    const type = httpType(exchange);
    const http = type.create(type.parse({ type: 'http', url }));
    for (const kind of ['done', 'done', 'done']) {
      const outcome = await http.deliver(deliveryOf({ instruction: 'add_order' }));
      expect(outcome.kind).toBe(kind);
    }
    expect(arrived).toBe(3);
  });
});

describe('an answer by HTTP', () => {
  it('brings parts, also with a refusal, and what is done is told the next time', async () => {
    const bodies: { done: unknown }[] = [];
    const url = await farSide(async (request, response) => {
      bodies.push(JSON.parse(await bodyOf(request)));
      const parts = [
        { kind: 'product', key: 'shirt', state: 'done' },
        { kind: 'variant', key: 'm', state: 'failed', message: 'no\nprice' },
        { kind: 'variant', key: 's', state: 'half' },
        'nonsense',
      ];
      response.writeHead(422).end(JSON.stringify({ detail: 'no price', parts }));
    });
    const reported: unknown[] = [];
    const report = async (part: unknown) => void reported.push(part);
    await deliver({ url }, deliveryOf({ report }));
    expect(reported).toEqual([
      { kind: 'product', key: 'shirt', state: 'done' },
      { kind: 'variant', key: 'm', state: 'failed', message: 'no price' },
    ]);
    await deliver({ url }, deliveryOf({ parts: reported as never }));
    expect(bodies.map(({ done }) => done)).toEqual([[], [{ kind: 'product', key: 'shirt' }]]);
  });

  it('brings follow-ups', async () => {
    const followUps = [
      { instruction: 'add_product', channel: '12', data: { sku: 'x', title: 'x' } },
    ];
    const url = await answering(200, JSON.stringify({ followUps }));
    await expect(deliver({ url })).resolves.toEqual({ kind: 'done', result: undefined, followUps });
  });
});
