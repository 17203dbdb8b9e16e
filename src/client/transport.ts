import { type Patience, patiently, standardPatience } from './patience.js';
import { ApiProblem, NotAndon, problemOf, secondsOf, Unreachable } from './problem.js';

/** What may be said for each call, over what was said for the client. */
export interface CallOptions extends Partial<Patience> {
  /** Gives the call up, also while it waits for its next try; the reason is what the call throws. */
  readonly signal?: AbortSignal | undefined;
  /** For each try: the whole exchange, request and answer. Milliseconds. */
  readonly timeoutMs?: number | undefined;
}

export interface ClientOptions extends Partial<Patience> {
  /** Where Andon answers, as `http://127.0.0.1:3000`. */
  readonly url: string;
  /** An API key as `id.secret`. */
  readonly key?: string | undefined;
  /** For each try: the whole exchange, request and answer. Milliseconds; 30 seconds unless said. */
  readonly timeoutMs?: number | undefined;
  /** In place of the fetch of the platform, for a proxy or certificates of one's own. */
  readonly fetch?: typeof fetch | undefined;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Request {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  /** Changes nothing, or bears an idempotency key: it may arrive twice. */
  harmless?: boolean;
}

export interface Answer {
  body: unknown;
  headers: Headers;
}

/** Exchanges with the API: base URL, key, JSON, patience, and errors as two classes. */
export class Transport {
  readonly url: string;
  private readonly options: ClientOptions;
  private readonly timeoutMs: number;

  constructor(options: ClientOptions) {
    this.url = options.url.replace(/\/+$/, '');
    this.options = options;
    this.timeoutMs = options.timeoutMs ?? 30_000;
  }

  /** @throws ApiProblem, Unreachable, or the reason of the signal */
  send(
    method: string,
    path: string,
    request: Request = {},
    call: CallOptions = {},
  ): Promise<Answer> {
    const { options } = this;
    const patience: Patience = {
      tries: call.tries ?? options.tries ?? standardPatience.tries,
      firstDelayMs: call.firstDelayMs ?? options.firstDelayMs ?? standardPatience.firstDelayMs,
      maxDelayMs: call.maxDelayMs ?? options.maxDelayMs ?? standardPatience.maxDelayMs,
      onRetry: call.onRetry ?? options.onRetry,
    };
    const harmless = request.harmless ?? method === 'GET';
    return patiently(() => this.once(method, path, request, call), harmless, patience, call.signal);
  }

  private async once(
    method: string,
    path: string,
    request: Request,
    call: CallOptions,
  ): Promise<Answer> {
    const { response, text } = await this.exchange(method, path, request, call);
    if (!response.ok) {
      const retryAfter = secondsOf(response.headers.get('retry-after'));
      throw new ApiProblem(problemOf(response.status, text), retryAfter);
    }
    if (text === '') return { body: undefined, headers: response.headers };
    try {
      return { body: JSON.parse(text), headers: response.headers };
    } catch (error) {
      throw new NotAndon(this.url, `something answers at ${this.url}, but not Andon`, error);
    }
  }

  private async exchange(method: string, path: string, request: Request, call: CallOptions) {
    const url = new URL(this.url + path);
    for (const [name, value] of Object.entries(request.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const headers = new Headers({ accept: 'application/json', ...request.headers });
    if (this.options.key) headers.set('authorization', `Bearer ${this.options.key}`);
    if (request.body !== undefined) headers.set('content-type', 'application/json');
    call.signal?.throwIfAborted();
    const timeoutMs = call.timeoutMs ?? this.timeoutMs;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await (this.options.fetch ?? fetch)(url, {
        method,
        headers,
        body: request.body === undefined ? null : JSON.stringify(request.body),
        // The key is for this address, not for wherever it points to.
        redirect: 'manual',
        signal: call.signal ? AbortSignal.any([call.signal, timeout]) : timeout,
      });
      return { response, text: await response.text() };
    } catch (error) {
      call.signal?.throwIfAborted();
      throw this.unreachable(error, timeout.aborted ? timeoutMs : null);
    }
  }

  private unreachable(error: unknown, timedOutAfter: number | null): Unreachable {
    const { url } = this;
    if (timedOutAfter !== null)
      return new Unreachable(url, `${url} gave no answer within ${timedOutAfter / 1000} s`, error);
    const code = member(member(error, 'cause'), 'code');
    if (code === undefined || code === 'ECONNREFUSED') {
      const sentence = `nothing answers at ${url}: start it with npm start`;
      return new Unreachable(url, sentence, error, code ? 'no' : 'maybe');
    }
    const reason = reasons[String(code)];
    const sentence = reason ? `${url}: ${reason}` : `${url} cannot be reached (${code})`;
    return new Unreachable(url, sentence, error, neverSent.has(String(code)) ? 'no' : 'maybe');
  }
}

/** No connection came about, so nothing was sent. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

/** Codes of the system and of fetch, in words. */
const reasons: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: 'the connection broke',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
  UND_ERR_CONNECT_TIMEOUT: 'the host does not answer',
  ETIMEDOUT: 'the host does not answer',
  EHOSTUNREACH: 'there is no way to this host',
  ENETUNREACH: 'there is no way to this host',
};

/** What fetch throws has no class to ask for: a cause with the code of the system. */
function member(thrown: unknown, name: string): unknown {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  return (thrown as Record<string, unknown>)[name];
}
