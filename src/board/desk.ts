import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createBullBoard } from '@bull-board/api';
import type { BullBoardRequest } from '@bull-board/api/dist/types.js';
import type { Request, RequestHandler, Response } from 'express';
import { statusAsSeen } from '../accounts/as-seen.js';
import type { Caller } from '../accounts/caller.js';
import type { FleetPause, FleetSwitch } from '../blocking/fleet-switch.js';
import type { Transitions } from '../blocking/transitions.js';
import { Forbidden, NotFound } from '../errors.js';
import type { Catalogue } from '../instructions/catalogue.js';
import type { Log } from '../log.js';
import type { Finder } from '../queues/find.js';
import type { Item } from '../queues/item.js';
import type { Registry } from '../queues/registry.js';
import type { Standing } from '../queues/standing.js';
import type { QueueStatus } from '../queues/status.js';
import type { QueueView } from '../queues/view.js';
import type { QueueName } from '../redis/keys.js';
import type { Presence, ProcessCard } from '../redis/presence.js';
import { BoardLine } from './line.js';
import { Lookout, type LookoutParts } from './lookout.js';
import { type BoardQueues, type Enrolled, Roll } from './roll.js';
import { BoardShell } from './shell.js';
import { Snapshot, type Views } from './snapshot.js';
import { type Act, mayAct, type Verb } from './verbs.js';

/** What the board works with. */
export interface BoardParts extends LookoutParts {
  readonly catalogue: Catalogue;
  readonly registry: Registry;
  readonly finder: Finder;
  readonly standing: Standing;
  readonly fleetSwitch: Pick<FleetSwitch, 'state'>;
  readonly transitions: Transitions;
  readonly log: Log;
  readonly presence: Pick<Presence, 'workers'>;
  status(names: readonly string[]): Promise<QueueStatus[]>;
  /** Somebody who came in, with the rights of now; null when they may not come in any more. */
  anew(caller: Caller): Promise<Caller | null>;
  /** Who asks; whoever mounts the board has let in nobody else. */
  callerOf(request: Request, response: Response): Caller;
  /** What the page has to send with everything that writes. */
  tokenOf(response: Response): string;
  /** Refuses writes without it. */
  readonly ownForm: RequestHandler;
}

/** One look of somebody at the board, as far as that one sees it. */
interface Visit {
  readonly caller: Caller;
  readonly views: Views;
  readonly fleet: FleetPause | null;
  readonly workers: readonly ProcessCard[];
}

/** Where the board is mounted. */
export const BOARD_PATH = '/board';

/** Above so many queues the browser could not draw them all: only those that need a look are listed. */
const LISTED_MOST = 200;

/** Bull Board's user interface. */
export const ui = join(
  dirname(createRequire(import.meta.url).resolve('@bull-board/ui/package.json')),
  'dist',
);

/** The lines on the board, and who may see which. */
export class Desk {
  private readonly parts: BoardParts;
  private readonly roll: Roll;
  private readonly snapshot: Snapshot;
  private readonly lookout: Lookout;
  /** By the headers of their request: the one thing of it that Bull Board hands on. */
  private readonly callers = new WeakMap<object, Caller>();
  /** Bull Board asks a line what it is without saying for whom: the request that it is asked in tells. */
  private readonly visits = new AsyncLocalStorage<Visit>();
  readonly router: RequestHandler;

  constructor(parts: BoardParts) {
    this.parts = parts;
    this.lookout = new Lookout(parts);
    const { router, queues } = this.bullBoard();
    this.router = router;
    this.roll = new Roll(parts.registry, queues, (name, queue) => this.lineOf(name, queue));
    this.snapshot = new Snapshot({ ...parts, roll: this.roll }, LISTED_MOST);
  }

  remember(request: Request, caller: Caller): void {
    this.callers.set(request.headers, caller);
  }

