import { ApiProblem, problemOf, secondsOf, Unreachable } from './problem.js';

export interface ClientOptions {
  /** Where Andon answers, as `http://127.0.0.1:3000`. */
  url: string;
  /** An API key as `id.secret`. */
  key?: string;
  /** The whole exchange, request and answer. Milliseconds. */
  timeoutMs?: number;
}

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Request {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Answer {
  body: unknown;
  headers: Headers;
}

/** One exchange with the API: base URL, key, JSON, and errors as two classes. */
export class Transport {
  readonly url: string;
  private readonly key: string | undefined;
  private readonly timeoutMs: number;

  constructor(options: ClientOptions) {
    this.url = options.url.replace(/\/+$/, '');
    this.key = options.key;
    this.timeoutMs = options.timeoutMs ?? 30_000;
  }

  /** @throws ApiProblem, Unreachable */
  async send(method: string, path: string, request: Request = {}): Promise<Answer> {
    const { response, text } = await this.exchange(method, path, request);
    if (!response.ok) {
      const retryAfter = secondsOf(response.headers.get('retry-after'));
      throw new ApiProblem(problemOf(response.status, text), retryAfter);
    }
    if (text === '') return { body: undefined, headers: response.headers };
    try {
      return { body: JSON.parse(text), headers: response.headers };
    } catch (error) {
      throw new Unreachable(this.url, `something answers at ${this.url}, but not Andon`, error);
    }
  }

  private async exchange(method: string, path: string, request: Request) {
    const url = new URL(this.url + path);
    for (const [name, value] of Object.entries(request.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const headers = new Headers({ accept: 'application/json', ...request.headers });
    if (this.key) headers.set('authorization', `Bearer ${this.key}`);
    if (request.body !== undefined) headers.set('content-type', 'application/json');
    try {
      const response = await fetch(url, {
        method,
        headers,
        body: request.body === undefined ? null : JSON.stringify(request.body),
        // The key is for this address, not for wherever it points to.
        redirect: 'manual',
        signal: AbortSignal.timeout(this.timeoutMs),
      });
      return { response, text: await response.text() };
    } catch (error) {
      throw new Unreachable(this.url, this.why(error), error);
    }
  }

  private why(error: unknown): string {
    if (member(error, 'name') === 'TimeoutError')
      return `${this.url} gave no answer within ${this.timeoutMs / 1000} s`;
    const code = member(member(error, 'cause'), 'code');
    if (code === undefined || code === 'ECONNREFUSED')
      return `nothing answers at ${this.url}: start it with npm start`;
    const reason = reasons[String(code)];
    return reason ? `${this.url}: ${reason}` : `${this.url} cannot be reached (${code})`;
  }
}

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

/** What fetch throws has no class to ask for: a name, and a cause with the code of the system. */
function member(thrown: unknown, name: string): unknown {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  return (thrown as Record<string, unknown>)[name];
}
