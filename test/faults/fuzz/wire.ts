import { connect } from 'node:net';
import { WIRE_CHANNEL } from './example.js';
import { ADMIN_KEY } from './target.js';

/** What is put on a connection: bytes, a wait in milliseconds, the end of our half, or a reset. */
type Step = string | Buffer | number | 'END' | 'RESET';

export interface WireCase {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Statuses in the order of their answers; null stands for "closed, or any 2xx to 4xx". */
  readonly answers: readonly number[] | null;
  /** Items that it makes. */
  readonly accepted: number;
  /** The server must end the connection within this. Milliseconds. */
  readonly closedWithinMs?: number;
}

const AUTH = `Authorization: Bearer ${ADMIN_KEY}\r\n`;
const HOST = 'Host: andon\r\n';
const item = (title: string) =>
  JSON.stringify({
    instruction: 'add_product',
    channel: WIRE_CHANNEL,
    data: { sku: title, title },
  });
const post = (headers: string, body = '', version = '1.1') =>
  `POST /v1/items HTTP/${version}\r\n${HOST}${AUTH}Content-Type: application/json\r\n${headers}\r\n${body}`;
const sized = (body: string, more = '') =>
  post(`Content-Length: ${Buffer.byteLength(body)}\r\n${more}`, body);
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const chunked = (pieces: string, more = '') =>
  post(`Transfer-Encoding: chunked\r\n${more}`, pieces);
const get = (path: string, more = '', version = '1.1') =>
  `GET ${path} HTTP/${version}\r\n${HOST}${AUTH}${more}\r\n`;
const CLOSE = 'Connection: close\r\n';
const body = item('wire');
const drip = (text: string, ms: number): Step[] => [...text].flatMap((one) => [one, ms]);

/**
 * What proxies, attackers and broken programs put on a socket. A request that could be read in two
 * ways must not be read at all.
 */
