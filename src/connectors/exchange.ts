import * as http from 'node:http';
import * as https from 'node:https';
import { messageOf } from '../errors.js';
import { inSpan, noteFailure, SpanKind, traceparent } from '../traces.js';
import { AddressRefused, type NetworkGuard } from './network.js';

/** Longest body that is read unless more is asked for, in bytes. */
export const BODY_LIMIT = 1024 * 1024;

/** Idle connections are closed after this time: before Node's own servers do (5 s). Milliseconds. */
const IDLE_MS = 4_000;

/** How long one address of a name may take to connect before the next is tried; Node's 250 ms is less than a trip round the world. */
const CONNECT_ATTEMPT_MS = 2_500;

export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** On a connection of its own: one that was kept may die so that nobody knows what arrived. */
  readonly fresh?: boolean;
  /** Longest answer that is read, in bytes; `BODY_LIMIT` unless given. */
  readonly bodyLimit?: number;
  /** For everything from the name's look-up to the last byte of the answer. Milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** The far side may know which trace this belongs to. */
  readonly tellTrace?: boolean;
}

/** What came back, whatever its status: redirects are not followed. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<http.IncomingHttpHeaders>;
  readonly body: string;
}

export type ExchangeProblem = 'timeout' | 'network' | 'refused-address' | 'too-large' | 'aborted';

/** No whole answer came. The far side may have carried out the request all the same. */
export class ExchangeError extends Error {
  readonly kind: ExchangeProblem;
  /** The part of the answer that is known when its body was too large. */
  readonly answer: Answer | undefined;
  /** False: nothing of the request can have arrived, so it is safe to send it again. */
  sent = false;
  constructor(kind: ExchangeProblem, message: string, answer?: Answer) {
    super(message);
    this.name = 'ExchangeError';
    this.kind = kind;
    this.answer = answer;
  }
}

/** Sends a request and reads the answer, both whole, to permitted addresses only. Keeps connections alive until `close`. */
export class Exchange {
  readonly guard: NetworkGuard;
  private readonly kept: Record<string, http.Agent>;

  constructor(guard: NetworkGuard) {
    this.guard = guard;
    this.kept = { 'http:': this.agent('http:', true), 'https:': this.agent('https:', true) };
  }

  /** @throws ExchangeError and nothing else. */
  send(asked: Asked): Promise<Answer> {
    const { method, url } = asked;
    // Not the whole URL: paths and queries of some far sides are as good as passwords.
    const attributes = () => ({
      'http.request.method': method,
      'server.address': url.hostname,
      'server.port': Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
    });
    return inSpan(method, { kind: SpanKind.CLIENT, attributes }, async (span) => {
      const parent = asked.tellTrace ? traceparent() : '';
      const headers = parent ? { ...asked.headers, traceparent: parent } : asked.headers;
      const answer = await this.exchange({ ...asked, headers });
      span.setAttribute('http.response.status_code', answer.status);
      if (answer.status >= 400) noteFailure(span, String(answer.status), `${answer.status}`);
      return answer;
    });
  }

  private async exchange(asked: Asked): Promise<Answer> {
    const at = placeOf(asked.url);
    const progress: Progress = { sent: false };
    const stop = new AbortController();
    const end = (kind: ExchangeProblem, message: string) => () =>
      stop.abort(new ExchangeError(kind, message));
    const late = end('timeout', `${at} gave no answer within ${asked.timeoutMs / 1000} s`);
    const abort = end('aborted', `the exchange with ${at} was aborted`);
    const timer = setTimeout(late, asked.timeoutMs);
    asked.signal?.addEventListener('abort', abort, { once: true });
    try {
      if (asked.signal?.aborted) abort();
      stop.signal.throwIfAborted();
      const refusal = this.guard.refusal(asked.url.hostname);
      if (refusal) throw refusal;
      return await this.tryTwice(asked, stop.signal, progress);
    } catch (error) {
      // Whatever an ended exchange failed with, the reason is why it was ended.
      const problem: ExchangeError = stop.signal.aborted ? stop.signal.reason : explain(error, at);
      problem.sent = progress.sent;
      throw problem;
    } finally {
      clearTimeout(timer);
      asked.signal?.removeEventListener('abort', abort);
    }
  }

