import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { BODY_LIMIT, type Exchange } from '../../../src/connectors/exchange.js';
import { deadPort, exchangeFor, farSide, rawFarSide, tidy, tlsFarSide } from './far-side.js';

afterEach(tidy);

const post = (exchange: Exchange, url: string, timeoutMs = 5_000, signal?: AbortSignal) =>
  exchange.send({ method: 'POST', url: new URL(url), headers: {}, body: '{}', timeoutMs, signal });

describe('an exchange', () => {
  it('answers status, headers and body', async () => {
    const url = await farSide((_, response) => response.writeHead(201, { 'x-a': 'b' }).end('hé'));
    const answer = await post(exchangeFor(), url);
    expect(answer).toMatchObject({ status: 201, body: 'hé', headers: { 'x-a': 'b' } });
  });

  it('does not follow redirects', async () => {
    let requests = 0;
    const url = await farSide((_, response) => {
      requests += 1;
      response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
    });
    const answer = await post(exchangeFor(), url);
    expect([answer.status, requests]).toEqual([302, 1]);
  });

  it('uses one connection for many exchanges', async () => {
    const ports = new Set<number | undefined>();
    const url = await farSide((request, response) => {
      ports.add(request.socket.remotePort);
      request.resume().on('end', () => response.end('ok'));
    });
    const exchange = exchangeFor();
    for (let i = 0; i < 5; i++) await post(exchange, url);
    expect(ports.size).toBe(1);
  });

  it('tries a fresh connection when the far side closed the kept one at that moment', async () => {
    const url = await rawFarSide((socket, nth) => {
      if (nth === 2) socket.destroy();
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    });
    const exchange = exchangeFor();
    await post(exchange, url);
    await expect(post(exchange, url)).resolves.toMatchObject({ status: 200 });
  });

  it('does not send again when a fresh connection was reset', async () => {
    let requests = 0;
    const url = await rawFarSide((socket) => {
      requests += 1;
      socket.resetAndDestroy();
    });
    await expect(post(exchangeFor(), url)).rejects.toMatchObject({
      kind: 'network',
      message: expect.stringMatching(/closed the connection before its answer was complete/),
    });
    expect(requests).toBe(1);
  });

  it('says when nothing answers', async () => {
    const port = await deadPort();
    await expect(post(exchangeFor(), `http://127.0.0.1:${port}/`)).rejects.toMatchObject({
      kind: 'network',
      message: `nothing answers at 127.0.0.1:${port} (connection refused)`,
    });
  });

  it('says when a name does not exist', async () => {
    const exchange = exchangeFor([], async (host) => {
      throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' });
    });
    await expect(post(exchange, 'https://shop.example/')).rejects.toMatchObject({
      kind: 'network',
      message: 'the name of shop.example:443 does not exist',
    });
  });

  it('says when the far side does not speak HTTP', async () => {
    const url = await rawFarSide((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    await expect(post(exchangeFor(), url)).rejects.toMatchObject({
      kind: 'network',
      message: expect.stringMatching(/is not HTTP$/),
    });
  });

  it('says when the far side does not speak HTTPS', async () => {
    const url = await rawFarSide((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expect(post(exchangeFor(), url.replace('http:', 'https:'))).rejects.toMatchObject({
      kind: 'network',
      message: expect.stringMatching(/does not speak HTTPS$/),
    });
  });

  const stalls: [string, (socket: Socket) => void][] = [
    ['hangs before the headers', () => {}],
    ['hangs amid the headers', (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-')],
    [
      'hangs before the body',
      (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n'),
    ],
    [
      'drips a byte at a time',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n');
        const drip = setInterval(() => socket.write('x'), 5);
        socket.on('close', () => clearInterval(drip));
      },
    ],
    [
      'drips its headers',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nx-a: ');
        const drip = setInterval(() => socket.write('x'), 5);
        socket.on('close', () => clearInterval(drip));
      },
    ],
    [
      'sends interim answers for ever',
      (socket) => {
        const drip = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 5);
        socket.on('close', () => clearInterval(drip));
      },
    ],
  ];
  it.each(stalls)('ends at its deadline when the far side %s', async (_, stall) => {
    const closed: Promise<unknown>[] = [];
    const url = await rawFarSide((socket) => {
      // A reset on the way is fine here: `once` would take it for a failure.
      closed.push(new Promise((resolve) => socket.once('close', resolve)));
      stall(socket);
    });
    const started = Date.now();
    await expect(post(exchangeFor(), url, 100)).rejects.toMatchObject({
      kind: 'timeout',
      message: `${new URL(url).host} gave no answer within 0.1 s`,
    });
    expect(Date.now() - started).toBeLessThan(1_000);
    await Promise.all(closed);
  });

  it('ends at its deadline when the name server does not answer', async () => {
    const exchange = exchangeFor([], () => new Promise(() => {}));
    await expect(post(exchange, 'http://shop.example/', 50)).rejects.toMatchObject({
      kind: 'timeout',
      message: 'shop.example:80 gave no answer within 0.05 s',
    });
  });

  it('is not hurt by a connection that changes protocol', async () => {
    const url = await rawFarSide((socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    );
    await expect(post(exchangeFor(), url, 100)).rejects.toMatchObject({
      kind: 'network',
      message: expect.stringMatching(/ended without an answer/),
    });
  });

  it.each([
    ['a body cut short', 'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf'],
    [
      'a chunked body cut short',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n',
    ],
  ])('never takes %s for a whole one', async (_, bytes) => {
    const url = await rawFarSide((socket) => socket.end(bytes));
    await expect(post(exchangeFor(), url)).rejects.toMatchObject({ kind: 'network' });
  });

  it('survives a broken chunk in the packet of the headers', async () => {
    const url = await rawFarSide((socket) =>
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'),
    );
    await expect(post(exchangeFor(), url)).rejects.toMatchObject({ kind: 'network' });
  });

  it('stops reading an endless body', async () => {
    let closed: Promise<unknown> | undefined;
    const url = await farSide((_, response) => {
      closed = once(response, 'close');
      const pour = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
      };
      response.on('drain', pour);
      pour();
    });
    await expect(post(exchangeFor(), url)).rejects.toMatchObject({
      kind: 'too-large',
      answer: { status: 200 },
    });
    await closed;
  });

  it('reads a body of exactly the limit', async () => {
    const url = await farSide((_, response) => response.end(Buffer.alloc(BODY_LIMIT, 'x')));
    expect((await post(exchangeFor(), url)).body).toHaveLength(BODY_LIMIT);
  });

  it('ends at once when it is aborted, or was before it began', async () => {
    const abort = new AbortController();
    const url = await farSide(() => abort.abort());
    await expect(post(exchangeFor(), url, 5_000, abort.signal)).rejects.toMatchObject({
      kind: 'aborted',
    });
    await expect(post(exchangeFor(), url, 5_000, abort.signal)).rejects.toMatchObject({
      kind: 'aborted',
    });
  });

  it('reaches no forbidden address, written in the URL or behind a name', async () => {
    let requests = 0;
    const url = await farSide((_, response) => {
      requests += 1;
      response.end();
    });
    const refused = {
      kind: 'refused-address',
      message: expect.stringMatching(/ANDON_CONNECTOR_NETWORKS/),
    };
    await expect(post(exchangeFor([]), url)).rejects.toMatchObject(refused);
    const named = url.replace('127.0.0.1', 'shop.example');
    const exchange = exchangeFor([], async () => [{ address: '127.0.0.1', family: 4 }]);
    await expect(post(exchange, named)).rejects.toMatchObject(refused);
    expect(requests).toBe(0);
  });

  it('asks for the address once and connects to that one, so rebinding a name gains nothing', async () => {
    const url = await farSide((request, response) => response.end(request.headers.host));
    const answers = ['127.0.0.1', '10.0.0.1', '10.0.0.1'];
    let asked = 0;
    const exchange = exchangeFor(['127.0.0.0/8'], async () => [
      { address: answers[asked++] ?? '', family: 4 },
    ]);
    const named = new URL(url.replace('127.0.0.1', 'shop.example'));
    expect((await post(exchange, named.href)).body).toBe(named.host);
    expect(asked).toBe(1);
  });

  it('refuses a name that was rebound to a forbidden address between two exchanges', async () => {
    const url = await farSide((_, response) => response.setHeader('connection', 'close').end());
    const answers = ['127.0.0.1', '10.0.0.1'];
    const exchange = exchangeFor(['127.0.0.0/8'], async () => [
      { address: answers.shift() ?? '', family: 4 },
    ]);
    const named = url.replace('127.0.0.1', 'shop.example');
    await post(exchange, named);
    await expect(post(exchange, named)).rejects.toMatchObject({ kind: 'refused-address' });
  });

  /** How the exchange ended: of what kind, and whether anything can have arrived. */
  const endOf = async (url: string, exchange = exchangeFor(), timeoutMs = 200) =>
    post(exchange, url, timeoutMs).then(
      () => null,
      ({ kind, sent }) => ({ kind, sent }),
    );

  it('knows that nothing was sent when no connection stood', async () => {
    const dead = `http://127.0.0.1:${await deadPort()}/`;
    expect(await endOf(dead)).toEqual({ kind: 'network', sent: false });
    const unnamed = exchangeFor([], async () => {
      throw Object.assign(new Error('no'), { code: 'ENOTFOUND' });
    });
    expect(await endOf('http://shop.example/', unnamed)).toEqual({ kind: 'network', sent: false });
    const unlooked = exchangeFor([], () => new Promise(() => {}));
    expect(await endOf('http://shop.example/', unlooked)).toEqual({ kind: 'timeout', sent: false });
    expect(await endOf(dead, exchangeFor([]))).toEqual({ kind: 'refused-address', sent: false });
    const plain = await rawFarSide((socket) => socket.end('no TLS here\r\n'));
    expect(await endOf(plain.replace('http:', 'https:'))).toMatchObject({ sent: false });
    const mute = await rawFarSide(() => {});
    expect(await endOf(mute.replace('http:', 'https:'))).toEqual({ kind: 'timeout', sent: false });
  });

  it('knows that the request may have arrived once a connection stood', async () => {
    const hang = await rawFarSide(() => {});
    expect(await endOf(hang)).toEqual({ kind: 'timeout', sent: true });
    const reset = await rawFarSide((socket) => void socket.resetAndDestroy());
    expect(await endOf(reset)).toEqual({ kind: 'network', sent: true });
    const cut = await rawFarSide((socket) =>
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nha'),
    );
    expect(await endOf(cut)).toEqual({ kind: 'network', sent: true });
  });

  it('knows it of a connection that was kept, too', async () => {
    const url = await rawFarSide((socket, nth) => {
      if (nth === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    });
    const exchange = exchangeFor();
    await post(exchange, url);
    expect(await endOf(url, exchange)).toEqual({ kind: 'timeout', sent: true });
  });

  it('does not accept a certificate that nobody it trusts has signed', async () => {
    const { url } = await tlsFarSide('localhost');
    await expect(post(exchangeFor(), url)).rejects.toMatchObject({
      kind: 'network',
      sent: false,
      message: expect.stringMatching(/^the certificate of localhost:\d+ is not accepted/),
    });
  });

  it('does not accept a trusted certificate for another name, and says so', async () => {
    const { url, certificate } = await tlsFarSide('other.example');
    // What a process trusts is settled when it starts.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['test/unit/connectors/send-once.mjs', url],
      { env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate } },
    );
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'network',
      sent: false,
      message: expect.stringMatching(/^localhost:\d+ shows a certificate for another name/),
    });
  });
});
