import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { runCli } from '../../../src/cli/program.js';

export interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: unknown;
}
export interface Reply {
  status?: number;
  body?: unknown;
  text?: string;
  headers?: Record<string, string>;
}

/** A server on a real socket that answers as told and remembers what it was asked. */
export async function fakeAndon(answer: (seen: Seen) => Reply) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const url = new URL(request.url ?? '/', 'http://fake');
    const one: Seen = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: text ? JSON.parse(text) : undefined,
    };
    seen.push(one);
    const reply = answer(one);
    const status = reply.status ?? 200;
    response.writeHead(status, { 'content-type': 'application/json', ...reply.headers });
    response.end(reply.text ?? (reply.body === undefined ? '' : JSON.stringify(reply.body)));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  return { url, seen, stop };
}

interface Terminal {
  env?: Record<string, string>;
  stdin?: string;
  tty?: boolean;
  columns?: number;
  /** What was run; the command `andon` unless given. */
  script?: string;
}

/** Runs one command line in this process and keeps what it wrote. */
export async function andon(args: string[], terminal: Terminal = {}) {
  const { tty = false, columns = 80 } = terminal;
  const written = { out: '', err: '' };
  const screen = (name: 'out' | 'err') => {
    const stream = new PassThrough();
    stream.on('data', (chunk) => {
      written[name] += String(chunk);
    });
    return Object.assign(stream, { isTTY: tty, columns });
  };
  const io = {
    stdin: Readable.from([terminal.stdin ?? '']),
    stdout: screen('out'),
    stderr: screen('err'),
    env: { ANDON_DATA_DIR: '/nowhere', ...terminal.env },
    argv: ['node', terminal.script ?? '/usr/bin/andon'],
  };
  const code = await runCli(['node', 'andon', ...args], () => {}, io);
  await new Promise(setImmediate);
  return { code, ...written };
}

export async function* chunksOf(text: string | Buffer, size = 7): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
