import { randomUUID } from 'node:crypto';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
} from 'express';
import type { z } from 'zod';
import type { Caller } from '../accounts/caller.js';
import { examine, faultsOf } from '../config/faults.js';
import {
  Forbidden,
  InvalidInput,
  MethodNotAllowed,
  NotFound,
  TooLarge,
  Unauthorized,
  UnsupportedMediaType,
} from '../errors.js';
import { parseStrictJson } from '../json/strict-json.js';
import type { Log } from '../log.js';
import { type Context, noteFailure, runWithin, serverSpan } from '../traces.js';
import { adminRoutes } from './admin.js';
import { alertRoutes } from './alerts.js';
import { bulkRoutes } from './bulk.js';
import { docsPage } from './docs/page.js';
import { problemPage } from './docs/problem.js';
import { sendPage } from './docs/shell.js';
import { endpointRoutes } from './endpoints.js';
import { enqueueRoutes } from './enqueue.js';
import { fleetRoutes } from './fleet.js';
import { incidentRoutes } from './incidents.js';
import { idempotencyKey } from './input.js';
import { itemRoutes } from './items.js';
import { byAddress, byKey, type RequestLimits } from './limits.js';
import { methodsOf } from './methods.js';
import { openApi } from './openapi.js';
import { probes } from './probes.js';
import { isProblemType } from './problem-pages.js';
import { PROBLEMS, problems } from './problems.js';
import { queueRoutes } from './queues.js';
import type { Route } from './route.js';
import type { Services } from './services.js';
import { userRoutes } from './users.js';
import { webhookRoutes } from './webhooks.js';

export interface AppParts {
  readonly services: Services;
  readonly log: Log;
  readonly version: string;
  /** Rejects when this process should be given no work: Redis takes no writes, or nothing moves. */
  readonly probe: () => Promise<void>;
  /** What Prometheus gets. */
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>;
  /** Told of each request once its answer has left. */
  readonly onAnswer: (answered: Answered) => void;
  /** Proxies in front whose `X-Forwarded-…` headers are believed. */
  readonly trustProxy?: number;
  readonly limits: RequestLimits;
  /** What else this server answers: console, Bull Board. Each knows its own paths and lets the rest pass. */
  readonly rooms?: readonly RequestHandler[];
  /** The pages of those rooms, with what each path takes. */
  readonly roomPages?: readonly Pick<Route, 'method' | 'path'>[];
  /** Tells people in a page what went wrong; programs are told as problem+json. */
  readonly pageProblems?: ErrorRequestHandler;
}