  close(): void {
    for (const agent of Object.values(this.kept)) agent.destroy();
  }

  /** A far side may close an idle connection just as it is used again. That says nothing about the far side, so a fresh one is tried. */
  private async tryTwice(asked: Asked, signal: AbortSignal, progress: Progress): Promise<Answer> {
    const own = () => this.agent(asked.url.protocol, false);
    if (asked.fresh) return await once(asked, signal, progress, own());
    try {
      return await once(asked, signal, progress, this.kept[asked.url.protocol]);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      return await once(asked, signal, progress, own());
    }
  }

  private agent(protocol: string, keepAlive: boolean): http.Agent {
    return new (protocol === 'https:' ? https : http).Agent({
      keepAlive,
      timeout: IDLE_MS,
      lookup: this.guard.lookup,
      autoSelectFamilyAttemptTimeout: CONNECT_ATTEMPT_MS,
    });
  }
}

class StaleConnection extends Error {}

interface Progress {
  /** A connection stood, so that the request was on its way. */
  sent: boolean;
}

function once(
  asked: Asked,
  signal: AbortSignal,
  progress: Progress,
  agent: http.Agent | undefined,
): Promise<Answer> {
  const { url, method, headers, body } = asked;
  return new Promise((resolve, reject) => {
    const { request: open } = url.protocol === 'https:' ? https : http;
    const request = open(url, { method, headers, signal, agent });
    let answered = false;
    request.on('socket', (socket) => {
      const onItsWay = () => {
        progress.sent = true;
      };
      if (request.reusedSocket) onItsWay();
      else socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', onItsWay);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const closed = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      const stale = closed && request.reusedSocket && !answered && !signal.aborted;
      reject(stale ? new StaleConnection() : error);
    });
    request.on('response', (response) => {
      answered = true;
      read(response, placeOf(url), asked.bodyLimit ?? BODY_LIMIT).then(resolve, reject);
    });
    // Neither may leave the caller waiting: an unasked-for protocol change ends without an error.
    request.on('close', () => answered || reject(new Error('it ended without an answer')));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    request.end(body);
  });
}

async function read(response: http.IncomingMessage, at: string, limit: number): Promise<Answer> {
  const answer = { status: response.statusCode ?? 0, headers: response.headers, body: '' };
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      const most = `${limit / 1024 / 1024} MiB`;
      throw new ExchangeError('too-large', `the answer of ${at} is larger than ${most}`, answer);
    }
    chunks.push(chunk);
  }
  // Unlike Buffer's, this drops the byte order mark that some shops put before their JSON.
  return { ...answer, body: new TextDecoder().decode(Buffer.concat(chunks)) };
}

const placeOf = (url: URL): string =>
  `${url.hostname}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`;

function explain(error: unknown, at: string): ExchangeError {
  if (error instanceof ExchangeError) return error;
  if (error instanceof AddressRefused) return new ExchangeError('refused-address', error.message);
  return new ExchangeError('network', words(error, at));
}

function words(error: unknown, at: string): string {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing answers at ${at} (connection refused)`;
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `nothing answers at ${at} (it cannot be reached from here)`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `${at} closed the connection before its answer was complete`;
    case 'ENOTFOUND':
      return `the name of ${at} does not exist`;
    case 'EAI_AGAIN':
      return `the name of ${at} cannot be looked up at present`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `${at} shows a certificate for another name (${messageOf(error)})`;
    case 'EPROTO':
      return `${at} does not speak HTTPS`;
  }
  if (code.startsWith('HPE_')) return `what ${at} answers is not HTTP`;
  if (/CERT|SIGNATURE|ISSUER/.test(code))
    return `the certificate of ${at} is not accepted (${messageOf(error)})`;
  return `the exchange with ${at} failed (${code || messageOf(error)})`;
}
