import type { STATUSES } from '@bull-board/api/dist/constants/statuses.js';
import { BaseAdapter } from '@bull-board/api/dist/queueAdapters/base.js';
import type {
  BullBoardRequest,
  JobCounts,
  JobStatus,
  MetricsType,
  QueueJob,
  QueueMetrics,
  QueueWorker,
  Status,
} from '@bull-board/api/dist/types.js';
import { SOMEBODY_ELSES } from '../accounts/as-seen.js';
import type { FleetPause } from '../blocking/fleet-switch.js';
import type { Place } from '../queues/places.js';
import { redactedText } from '../queues/redact.js';
import type { ItemView, QueueView } from '../queues/view.js';
import { DELIMITER } from './names.js';
import { shownItem } from './shown-item.js';

/** What a line on the board needs to know; all of it reads, nothing writes. */
export interface LineSource {
  /** The queue as it was at the last look; null when it is gone. */
  view(): QueueView | null;
  /** Why nothing starts anywhere; null while the fleet runs. */
  fleet(): FleetPause | null;
  /** The processes that deliver, each for all queues. */
  workers(): QueueWorker[];
  items(place: Place, start: number, end: number): Promise<ItemView[]>;
  item(queueId: number): Promise<ItemView | null>;
  logs(queueId: number): Promise<string[]>;
  metrics(type: MetricsType, start: number, end: number): Promise<QueueMetrics>;
  redisInfo(): Promise<string>;
  visible(request: BullBoardRequest): boolean;
}

type Shown = Exclude<Status, typeof STATUSES.latest>;

const places: Partial<Record<JobStatus, Place>> = {
  failed: 'failed',
  active: 'active',
  waiting: 'waiting',
  delayed: 'backing-off',
  completed: 'finished',
};
const tabs = Object.keys(places) as Shown[];

/**
 * One queue as Bull Board sees it: a window to look through. There is no BullMQ `Queue` behind it, so
 * it holds no connection, and no handler of the board can change anything with it; the writing routes
 * are answered before the board sees them.
 */
export class BoardLine extends BaseAdapter {
  private readonly key: string;
  private readonly source: LineSource;

  constructor(key: string, source: LineSource) {
    super('bullmq', {
      delimiter: DELIMITER,
      allowCompletedRetries: false,
      externalJobUrl: ({ id, opts }) =>
        opts.recordUrl
          ? { href: opts.recordUrl, displayText: 'Record' }
          : { href: `/items/${id}`, displayText: 'In the console' },
    });
    this.key = key;
    this.source = source;
    this.setVisibilityGuard((request) => source.visible(request));
  }

  getName(): string {
    return this.key;
  }

  override getDisplayName(): string {
    const view = this.source.view();
    if (!view) return this.key;
    const stand =
      view.state === 'running' ? this.source.fleet() && 'fleet paused' : stands[view.state];
    return stand ? `${view.description} — ${stand}` : view.description;
  }

  override getDescription(): string {
    const view = this.source.view();
    const fleet = this.source.fleet();
    const sentences = [fleet && describeFleet(fleet), view && describe(view)];
    return redactedText(sentences.filter(Boolean).join(' '));
  }

  getStatuses(): Status[] {
    return ['latest', ...tabs];
  }

  getJobStatuses(): JobStatus[] {
    return tabs;
  }

  async getJobCounts(): Promise<JobCounts> {
    const counts = this.source.view()?.counts;
    const none = { latest: 0, paused: 0, prioritized: 0, 'waiting-children': 0 };
    if (!counts) return { ...none, active: 0, completed: 0, delayed: 0, failed: 0, waiting: 0 };
    return {
      ...none,
      active: counts.active,
      completed: counts.completed + counts.skipped + counts.resolved,
      delayed: counts.backingOff,
      failed: counts.failed,
      waiting: counts.waiting,
    };
  }

  async getJob(id: string): Promise<QueueJob | null> {
    const item = /^\d{1,15}$/.test(id) ? await this.source.item(Number(id)) : null;
    return item && shownItem(item);
  }

  async getJobs(statuses: JobStatus[], start = 0, end = 9): Promise<QueueJob[]> {
    const found = await Promise.all(
      statuses.flatMap((status) => {
        const place = places[status];
        return place ? [this.source.items(place, start, end)] : [];
      }),
    );
    return found.flat().map(shownItem);
  }

  async getJobLogs(id: string): Promise<string[]> {
    return (await this.source.logs(Number(id))).map(redactedText);
  }

  getMetrics(type: MetricsType, start = 0, end = -1): Promise<QueueMetrics> {
    return this.source.metrics(type, start, end);
  }

  getRedisInfo(): Promise<string> {
    return this.source.redisInfo();
  }

  /** The board knows no other sign for a queue that stands; its labels say "stopped". */
  async isPaused(): Promise<boolean> {
    const view = this.source.view();
    return view !== null && (view.paused || view.blocked);
  }

  /** Each worker serves all queues and has no connection of its own for any, which Bull Board would look for. */
  override async getWorkers(): Promise<QueueWorker[]> {
    return this.source.workers();
  }

  async getGlobalConcurrency(): Promise<number | null> {
    return this.source.view()?.mode === 'blocking' ? 1 : null;
  }

  async getJobSchedulers(): Promise<never[]> {
    return [];
  }

  async getJobSchedulersCount(): Promise<number> {
    return 0;
  }

  clean = refuse;
  addJob = refuse;
  pause = refuse;
  resume = refuse;
  empty = refuse;
  obliterate = refuse;
  promoteAll = refuse;
  removeJobScheduler = refuse;
  updateJobScheduler = refuse;
  runJobSchedulerNow = refuse;
  setGlobalConcurrency = refuse;
}

/** Never reached while every writing route is answered before the board; if one were, it changes nothing. */
async function refuse(): Promise<never> {
  throw new Error('queues change through the transitions only');
}

const stands = { blocked: 'blocked', paused: 'paused', held: 'on hold' } as const;

/** Why the queue stands, in a sentence. */
export function describe(view: QueueView): string {
  if (view.blockedBy) {
    const { queueId, title, error, since } = view.blockedBy;
    const what = title ? `item ${queueId} (${title})` : `item ${queueId}`;
    return `Blocked${since ? ` since ${when(since)}` : ''} by ${what}: ${error}. Retry, skip or resolve it; nothing behind it runs before.`;
  }
  if (view.blocked) return `Blocked by ${SOMEBODY_ELSES}: an admin of all clients can see to it.`;
  if (view.pausedBy) {
    const { actor, at, reason } = view.pausedBy;
    return `Paused by ${actor}${at ? ` at ${when(at)}` : ''}${reason ? `: ${reason}` : ''}. Resume it to go on.`;
  }
  if (view.heldUntil) {
    return `On hold until ${when(view.heldUntil)}${view.heldReason ? `, because ${view.heldReason}` : ''}. It goes on by itself.`;
  }
  return '';
}

const describeFleet = ({ at, by, reason }: FleetPause): string =>
  `The whole fleet is paused by ${by} since ${when(at)}: ${reason}. Nothing starts in any queue until an admin goes on with andon fleet resume.`;

/** Made once: `toLocaleDateString` makes one for each date, half the time of a poll with 200 of them. */
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** "13:54 UTC on 21 Nov": the text stands in a page of which we do not know the reader's clock. */
const when = (at: string): string => `${at.slice(11, 16)} UTC on ${day.format(new Date(at))}`;