  private bullBoard(): { router: RequestHandler; queues: BoardQueues } {
    const serverAdapter = new BoardShell(ui, (response) =>
      this.parts.tokenOf(response),
    ).setBasePath(BOARD_PATH);
    const queues = createBullBoard({
      queues: [],
      serverAdapter,
      options: {
        uiConfig: {
          boardTitle: 'Andon',
          boardLogo: { path: 'andon/andon.svg', width: 22, height: 22 },
          favIcon: { default: 'andon/andon.svg', alternative: 'andon/andon.svg' },
          hideDocsLink: true,
          hideRedisDetails: true,
          showWorkers: true,
          miscLinks: [{ text: 'Console', url: '/' }],
          locale: { lng: 'en-US' },
          pollingInterval: { showSetting: true, forceInterval: 5 },
        },
        handlerHooks: {
          // A second lock on the same door: nothing that writes ever comes so far.
          before: ({ method }) => ({ allow: method === 'get' }),
          after: ({ route, request }, result) => {
            if (route === '/api/queues') this.onlyLook(request, result.body);
            return result;
          },
        },
      },
    });
    return { router: serverAdapter.getRouter() as RequestHandler, queues };
  }

  /** Brings what is shown up to date before Bull Board looks at it. */
  readonly refresh: RequestHandler = async (request, _, next) => {
    if (!request.path.startsWith('/api/')) return next();
    const caller = this.callerOf(request);
    const [views, { paused: fleet }, workers] = await Promise.all([
      this.snapshot
        .views(askedFor(request.path, request.query))
        .then((all) => this.seen(all, caller)),
      this.parts.fleetSwitch.state(),
      this.parts.presence.workers(),
    ]);
    this.visits.run({ caller, views, fleet, workers }, next);
  };

  private async seen(views: Views, caller: Caller): Promise<Views> {
    if (caller.unlimited) return views;
    const theirs = [...views.values()].filter(({ name }) => {
      const enrolled = this.roll.of(name);
      return enrolled !== null && seesQueue(caller, enrolled);
    });
    const seen = await statusAsSeen(caller, theirs, this.parts.standing);
    return new Map(seen.map((one) => [one.name, one]));
  }

  readonly toQueue: RequestHandler<{ queue: string }> = async (request, response) => {
    const name = await this.nameOf(request.params.queue, this.callerOf(request));
    response.redirect(`${BOARD_PATH}/queue/${encodeURIComponent(name)}`);
  };

  readonly toItem: RequestHandler<{ queueId: string }> = async (request, response) => {
    const caller = this.callerOf(request);
    const id = Number(request.params.queueId);
    const item = Number.isSafeInteger(id) ? await this.parts.finder.item(id) : null;
    if (!item || !caller.seesItem(item))
      throw new NotFound(`there is no item ${request.params.queueId}`);
    const name = await this.nameOf(item.queue, caller);
    response.redirect(`${BOARD_PATH}/queue/${encodeURIComponent(name)}/${id}`);
  };

  answer(verb: Verb): RequestHandler {
    return async (request, response) => {
      const caller = this.callerOf(request);
      mayAct(caller);
      if (!verb.act) throw new Forbidden(verb.refusal ?? 'Andon refuses this');
      response.json(await verb.act(await this.actOf(request, caller)));
    };
  }

  private async actOf(request: Request, caller: Caller): Promise<Act> {
    await this.roll.refresh();
    const { finder, transitions, status } = this.parts;
    const {
      queueName = '',
      jobId = '',
      queueStatus = '',
    } = request.params as Record<string, string>;
    const queue = () => {
      const found = this.roll.named(queueName);
      if (!found || !seesQueue(caller, found)) throw new NotFound('there is no such queue');
      return found.queue;
    };
    return {
      caller,
      anew: () => this.parts.anew(caller),
      finder,
      transitions,
      status: queueStatus,
      queue,
      queues: () =>
        status([...this.roll.all()].flatMap((one) => (seesQueue(caller, one) ? one.queue : []))),
      sees: (one, name) => {
        const enrolled = this.roll.of(name);
        return enrolled !== null && seesQueue(one, enrolled);
      },
      item: async () => {
        const name = queue();
        const item = /^\d{1,15}$/.test(jobId) ? await finder.item(Number(jobId)) : null;
        if (!item || item.queue !== name || !caller.seesItem(item))
          throw new NotFound(`there is no item ${jobId} in this queue`);
        return item;
      },
    };
  }

