import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Delivery } from '../../../src/connectors/connector.js';
import { Exchange } from '../../../src/connectors/exchange.js';
import { NetworkGuard, type Resolve } from '../../../src/connectors/network.js';
import { loadCatalogue } from '../../../src/instructions/catalogue.js';

/** Things to put away when a test ends; call `tidy` in `afterEach`. */
const open: (() => Promise<void> | void)[] = [];

export async function tidy(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close();
}

export const later = (close: () => Promise<void> | void): void => void open.push(close);

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  later(async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return (server.address() as AddressInfo).port;
}

/** A real HTTP server on loopback; answers its URL. */
export const farSide = async (handle: RequestListener): Promise<string> =>
  `http://127.0.0.1:${await listen(createServer(handle))}/in`;

/** Writes what it likes on the bare connection once a request has begun to arrive. */
export const rawFarSide = async (
  handle: (socket: Socket, nth: number) => void,
): Promise<string> => {
  let nth = 0;
  const server = createTcpServer((socket) => {
    socket.on('data', () => handle(socket, ++nth));
  });
  return `http://127.0.0.1:${await listen(server)}/in`;
};

/** An HTTPS server on loopback whose certificate, signed by itself, is for `name`; answers its URL, and the certificate's path. */
export async function tlsFarSide(name: string): Promise<{ url: string; certificate: string }> {
  const { key, certificate } = certificateFor(name);
  const files = { key: readFileSync(key, 'utf8'), cert: readFileSync(certificate, 'utf8') };
  const server = createTlsServer(files, (_, response) => response.end());
  return { url: `https://localhost:${await listen(server)}/in`, certificate };
}

function certificateFor(name: string): { key: string; certificate: string } {
  const directory = mkdtempSync(join(tmpdir(), 'andon-tls-'));
  const [key, cert] = [join(directory, 'key'), join(directory, 'cert')];
  execFileSync(
    'openssl',
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -keyout ${key} -out ${cert} -subj /CN=${name} -addext subjectAltName=DNS:${name}`.split(
      ' ',
    ),
    { stdio: 'ignore' },
  );
  later(() => rmSync(directory, { recursive: true }));
  return { key, certificate: cert };
}

/** A port on which nothing listens. */
export async function deadPort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export const loopback = ['127.0.0.0/8', '::1/128'];

export function exchangeFor(networks: readonly string[] = loopback, resolve?: Resolve): Exchange {
  const exchange = new Exchange(new NetworkGuard(networks, resolve));
  later(() => exchange.close());
  return exchange;
}

const catalogue = loadCatalogue();

export function deliveryOf(
  over: Partial<Omit<Delivery, 'log'>> & { lines?: string[] } = {},
): Delivery {
  const { lines = [], ...rest } = over;
  const entry = catalogue.get(over.instruction ?? 'add_product');
  if (!entry) throw new Error(`no instruction ${over.instruction}`);
  return {
    queueId: 1042,
    instruction: entry.instruction,
    entry,
    description: 'Add product to Cape Shopify',
    mode: 'blocking',
    client: 'cape',
    source: null,
    channel: '12',
    entity: { kind: 'sku', key: 'TSH-RED-M' },
    attempt: 2,
    fence: 77,
    enqueuedAt: '2026-11-21T08:00:00.000Z',
    data: { sku: 'TSH-RED-M', title: 'Tee, red – größe M' },
    signal: new AbortController().signal,
    log: (line) => void lines.push(line),
    parts: [],
    progress: () => {},
    report: async () => {},
    ...rest,
  };
}
