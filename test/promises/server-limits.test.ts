import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { pause } from '../../src/lifecycle.js';
import { Api, BOOTSTRAP_KEY } from '../support/api.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const api = await Api.start(redis, { config: 'test/support/short-limits.yaml' });

interface Line {
  readonly socket: Socket;
  /** What came, once the server has ended the connection. */
  readonly end: Promise<string>;
}

async function open(): Promise<Line> {
  const { hostname, port } = new URL(api.url);
  const socket = connect({ host: hostname, port: Number(port) });
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  socket.on('error', () => {});
  const end = once(socket, 'close').then(() => text);
  await Promise.race([once(socket, 'connect'), end]);
  return { socket, end };
}

const START = 'POST /v1/items HTTP/1.1\r\nHost: andon\r\n';
const AUTH = `Authorization: Bearer ${BOOTSTRAP_KEY}\r\nContent-Type: application/json\r\n`;

/** A byte now and then, until the server has had enough. */
async function drip({ socket, end }: Line, text: string): Promise<string> {
  let over = false;
  void end.then(() => {
    over = true;
  });
  for (const byte of text) {
    if (over) break;
    socket.write(byte);
    await pause(20);
  }
  return end;
}

describe('nobody takes up the server for long', () => {
  test('headers that come a byte at a time are given up', async () => {
    expect(await drip(await open(), `${START}X-A: ${'y'.repeat(1_000)}`)).toMatch(
      /^HTTP\/1.1 408 /,
    );
  });

  test('so is a body that comes a byte at a time', async () => {
    const line = await open();
    line.socket.write(`${START}${AUTH}Content-Length: 5000\r\n\r\n`);
    expect(await drip(line, ' '.repeat(1_000))).toMatch(/^HTTP\/1.1 408 /);
  });

  test('a connection that says nothing is ended, and so is one that has been answered', async () => {
    const silent = await open();
    const answered = await open();
    answered.socket.write('GET /healthz HTTP/1.1\r\nHost: andon\r\n\r\n');
    expect(await answered.end).toMatch(/^HTTP\/1.1 200 /);
    expect(await silent.end).not.toMatch(/HTTP\/1.1 [25]/);
  });

  test('headers larger than the limit are refused', async () => {
    const line = await open();
    line.socket.write(`${START}X-A: ${'y'.repeat(5_000)}\r\n\r\n`);
    expect(await line.end).toMatch(/^HTTP\/1.1 431 /);
  });

  test('a body that says it is too large is refused before it comes', async () => {
    const line = await open();
    let first = '';
    line.socket.once('data', (chunk: Buffer) => {
      first = chunk.toString();
    });
    line.socket.write(`${START}${AUTH}Content-Length: 99999999999\r\n\r\n`);
    await until('an answer', async () => first || null);
    expect(first).toMatch(/^HTTP\/1.1 413 /);
    line.socket.destroy();
  });

  test('a client that does not fetch its answers is ended', async () => {
    const line = await open();
    line.socket.pause();
    // More answers than the buffers of both sides hold.
    const many = 'GET /openapi.json HTTP/1.1\r\nHost: andon\r\n\r\n'.repeat(500);
    line.socket.write(many);
    await until('the server to have ended it', async () => {
      // Not read by the server, which waits for its answers to leave: only an end is felt.
      line.socket.write('\r\n');
      return line.socket.destroyed || null;
    });
  });

  test('a client that sends many requests at once is answered, and one that sends no end of them is ended', async () => {
    const ask = 'GET /healthz HTTP/1.1\r\nHost: andon\r\n\r\n';
    const line = await open();
    let text = '';
    line.socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    line.socket.write(ask.repeat(40));
    await until('40 answers', () => text.split('HTTP/1.1 200').length === 41);
    line.socket.write(
      `GET /v1/queues HTTP/1.1\r\nHost: andon\r\nAuthorization: Bearer ${BOOTSTRAP_KEY}\r\n\r\n`.repeat(
        200,
      ),
    );
    // Ended with requests unread, a connection may end in a reset.
    await line.end.catch((error: NodeJS.ErrnoException) => expect(error.code).toBe('ECONNRESET'));
    expect(text.split('HTTP/1.1 200').length).toBeLessThan(40 + 200);
  });

  test('connections beyond the limit are closed, and there is room again when others are over', async () => {
    const held = await Promise.all(Array.from({ length: 30 }, open));
    const texts = await Promise.all(held.map(({ end }) => end));
    expect(texts.filter((text) => text === '').length).toBeGreaterThan(0);
    expect(texts.filter((text) => / 408 /.test(text)).length).toBeGreaterThanOrEqual(10);
    expect((await api.call('GET', '/healthz')).status).toBe(200);
  });
});
