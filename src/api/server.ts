import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Express } from 'express';
import type { FileConfig } from '../config/schema.js';
import { BadConfig } from '../errors.js';
import { closeServer, type Part } from '../lifecycle.js';

/** Requests that run when a stop is asked for may go on this long, in milliseconds. */
const GRACE_MS = 5_000;

/**
 * Requests that one connection may send before the first of them is answered. Who sends more does not want
 * the answers: they would pile up here, since Node stops to read only while it has answers at hand.
 */
const UNANSWERED = 50;

/**
 * What one connection, and all of them, may take; `api` of the settings file says what each is for.
 * Node's own standards are no limit on connections, none on silence, and a look every 30 s only.
 */
export type ServerLimits = FileConfig['api'];

/** The API on its port. */
export class ApiServer implements Part {
  readonly name = 'api';
  private readonly app: Express;
  private readonly host: string;
  private readonly port: number;
  private readonly limits: ServerLimits;
  private server: Server | null = null;
  private stopping: Promise<void> | null = null;

  constructor(app: Express, options: { host: string; port: number; limits: ServerLimits }) {
    this.app = app;
    this.host = options.host;
    this.port = options.port;
    this.limits = options.limits;
  }

  /** Where it listens; the port is the real one when 0 was asked for. */
  get url(): string {
    const address = this.server?.address() as AddressInfo | null | undefined;
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    return `http://${host}:${address?.port ?? this.port}`;
  }

  async start(): Promise<void> {
    const server = this.build();
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => this.refusal(error).then(reject, reject));
      server.listen(this.port, this.host, resolve);
    });
    this.server = server;
  }

  private build(): Server {
    const { headersMs, requestMs, keepAliveMs, idleMs, connections, headerBytes } = this.limits;
    const limits = {
      maxHeaderSize: headerBytes,
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      keepAliveTimeout: keepAliveMs,
      // How far over its time a slow request may get.
      connectionsCheckingInterval: Math.ceil(Math.min(headersMs, requestMs) / 4),
    };
    const server = createServer(limits, this.app);
    server.maxConnections = connections;
    // Also of a client that does not fetch its answer.
    server.setTimeout(idleMs, (socket) => socket.destroy());
    server.prependListener('request', endThoseWhoDoNotListen());
    return server;
  }

  private async refusal(error: NodeJS.ErrnoException): Promise<Error> {
    const where = `${this.host}:${this.port}`;
    if (error.code === 'EADDRINUSE') {
      const who = (await isAndon(this.url)) ? 'Another Andon' : 'Another program';
      return new BadConfig([`${who} listens at ${where}: stop it, or set ANDON_PORT.`]);
    }
    const hint = 'are ANDON_HOST and ANDON_PORT right?';
    return new BadConfig([`The API cannot listen at ${where} (${error.code}): ${hint}`]);
  }

  stop(): Promise<void> {
    this.stopping ??= closeServer(this.server, GRACE_MS);
    return this.stopping;
  }
}

function endThoseWhoDoNotListen(): (request: IncomingMessage, response: ServerResponse) => void {
  const unanswered = new WeakMap<Socket, number>();
  const count = (socket: Socket, by: number) => {
    const now = (unanswered.get(socket) ?? 0) + by;
    unanswered.set(socket, now);
    return now;
  };
  return ({ socket }, response) => {
    response.once('close', () => count(socket, -1));
    if (count(socket, 1) > UNANSWERED) socket.destroy();
  };
}

/** Whether it is one of ours that answers there. */
async function isAndon(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1_000) });
    const answer: unknown = await response.json();
    return (
      typeof answer === 'object' &&
      answer !== null &&
      'status' in answer &&
      answer.status === 'alive'
    );
  } catch {
    return false; // whatever does not answer like one is none
  }
}
