import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express, type Request, type Response } from 'express';
import { z } from 'zod';
import type { JsonObject } from '../../json.js';
import { type Part, pause } from '../../lifecycle.js';
import type { Cause, PartOfItem } from '../connector.js';
import { verify } from '../signature.js';
import { type Fault, faultSchema, noFault } from './fault.js';
import { DemoStore } from './store.js';

const deliverySchema = z.looseObject({
  instruction: z.string(),
  entity: z.json().default(null),
  data: z.record(z.string(), z.json()),
  done: z.array(z.object({ kind: z.string(), key: z.string() })).default([]),
});

const askedSchema = z.looseObject({ queueId: z.int() });

type Place = 'shops' | 'erps';

export interface DemoOptions {
  /** 0 picks a free one. */
  readonly port?: number;
  /** Reached from this machine only, unless another address is given. */
  readonly host?: string;
  /** Signing secrets, `whsec_…`, by id of shop or ERP; looked up at each delivery. Without one, no signature is asked for. */
  readonly secrets?: ReadonlyMap<string, string>;
}

/** A shop and an ERP in one small program, for examples, tests and a first look. */
export class DemoFarSide implements Part {
  readonly name = 'demo far side';
  private readonly wantedPort: number;
  private readonly host: string;
  private readonly secrets: ReadonlyMap<string, string>;
  private readonly stores = new Map<string, DemoStore>();
  private readonly stopping = new AbortController();
  private fault: Fault = noFault;
  private server: Server | null = null;

  constructor({ port = 3100, host = '127.0.0.1', secrets = new Map() }: DemoOptions = {}) {
    this.wantedPort = port;
    this.host = host;
    this.secrets = secrets;
  }

  get port(): number {
    return (this.server?.address() as AddressInfo | null)?.port ?? this.wantedPort;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.server = createServer(this.app());
    this.server.listen(this.wantedPort, this.host);
    await once(this.server, 'listening');
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    const server = this.server;
    if (!server?.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  private app(): Express {
    const app = express().disable('x-powered-by');
    // Signatures are over the bytes, so bodies stay text until they were checked.
    app.use(express.text({ type: () => true, limit: '10mb' }));
    app.get('/', (_, response) => void response.type('text').send(this.overview()));
    app.get('/healthz', (_, response) => void response.json({ status: 'ok' }));
    app.get('/ping', ({ socket }, response) => {
      if (this.fault.mode === 'down') socket.destroy();
      else response.status(204).end();
    });
    app.get('/fault', (_, response) => void response.json(this.fault));
    app.post('/fault', (request, response) => this.setFault(request, response));
    for (const place of ['shops', 'erps'] as const) {
      const path = `/${place}/:id` as const;
      app.post(path, (request, response) => this.receive(place, request, response));
      app.post(`${path}/verify`, (request, response) => this.look(place, request, response));
      app.get(path, ({ params: { id } }, response) => {
        response.json({ id, ...this.store(place, id).view });
      });
      app.delete(path, ({ params: { id } }, response) => {
        this.stores.delete(`${place}/${id}`);
        response.status(204).end();
      });
    }
    return app;
  }

  private setFault(request: Request, response: Response): void {
    const fault = faultSchema.safeParse(json(request.body));
    if (!fault.success) {
      problem(response, 422, z.prettifyError(fault.error));
      return;
    }
    this.fault = fault.data;
    response.json(this.fault);
  }

  /** Was this item carried out here? */
  private look(place: Place, request: Request<{ id: string }>, response: Response): void {
    const asked = askedSchema.safeParse(json(request.body));
    if (this.fault.mode === 'down') request.socket.destroy();
    else if (!this.isSigned(request)) problem(response, 401, 'the signature does not match');
    else if (!asked.success) problem(response, 400, 'this is not an item of Andon');
    else if (!misbehave(this.fault, response)) {
      const key = String(asked.data.queueId);
      const found = this.store(place, request.params.id).completed(key);
      response.json(found ? { found, result: { key } } : { found });
    }
  }

  private async receive(
    place: Place,
    request: Request<{ id: string }>,
    response: Response,
  ): Promise<void> {
    const fault = this.fault;
    if (fault.mode === 'down') return void request.socket.destroy();
    if (!this.isSigned(request)) return problem(response, 401, 'the signature does not match');
    const delivery = deliverySchema.safeParse(json(request.body));
    const key = request.get('idempotency-key');
    if (!delivery.success || !key) return problem(response, 400, 'this is not a delivery of Andon');

    const { instruction, entity, data, done } = delivery.data;
    const fence = Number(request.get('x-andon-fence') ?? 0);
    const attempt = Number(request.get('x-andon-attempt') ?? 1);
    const store = this.store(place, request.params.id);
    const note = (status: number, by?: string) =>
      store.note({ key, instruction, entity, attempt, fence, at: now(), status, fault: by });
    if (misbehave(fault, response)) return note(response.statusCode, fault.mode);

    const reply = store.accept(key, fence, instruction, data as JsonObject, done);
    note(reply?.status ?? 409);
    if (fault.mode === 'slow') await pause(fault.delayMs, this.stopping.signal);
    if (!reply) response.status(409).json({ outcome: 'already_done' });
    else if (reply.status !== 200) {
      const { status, sentence, cause, parts } = reply;
      problem(response, status, sentence, cause, parts);
    } else response.json({ result: { key }, log: [reply.sentence], parts: reply.parts });
  }

  private isSigned(request: Request<{ id: string }>): boolean {
    const secret = this.secrets.get(request.params.id);
    if (secret === undefined) return true;
    const [id, timestamp, signature] = ['id', 'timestamp', 'signature'].map(
      (name) => request.get(`webhook-${name}`) ?? '',
    ) as [string, string, string];
    return verify(secret, { id, timestamp, signature }, String(request.body ?? ''));
  }

  private store(place: Place, id: string): DemoStore {
    const path = `${place}/${id}`;
    const known = this.stores.get(path);
    if (known) return known;
    const made = new DemoStore(place === 'shops' ? 'shop' : 'ERP');
    this.stores.set(path, made);
    return made;
  }

  private overview(): string {
    const places = [...this.stores].map(([path, { view }]) => {
      const [products, orders] = [view.products, view.orders].map(
        (kept) => Object.keys(kept).length,
      );
      return `/${path}  ${products} products, ${orders} orders, ${view.received.length} deliveries`;
    });
    return [`Andon demo: a shop and an ERP. Fault: ${this.fault.mode}.`, ...places, ''].join('\n');
  }
}

/** Answers in the shop's stead when the fault says so. */
function misbehave(fault: Fault, response: Response): boolean {
  if (fault.mode === 'throttling') {
    response.set('Retry-After', String(fault.retryAfter));
    problem(response, 429, 'too many requests');
  } else if (fault.mode === 'wrong') {
    response.type('html').send('<!doctype html><title>Log in</title><h1>Please log in</h1>');
  }
  return response.headersSent;
}

function problem(
  response: Response,
  status: number,
  detail: string,
  cause?: Cause,
  parts?: readonly PartOfItem[],
): void {
  const body = JSON.stringify({ status, detail, cause, parts });
  response.status(status).type('application/problem+json').send(body);
}

const now = (): string => new Date().toISOString();

function json(body: unknown): unknown {
  try {
    return JSON.parse(String(body));
  } catch {
    return undefined;
  }
}