export const wireCases: readonly WireCase[] = [
  { name: 'a good request', steps: [sized(body, CLOSE)], answers: [202], accepted: 1 },
  { name: 'byte by byte', steps: drip(sized(body, CLOSE), 0), answers: [202], accepted: 1 },
  {
    name: 'in chunks',
    steps: [chunked(`${chunk(body.slice(0, 9))}${chunk(body.slice(9))}0\r\n\r\n`, CLOSE)],
    answers: [202],
    accepted: 1,
  },
  {
    name: 'HTTP/1.0',
    steps: [post(`Content-Length: ${body.length}\r\n`, body, '1.0')],
    answers: [202],
    accepted: 1,
  },
  {
    name: 'five in a pipeline',
    steps: [sized(body).repeat(4) + sized(body, CLOSE)],
    answers: [202, 202, 202, 202, 202],
    accepted: 5,
  },
  {
    name: 'half closed after the request',
    steps: [sized(body), 'END'],
    answers: null,
    accepted: 1,
  },
  {
    name: 'line breaks before the request',
    steps: [`\r\n\r\n${sized(body, CLOSE)}`],
    answers: [202],
    accepted: 1,
  },
  {
    name: 'absolute form',
    steps: [get('http://evil.example/healthz', CLOSE)],
    answers: null,
    accepted: 0,
  },
  {
    name: 'Content-Length and Transfer-Encoding',
    steps: [post(`Content-Length: 5\r\nTransfer-Encoding: chunked\r\n`, `${chunk(body)}0\r\n\r\n`)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'Transfer-Encoding and Content-Length',
    steps: [
      post(
        `Transfer-Encoding: chunked\r\nContent-Length: ${body.length}\r\n`,
        `0\r\n\r\n${sized(body)}`,
      ),
    ],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'two Content-Lengths',
    steps: [post(`Content-Length: ${body.length}\r\nContent-Length: 1\r\n`, body)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'a list of Content-Lengths',
    steps: [post(`Content-Length: ${body.length}, ${body.length}\r\n`, body)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'a negative Content-Length',
    steps: [post('Content-Length: -1\r\n', body)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'Content-Length +5',
    steps: [post(`Content-Length: +${body.length}\r\n`, body)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'Content-Length in hexadecimal',
    steps: [post('Content-Length: 0x10\r\n', body)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'an endless Content-Length',
    steps: [post(`Content-Length: ${'9'.repeat(40)}\r\n`, body)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'a Content-Length beyond the limit',
    closedWithinMs: 7_000,
    steps: [post('Content-Length: 99999999999\r\n', body)],
    answers: [413],
    accepted: 0,
  },
  {
    name: 'Transfer-Encoding: xchunked',
    steps: [post('Transfer-Encoding: xchunked\r\n', `${chunk(body)}0\r\n\r\n`)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'chunked twice',
    steps: [
      post(
        'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n',
        `${chunk(body)}0\r\n\r\n`,
      ),
    ],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'a blank before the colon',
    steps: [post(`Content-Length : ${body.length}\r\n`, body)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'a folded header',
    steps: [post(`X-A: b\r\n c: d\r\nContent-Length: ${body.length}\r\n`, body)],
    answers: null,
    accepted: 1,
  },
  {
    name: 'a bare line feed',
    steps: [post(`X-A: b\nContent-Length: ${body.length}\r\n`, body)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'a bare carriage return',
    steps: [post(`X-A: b\rContent-Length: 3\r\nContent-Length: ${body.length}\r\n`, body)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'a NUL in a header',
    steps: [post(`X-A: b\0c\r\nContent-Length: ${body.length}\r\n`, body)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'a chunk that is no number',
    steps: [chunked(`xyz\r\n${body}\r\n0\r\n\r\n`)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'a chunk longer than it says',
    steps: [chunked(`3\r\n${body}\r\n0\r\n\r\n`)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'a chunk of endless length',
    steps: [chunked(`fffffffffffffffff\r\n${body}`)],
    answers: [400],
    accepted: 0,
  },
  { name: 'a negative chunk', steps: [chunked(`-1\r\n${body}`)], answers: [400], accepted: 0 },
  {
    name: 'long chunk extensions',
    steps: [chunked(`1;${'x'.repeat(20_000)}\r\n{\r\n0\r\n\r\n`)],
    answers: [413],
    accepted: 0,
  },
  { name: 'chunks cut off', steps: [chunked(`ff\r\n${body}`), 'END'], answers: null, accepted: 0 },
  {
    name: 'headers of 20 KB',
    steps: [post(`X-A: ${'y'.repeat(20_000)}\r\nContent-Length: ${body.length}\r\n`, body)],
    answers: [431],
    accepted: 0,
  },
  {
    name: 'headers without end',
    steps: [
      `GET / HTTP/1.1\r\n${HOST}`,
      ...Array<string>(64).fill(`X-A: ${'y'.repeat(8_000)}\r\n`),
    ],
    answers: [431],
    accepted: 0,
  },
  {
    name: '3,000 headers',
    steps: [get('/healthz', `${'a: b\r\n'.repeat(3_000)}${CLOSE}`)],
    answers: null,
    accepted: 0,
  },
  {
    name: 'a path of 20 KB',
    steps: [get(`/${'x'.repeat(20_000)}`, CLOSE)],
    answers: [431],
    accepted: 0,
  },
  { name: 'a NUL in the path', steps: [get('/v1/items/1\0', CLOSE)], answers: [400], accepted: 0 },
  {
    name: 'a blank in the path',
    steps: [get('/v1/items/1 2', CLOSE)],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'bytes above ASCII in the path',
    steps: [Buffer.from(get('/v1/items/\xff\xc3', CLOSE), 'latin1')],
    answers: null,
    accepted: 0,
  },
  {
    name: 'no host',
    steps: [`GET /healthz HTTP/1.1\r\n${CLOSE}\r\n`],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'a method nobody knows',
    steps: [`HACK /v1/items HTTP/1.1\r\n${HOST}${CLOSE}\r\n`],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'CONNECT',
    steps: [`CONNECT evil.example:443 HTTP/1.1\r\n${HOST}\r\n`],
    answers: null,
    accepted: 0,
  },
  { name: 'HTTP/0.9', steps: ['GET /v1/items\r\n'], answers: null, accepted: 0 },
  { name: 'HTTP/2', steps: ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], answers: [400], accepted: 0 },
  { name: 'HTTP/9.9', steps: [get('/healthz', CLOSE, '9.9')], answers: [400], accepted: 0 },
  {
    name: 'TLS',
    steps: [Buffer.from('16030100f5010000f10303', 'hex')],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'garbage',
    steps: [Buffer.from(Array.from({ length: 500 }, (_, n) => (n * 131) % 256))],
    answers: [400],
    accepted: 0,
  },
  {
    name: 'garbage behind a request',
    steps: [`${sized(body)}\0\xff garbage\r\n\r\n`],
    answers: null,
    accepted: 1,
  },
  {
    name: 'Expect: 100-continue',
    steps: [post(`Expect: 100-continue\r\nContent-Length: ${body.length}\r\n${CLOSE}`), 20, body],
    answers: [100, 202],
    accepted: 1,
  },
  {
    name: 'another Expect',
    steps: [sized(body, `Expect: miracles\r\n${CLOSE}`)],
    answers: [417],
    accepted: 0,
  },
  {
    name: 'an upgrade',
    steps: [sized(body, 'Upgrade: h2c\r\nConnection: Upgrade, close\r\n')],
    answers: null,
    accepted: 1,
  },
  {
    name: 'a trailer',
    steps: [chunked(`${chunk(body)}0\r\nAuthorization: Bearer x.y\r\n\r\n`, CLOSE)],
    answers: [202],
    accepted: 1,
  },
  {
    name: 'a reset in the middle of a body',
    steps: [post('Content-Length: 5000\r\n', body), 20, 'RESET'],
    answers: null,
    accepted: 0,
  },
  {
    name: 'an end in the middle of the headers',
    steps: [get('/v1/items').slice(0, -30), 'END'],
    answers: null,
    accepted: 0,
  },
  { name: 'nothing at all', steps: ['END'], answers: null, accepted: 0 },
  {
    name: 'slow headers',
    steps: drip(`GET /healthz HTTP/1.1\r\n${HOST}X-A: ${'y'.repeat(40)}`, 100),
    answers: [408],
    accepted: 0,
    closedWithinMs: 4_000,
  },
  {
    name: 'a slow body',
    steps: [
      post('Content-Length: 5000\r\n'),
      ...drip('{"instruction":"add_product","channel":"w1","data":{}'.repeat(2), 100),
    ],
    answers: [408],
    accepted: 0,
    closedWithinMs: 7_000,
  },
  {
    name: 'a body that never comes',
    steps: [post('Content-Length: 50\r\n')],
    answers: [408],
    accepted: 0,
    closedWithinMs: 7_000,
  },
  {
    name: 'a connection that says nothing',
    steps: [],
    answers: null,
    accepted: 0,
    closedWithinMs: 8_000,
  },
];

export interface WireResult {
  readonly statuses: readonly number[];
  readonly queueIds: readonly number[];
  readonly text: string;
  /** Whether the server ended it. */
  readonly closed: boolean;
  readonly ms: number;
}

const PATIENCE_MS = 12_000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Plays the steps on a connection of its own, and gathers all that comes back until it ends. */
export function play(port: number, steps: readonly Step[]): Promise<WireResult> {
  return new Promise((resolve) => {
    const from = performance.now();
    const chunks: Buffer[] = [];
    let over = false;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.setNoDelay(true);
    const end = (closed: boolean) => {
      if (over) return;
      over = true;
      clearTimeout(patience);
      socket.destroy();
      const text = Buffer.concat(chunks).toString('latin1');
      resolve({
        statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status)),
        queueIds: text
          .split('HTTP/1.1 ')
          .filter((answer) => answer.startsWith('202'))
          .flatMap((answer) => [...answer.matchAll(/"queueId":(\d+)/g)])
          .map(([, id]) => Number(id)),
        text,
        closed,
        ms: Math.round(performance.now() - from),
      });
    };
    const patience = setTimeout(() => end(false), PATIENCE_MS);
    socket.on('data', (data: Buffer) => chunks.push(data));
    socket.on('end', () => end(true));
    socket.on('close', () => end(true));
    // A reset is one way to be closed.
    socket.on('error', () => end(true));
    socket.on('connect', async () => {
      for (const step of steps) {
        if (over) return;
        if (typeof step === 'number') await pause(step);
        else if (step === 'END') socket.end();
        else if (step === 'RESET') socket.resetAndDestroy();
        else if (!socket.write(step, 'latin1') && !over)
          await Promise.race([
            new Promise((drained) => socket.once('drain', drained)),
            pause(1_000),
          ]);
      }
    });
  });
}

/** What is wrong with what came back, or null. */
export function judgeWire(one: WireCase, result: WireResult): string | null {
  const { statuses, queueIds, closed, ms, text } = result;
  const says = (what: string) =>
    `${one.name}: ${what} (${statuses.join(', ') || 'no answer'} after ${ms} ms) ${text.slice(0, 200)}`;
  if (!closed) return says('the connection was left open');
  if (one.closedWithinMs !== undefined && ms > one.closedWithinMs) return says('closed too late');
  // Node says so once more when the rest of a body that was refused never comes.
  const told = statuses.length > 1 && statuses.at(-1) === 408 ? statuses.slice(0, -1) : statuses;
  if (one.answers !== null && one.answers.join() !== told.join())
    return says(`not answered ${one.answers.join(', ')}`);
  if (statuses.some((status) => status >= 500)) return says('an error of the server');
  if (queueIds.length > one.accepted) return says(`${queueIds.length} items, not ${one.accepted}`);
  return null;
}

const lines = [
  sized(body, CLOSE),
  chunked(`${chunk(body)}0\r\n\r\n`, CLOSE),
  get('/v1/items', CLOSE),
];

/** A request whose bytes were changed at random, for the campaign. */
export function mutated(by: {
  between(a: number, b: number): number;
  one<T>(of: readonly T[]): T;
}): Buffer {
  const bytes = [...Buffer.from(by.one(lines))];
  for (let n = by.between(1, 4); n > 0; n -= 1) {
    const at = by.between(0, bytes.length - 1);
    by.one([
      () => bytes.splice(at, 1, by.between(0, 255)),
      () => bytes.splice(at, by.between(1, 8)),
      () =>
        bytes.splice(
          at,
          0,
          ...Buffer.from(
            by.one(['\r\n', '\0', ' ', ':', '0', '\xff', '\r\n\r\n', 'Content-Length: 1\r\n']),
          ),
        ),
      () => bytes.splice(at, 0, ...bytes.slice(at, at + by.between(1, 40))),
    ])();
  }
  return Buffer.from(bytes);
}