/** A request that was answered, for whoever counts. */
export interface Answered {
  readonly method: string;
  /** As it stands in the table, `/v1/items/:queueId`; "none" where nothing fits. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** What is read without being in the table. */
const pages = [...probes.map(({ path }) => path), '/openapi.json', '/docs'].map(
  (path) => ({ method: 'get', path }) as const,
);

/** Every call there is. */
export const routesOf = (services: Services): Route[] => [
  ...enqueueRoutes(services),
  ...bulkRoutes(services),
  ...itemRoutes(services),
  ...queueRoutes(services),
  ...fleetRoutes(services),
  ...endpointRoutes(services),
  ...incidentRoutes(services),
  ...alertRoutes(services),
  ...webhookRoutes(services),
  ...adminRoutes(services),
  ...userRoutes(services),
];

/** The HTTP API as an express app; it does not listen yet. */
export function buildApp(parts: AppParts): Express {
  const {
    services,
    log,
    version,
    probe,
    trustProxy = 0,
    rooms = [],
    roomPages = [],
    pageProblems,
  } = parts;
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', trustProxy);
  app.set('query parser', 'simple');
  app.use(requestId, timed(parts));

  app.get('/healthz', (_, response) => void response.json({ status: 'alive', version }));
  app.get('/readyz', async (_, response) => {
    await probe();
    response.json({ status: 'ready' });
  });

  // Probes of the machinery around it come before, and are not counted.
  app.use(byAddress(parts.limits));

  // Figures of all clients, so only for keys that are limited to none.
  const scraper = admit({ scope: 'read', unlimitedOnly: true }, parts);
  app.get('/metrics', scraper, async (_, response) => {
    const { type, text } = await parts.metrics();
    response.set('Content-Type', type).set('Cache-Control', 'no-store').send(text);
  });

  const routes = routesOf(services);
  const description = openApi(routes, version);
  app.get('/openapi.json', (_, response) => void response.json(description));
  const docs = docsPage(routes, services.catalogue);
  app.get('/docs', (request, response) => {
    sendPage(response, docs(`${request.protocol}://${request.get('host') ?? 'localhost'}`));
  });
  app.get(`${PROBLEMS}/:type`, (request, response) => {
    const { type } = request.params;
    if (!isProblemType(type)) throw new NotFound(`there is no problem "${type}"; see /docs`);
    sendPage(response, problemPage(type));
  });
  for (const row of routes) {
    app[row.method](
      row.path,
      admit(row, parts),
      traced(row),
      ...(row.body ? [bodyOf(row)] : []),
      answer(row),
    );
  }
  for (const room of rooms) app.use(room);
  const methods = methodsOf([...routes, ...pages, ...roomPages]);
  app.use((request, response) => {
    const allow = methods(request.path);
    if (allow.length > 0 && request.method === 'OPTIONS') {
      response.status(204).set('Allow', allow.join(', ')).end();
      return;
    }
    if (allow.length > 0) throw new MethodNotAllowed(request.method, request.path, allow);
    throw new NotFound(`there is no ${request.method} ${request.path}; see /docs`);
  });
  if (pageProblems) app.use(pageProblems);
  app.use(problems(log));
  return app;
}

const requestId: RequestHandler = (_, response, next) => {
  const id = randomUUID();
  response.locals['requestId'] = id;
  response.set('X-Request-Id', id);
  next();
};

/** Tells of every answer. Express knows the template by then, and the path itself has ids in it. */
function timed({ onAnswer, log }: Pick<AppParts, 'onAnswer' | 'log'>): RequestHandler {
  return (request, response, next) => {
    const from = performance.now();
    response.once('finish', () => {
      const { method, baseUrl } = request;
      const { statusCode: status, locals } = response;
      const template: unknown = request.route?.path;
      const route = typeof template === 'string' ? baseUrl + template : 'none';
      const ms = Math.round(performance.now() - from);
      onAnswer({ method, route, status, seconds: (performance.now() - from) / 1_000 });
      const caller = locals['caller'] as Caller | undefined;
      const queueId: unknown = locals['queueId'] ?? request.params?.['queueId'];
      const who = { requestId: locals['requestId'], caller: caller?.actor, queueId };
      log.debug({ ...who, method, route, status, ms }, 'answered');
    });
    next();
  };
}

/** The bytes as they came: what they mean is decided by one strict reader. */
function bodyOf(row: Route): RequestHandler {
  const read = express.raw({ type: () => true, limit: row.bodyLimit, inflate: false });
  return (request, response, next) => {
    // The reader would take in all of it before it says so.
    if (Number(request.get('content-length')) > row.bodyLimit) {
      throw new TooLarge('the body is larger than this call takes');
    }
    read(request, response, next);
  };
}

/** Before the body is read: nobody unknown may fill our memory. */
function admit(
  row: Pick<Route, 'scope' | 'unlimitedOnly'>,
  { services, limits }: AppParts,
): RequestHandler {
  return async (request, response, next) => {
    const caller = await identify(request.get('authorization'), services);
    await byKey(limits, caller.actor, response);
    if (!caller.may(row.scope)) throw new Forbidden(`this key lacks the scope "${row.scope}"`);
    if (row.unlimitedOnly && !caller.unlimited) {
      throw new Forbidden('this concerns all clients, and this key is limited to some');
    }
    response.locals['caller'] = caller;
    next();
  };
}

/** A span for the call, in the trace of the caller where there is one. */
function traced({ method, path }: Route): RequestHandler {
  const name = `${method.toUpperCase()} ${path}`;
  const facts = { 'http.request.method': method.toUpperCase(), 'http.route': path };
  return (request, response, next) => {
    const { span, within } = serverSpan(name, request.headers, {
      ...facts,
      'andon.request_id': String(response.locals['requestId']),
    });
    response.locals['trace'] = within;
    response.once('close', () => {
      const { statusCode } = response;
      span.setAttribute('http.response.status_code', statusCode);
      if (statusCode >= 500) noteFailure(span, String(statusCode), 'the request broke');
      span.end();
    });
    next();
  };
}

function answer(row: Route): RequestHandler {
  return async (request, response) => {
    const caller = response.locals['caller'] as Caller;
    const body = row.body ? readBody(row, request) : undefined;
    response.status(row.status);
    const call = {
      params: row.params && checked(row.params, request.params),
      query: row.query && checked(row.query, request.query),
      body: row.body && checked(row.body, body),
      caller,
      idempotencyKey: row.takesKey ? readIdempotencyKey(request.get('idempotency-key')) : null,
      response,
    };
    const within = response.locals['trace'] as Context;
    const result = await runWithin(within, () => row.handle(call));
    response.json(result);
  };
}

async function identify(header: string | undefined, { apiKeys }: Services): Promise<Caller> {
  const [, key] = /^Bearer +(\S+)$/i.exec(header ?? '') ?? [];
  if (!key) throw new Unauthorized('send the header Authorization: Bearer <id>.<secret>');
  const caller = await apiKeys.verify(key);
  if (!caller) throw new Unauthorized('this key is not known, or was revoked');
  return caller;
}

function readBody(row: Route, request: Request): unknown {
  const raw: unknown = request.body;
  const bytes = Buffer.isBuffer(raw) ? raw : Buffer.alloc(0);
  if (bytes.length === 0 && row.bodyOptional) return {};
  // Of several such headers, this program and a proxy before it may each believe another one.
  const types = request.headersDistinct['content-type'] ?? [];
  if (types.length !== 1 || !/^application\/json *(; *charset="?utf-8"?)?$/i.test(types[0] ?? '')) {
    throw new UnsupportedMediaType('send the body as application/json in UTF-8');
  }
  return parseStrictJson(bytes);
}

function readIdempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null;
  const key = idempotencyKey.safeParse(header.replace(/^"(.*)"$/, '$1'));
  if (key.success) return key.data;
  throw new InvalidInput(
    [{ pointer: '', detail: 'Idempotency-Key: 1 to 255 printable characters without blanks' }],
    400,
  );
}

function checked(schema: z.ZodType, value: unknown): unknown {
  const result = examine(schema, value);
  if (result.success) return result.data;
  throw new InvalidInput(result.error.issues.flatMap((issue) => faultsOf(issue)));
}
