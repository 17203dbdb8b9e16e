import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BadConfig, messageOf } from '../errors.js';
import { closeServer, type Part } from '../lifecycle.js';
import type { Log } from '../log.js';
import type { Found } from './readiness.js';

/** What is told at the health port. */
export interface HealthAnswers {
  readonly version: string;
  ready(): Promise<Found>;
  metrics(): Promise<{ readonly type: string; readonly text: string }>;
}

/** How long a probe that is being answered may hold up the end, in milliseconds. */
const GRACE_MS = 1_000;

/**
 * `/healthz`, `/readyz` and `/metrics` on a port of their own, for processes without the API and for
 * probes that have no key. Nobody is asked for a key here: the address should be a private one.
 */
export class HealthServer implements Part {
  readonly name = 'health port';
  private readonly answers: HealthAnswers;
  private readonly host: string;
  private readonly port: number;
  private readonly log: Log;
  private server: Server | null = null;
  private stopping: Promise<void> | null = null;

  constructor(answers: HealthAnswers, options: { host: string; port: number }, log: Log) {
    this.answers = answers;
    this.host = options.host;
    this.port = options.port;
    this.log = log;
  }

  /** Where it listens; the port is the real one when 0 was asked for. */
  get url(): string {
    const address = this.server?.address() as AddressInfo | null | undefined;
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    return `http://${host}:${address?.port ?? this.port}`;
  }

  async start(): Promise<void> {
    const limits = { headersTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 5_000 };
    const server = createServer({ ...limits, maxHeaderSize: 8_192 }, (request, response) => {
      void this.answer(request, response);
    });
    server.maxConnections = 100;
    server.setTimeout(30_000, (socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          new BadConfig([
            `The health port cannot listen at ${this.host}:${this.port} (${error.code}): are ANDON_HEALTH_HOST and ANDON_HEALTH_PORT right, and is it free?`,
          ]),
        ),
      );
      server.listen(this.port, this.host, resolve);
    });
    this.server = server;
  }

  stop(): Promise<void> {
    this.stopping ??= closeServer(this.server, GRACE_MS);
    return this.stopping;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { status, type, text } = await this.answerTo(request);
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : text);
    } catch (error) {
      this.log.error({ error: messageOf(error), path: request.url }, 'the health port broke');
      if (!response.headersSent) response.writeHead(500);
      response.end();
    }
  }

  private async answerTo({ method, url }: IncomingMessage): Promise<Answer> {
    if (method !== 'GET' && method !== 'HEAD') return json(405, { status: 'only GET' });
    switch (new URL(url ?? '/', 'http://localhost').pathname) {
      case '/healthz':
        return json(200, { status: 'alive', version: this.answers.version });
      case '/readyz': {
        const found = await this.answers.ready();
        return found.ready
          ? json(200, { status: 'ready', redisMs: Math.round(found.redisMs * 10) / 10 })
          : json(503, { status: 'not ready', why: found.why });
      }
      case '/metrics':
        return { status: 200, ...(await this.answers.metrics()) };
      default:
        return json(404, { status: 'there are /healthz, /readyz and /metrics here' });
    }
  }
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const json = (status: number, body: object): Answer => ({
  status,
  type: 'application/json; charset=utf-8',
  text: `${JSON.stringify(body)}\n`,
});
