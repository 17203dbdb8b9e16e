import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createBullBoard } from '@bull-board/api';
import type { BullBoardRequest } from '@bull-board/api/dist/types.js';
import type { Request, RequestHandler, Response } from 'express';
import type { Caller } from '../accounts/caller.js';
import type { Transitions } from '../blocking/transitions.js';
import { Forbidden, NotFound } from '../errors.js';
import type { Catalogue } from '../instructions/catalogue.js';
import type { Log } from '../log.js';
import type { Finder } from '../queues/find.js';
import type { Registry } from '../queues/registry.js';
import type { QueueStatus } from '../queues/status.js';
import { PARALLEL, type QueueName } from '../redis/keys.js';
import { BoardLine } from './line.js';
import { Lookout, type LookoutParts } from './lookout.js';
import { boardName } from './names.js';
import { BoardShell } from './shell.js';
import { type Listed, Snapshot } from './snapshot.js';
import { type Act, mayAct, type Verb } from './verbs.js';

/** What the board works with. */
export interface BoardParts extends LookoutParts {
  readonly catalogue: Catalogue;
  readonly registry: Registry;
  readonly finder: Finder;
  readonly transitions: Transitions;
  readonly log: Log;
  status(names: readonly string[]): Promise<QueueStatus[]>;
  /** Who asks; whoever mounts the board has let in nobody else. */
  callerOf(request: Request, response: Response): Caller;
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
  private readonly snapshot: Snapshot;
  private readonly lookout: Lookout;
  /** By the headers of their request: the one thing of it that Bull Board hands on. */
  private readonly callers = new WeakMap<object, Caller>();
  private readonly lines = new Map<string, { queue: QueueName; line: BoardLine }>();
  private listed: ReadonlyMap<QueueName, Listed> = new Map();
  private replaceQueues: (lines: BoardLine[]) => void = () => {};

  constructor(parts: BoardParts) {
    this.parts = parts;
    this.snapshot = new Snapshot(parts.registry, parts.status);
    this.lookout = new Lookout(parts);
  }

  remember(request: Request, caller: Caller): void {
    this.callers.set(request.headers, caller);
  }

  bullBoard(): RequestHandler {
    const serverAdapter = new BoardShell(ui).setBasePath(BOARD_PATH);
    const { replaceQueues } = createBullBoard({
      queues: [],
      serverAdapter,
      options: {
        uiConfig: {
          boardTitle: 'Andon',
          hideDocsLink: true,
          hideRedisDetails: true,
          showWorkers: false,
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
    this.replaceQueues = replaceQueues;
    return serverAdapter.getRouter() as RequestHandler;
  }

  /** Brings the lines up to date before Bull Board looks at them: channels and sources come and go. */
  readonly refresh: RequestHandler = async (request, _, next) => {
    if (request.path.startsWith('/api/')) await this.look();
    next();
  };

  readonly toQueue: RequestHandler<{ queue: string }> = async (request, response) => {
    const { name } = await this.queueNamed(request.params.queue, this.callerOf(request));
    response.redirect(`${BOARD_PATH}/queue/${encodeURIComponent(name)}`);
  };

  readonly toItem: RequestHandler<{ queueId: string }> = async (request, response) => {
    const caller = this.callerOf(request);
    const id = Number(request.params.queueId);
    const item = Number.isSafeInteger(id) ? await this.parts.finder.item(id) : null;
    if (!item || !caller.seesItem(item))
      throw new NotFound(`there is no item ${request.params.queueId}`);
    const { name } = await this.queueNamed(item.queue, caller);
    response.redirect(`${BOARD_PATH}/queue/${encodeURIComponent(name)}/${id}`);
  };

  answer(verb: Verb): RequestHandler {
    return async (request, response) => {
      const caller = this.callerOf(request);
      mayAct(caller);
      if (!verb.act) throw new Forbidden(verb.refusal ?? 'Andon refuses this');
      const body = await verb.act(await this.actOf(request, caller));
      this.snapshot.forget();
      response.json(body);
    };
  }

  private async actOf(request: Request, caller: Caller): Promise<Act> {
    await this.look();
    const { finder, transitions } = this.parts;
    const {
      queueName = '',
      jobId = '',
      queueStatus = '',
    } = request.params as Record<string, string>;
    const queue = async () => {
      const found = this.lines.get(queueName);
      const listed = found && this.listed.get(found.queue);
      if (!listed || !seesQueue(caller, listed)) throw new NotFound('there is no such queue');
      return listed.view;
    };
    return {
      caller,
      finder,
      transitions,
      status: queueStatus,
      queue,
      queues: async () =>
        [...this.listed.values()].filter((one) => seesQueue(caller, one)).map((one) => one.view),
      item: async () => {
        const { name } = await queue();
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

  /** The line of a queue by its own name ("channel.12"). */
  private async queueNamed(queue: QueueName, caller: Caller): Promise<{ name: string }> {
    await this.look();
    const listed = this.listed.get(queue);
    if (!listed || !seesQueue(caller, listed)) throw new NotFound(`there is no queue ${queue}`);
    for (const [name, line] of this.lines) if (line.queue === queue) return { name };
    throw new NotFound(`there is no queue ${queue}`);
  }

  private async look(): Promise<void> {
    const listed = await this.snapshot.queues();
    if (listed === this.listed) return;
    this.listed = listed;
    const clients = new Set([...listed.values()].map(({ view }) => view.client)).size > 2;
    const before = new Map(this.lines);
    this.lines.clear();
    for (const [queue, { view }] of listed) {
      const name = boardName(view, clients);
      const known = before.get(name);
      this.lines.set(
        name,
        known?.queue === queue ? known : { queue, line: this.lineOf(name, queue) },
      );
    }
    this.replaceQueues([...this.lines.values()].map(({ line }) => line));
  }

  private lineOf(name: string, queue: QueueName): BoardLine {
    const { lookout } = this;
    return new BoardLine(name, {
      view: () => this.listed.get(queue)?.view ?? null,
      items: (place, start, end) => lookout.items(queue, place, start, end),
      item: (queueId) => lookout.item(queue, queueId),
      logs: (queueId) => lookout.logs(queue, queueId),
      metrics: (type, start, end) => lookout.metrics(queue, type, start, end),
      redisInfo: () => lookout.redisInfo(),
      visible: (request) => this.isVisible(name, queue, request),
    });
  }

  private isVisible(name: string, queue: QueueName, request: BullBoardRequest): boolean {
    const listed = this.listed.get(queue);
    if (!listed || !seesQueue(this.callerOf(request), listed)) return false;
    const asked = request.params['queueName'] ?? request.query['activeQueue'];
    if (asked !== undefined && (asked === name || decodeURIComponent(String(asked)) === name))
      return true;
    if (request.params['queueName'] !== undefined) return false;
    return this.listed.size <= LISTED_MOST || needsALook(listed);
  }

  /** Hides the buttons from those who may only look. Hiding is a courtesy; the verbs ask again. */
  private onlyLook(request: BullBoardRequest, body: unknown): void {
    if (this.callerOf(request).may('operate')) return;
    const { queues } = body as { queues?: { readOnlyMode: boolean }[] };
    for (const queue of queues ?? []) queue.readOnlyMode = true;
  }
}

function seesQueue(caller: Caller, { view, endpoint }: Listed): boolean {
  if (view.name === PARALLEL) return caller.unlimited;
  return endpoint !== null && caller.seesEndpoint(endpoint);
}

const needsALook = ({ view }: Listed): boolean =>
  view.state !== 'running' || view.counts.active > 0 || view.counts.failed > 0;