  private callerOf(request: Pick<Request, 'headers'> | BullBoardRequest): Caller {
    const caller = this.callers.get(request.headers);
    if (!caller) throw new Error('a request reached the board without its caller');
    return caller;
  }

  /** The board's name of a queue. @throws NotFound */
  private async nameOf(queue: QueueName, caller: Caller): Promise<string> {
    await this.roll.refresh();
    const found = this.roll.of(queue);
    if (!found || !seesQueue(caller, found)) throw new NotFound(`there is no queue ${queue}`);
    return found.name;
  }

  private lineOf(name: string, queue: QueueName): BoardLine {
    const { lookout, visits } = this;
    // Outside of a request nobody looks, and nothing is seen.
    const sees = (item: Item) => visits.getStore()?.caller.seesItem(item) ?? false;
    return new BoardLine(name, {
      view: () => visits.getStore()?.views.get(queue) ?? null,
      fleet: () => visits.getStore()?.fleet ?? null,
      workers: () => {
        const { caller, workers = [] } = visits.getStore() ?? {};
        return workers.map((one) => shownWorker(one, caller?.unlimited ?? false));
      },
      items: (place, start, end) => lookout.items(queue, place, start, end, sees),
      item: (queueId) => lookout.item(queue, queueId, sees),
      logs: (queueId) => lookout.logs(queue, queueId, sees),
      metrics: (type, start, end) => lookout.metrics(queue, type, start, end),
      redisInfo: () => lookout.redisInfo(),
      visible: (request) => this.isVisible(queue, request),
    });
  }

  private isVisible(queue: QueueName, request: BullBoardRequest): boolean {
    const view = this.visits.getStore()?.views.get(queue);
    const enrolled = view && this.roll.of(queue);
    if (!enrolled || !seesQueue(this.callerOf(request), enrolled)) return false;
    const asked = request.params['queueName'] ?? request.query['activeQueue'];
    if (asked !== undefined && this.roll.named(String(asked))?.queue === queue) return true;
    if (request.params['queueName'] !== undefined) return false;
    return this.roll.size <= LISTED_MOST || needsALook(view);
  }

  /** Hides the buttons from those who may only look. Hiding is a courtesy; the verbs ask again. */
  private onlyLook(request: BullBoardRequest, body: unknown): void {
    if (this.callerOf(request).may('operate')) return;
    const { queues } = body as { queues?: { readOnlyMode: boolean }[] };
    for (const queue of queues ?? []) queue.readOnlyMode = true;
  }
}

/** Where it runs is for those who see the whole house. */
const shownWorker = ({ id, since, version, host, pid }: ProcessCard, whole: boolean) => ({
  id,
  name: `Andon ${version}`,
  addr: whole ? `${host}, process ${pid}` : '',
  age: Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1_000)),
});

const seesQueue = (caller: Caller, { queue, endpoint }: Enrolled): boolean =>
  caller.seesQueue(queue, endpoint);

const needsALook = ({ state, counts }: QueueView): boolean =>
  state !== 'running' || counts.active > 0 || counts.failed > 0;

/** The queue that a request is about, as the board names it. */
function askedFor(path: string, query: Request['query']): string | undefined {
  const [, name] = /^\/api\/queues\/([^/]+)/.exec(path) ?? [];
  const { activeQueue } = query;
  return name ?? (typeof activeQueue === 'string' ? activeQueue : undefined);
}
