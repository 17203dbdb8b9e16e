import { type RequestHandler, Router } from 'express';
import { ActVisits } from '../accounts/act-visits.js';
import { Guard, visitorOf } from '../accounts/guard.js';
import { Provider } from '../accounts/provider.js';
import { RequestLimit } from '../accounts/request-limit.js';
import { buildApp } from '../api/app.js';
import { ApiServer } from '../api/server.js';
import type { Services } from '../api/services.js';
import { BulkRuns } from '../blocking/bulk-runs.js';
import { BOARD_PATH, board } from '../board/board.js';
import { buildConsole, type Console } from '../console/console.js';
import { KnownErrors } from '../incidents/known-errors.js';
import type { Part } from '../lifecycle.js';
import { Changes } from '../queues/changes.js';
import { readFailures } from '../queues/failures.js';
import { paceOf } from '../queues/pace.js';
import { idsAt } from '../queues/places.js';
import { Seeker } from '../queues/seek.js';
import { local } from '../redis/durability.js';
import { Presence } from '../redis/presence.js';
import { Scripts } from '../redis/script.js';
import { type FirstLogin, firstAdmin } from '../start/first-admin.js';
import { type AdminKey, firstKey } from '../start/first-key.js';
import { seed } from '../start/seed.js';
import { actsOf, type Ground } from './ground.js';
import { servicesOn } from './services.js';

/** The API, the console and the board, not yet started. */
export interface ApiRole {
  readonly server: ApiServer;
  /** All of it, in the order in which it starts. */
  readonly parts: readonly Part[];
  /** The key with which a program gets in first. */
  readonly adminKey: AdminKey;
  /** How a person logs in at first; null when somebody has seen to that. */
  readonly firstLogin: FirstLogin | null;
}

/** The role that people and programs talk to. @param demo pages of the demo, below `/demo`, for admins */
export async function apiRole(ground: Ground, demo: RequestHandler | undefined): Promise<ApiRole> {
  const { config, redis, keys, log } = ground;
  // What the start itself writes, every start would write again: that waits for no replica.
  const first = servicesOn(ground, local);
  const adminKey = await firstKey(first.apiKeys, config);
  await seed(redis, keys, first, config, log);
  const firstLogin = await firstAdmin(first.accounts, config);

  const services = servicesOn(ground, ground.durability);
  const guard = new Guard(services.accounts);
  const bulkRuns = new BulkRuns({ ...services, redis, keys, log });
  const desk = consoleOn(ground, services, guard, bulkRuns);
  const rooms = [
    boardRoom(ground, services, guard),
    ...(demo ? [demoRoom(demo, guard)] : []),
    desk.router,
  ];
  const server = serverOf(ground, services, rooms, desk);
  // The streams of open pages end first, so that the server need not wait for them.
  return { server, parts: [server, bulkRuns, desk.feed], adminKey, firstLogin };
}

function consoleOn(ground: Ground, services: Services, guard: Guard, bulkRuns: BulkRuns): Console {
  const { redis, keys, config } = ground;
  const { standing } = services;
  const scripts = new Scripts(redis, keys);
  const visits = new ActVisits(redis, keys);
  return buildConsole(
    {
      ...services,
      guard,
      bulkRuns,
      knownErrors: new KnownErrors(redis, keys),
      provider: config.oidc && new Provider(redis, keys, config.oidc, config.file.login.provider),
      events: new Changes(redis, keys),
      acts: actsOf(ground),
      admitVisit: (address) => visits.admit(address),
      version: ground.version,
      log: ground.log,
      presence: new Presence(redis, keys),
      failures: (most) => readFailures({ scripts, keys, standing }, most),
      seeker: new Seeker(redis, scripts, keys),
      pace: (queues) => paceOf(redis, keys, queues),
      placed: (queue, place, start, end) => idsAt(redis, keys, queue, place, start, end),
    },
    [BOARD_PATH, '/docs'],
  );
}

/** Bull Board behind the same door as our pages. */
function boardRoom({ redis, keys, log }: Ground, services: Services, guard: Guard): Router {
  const desk = board({
    ...services,
    redis,
    keys,
    log,
    presence: new Presence(redis, keys),
    callerOf: (_, response) => visitorOf(response).caller,
    tokenOf: (response) => visitorOf(response).token,
    ownForm: guard.ownForm,
  });
  return Router().use(BOARD_PATH, guard.identify, guard.sameSite, guard.demand('read'), desk);
}

/** Its mails bear links that act, so they are for those who may act anyway. */
const demoRoom = (demo: RequestHandler, guard: Guard): Router =>
  Router().use(
    '/demo',
    guard.identify,
    guard.sameSite,
    guard.demand('admin', { unlimitedOnly: true }),
    demo,
  );

function serverOf(
  { config, redis, keys, log, version, observation }: Ground,
  services: Services,
  rooms: readonly RequestHandler[],
  desk: Console,
): ApiServer {
  const { host, port, file } = config;
  const { metrics, readiness } = observation;
  const limit = (policy: 'key' | 'address') =>
    new RequestLimit(redis, keys.registry.requests, policy, file.api.rateLimit[policy]);
  const app = buildApp({
    services,
    log,
    version,
    probe: () => readiness.demand(),
    metrics: () => metrics.scrape(),
    onAnswer: (answered) => metrics.answered(answered),
    trustProxy: config.trustProxy,
    limits: { key: limit('key'), address: limit('address') },
    rooms,
    roomPages: desk.pages,
    pageProblems: desk.problems,
  });
  return new ApiServer(app, { host, port, limits: file.api });
}
