import type { Claimed, Deliveries, Settled } from '../blocking/deliveries.js';
import type { RetrySettings } from '../config/endpoint-schema.js';
import type { Failure, Outcome } from '../connectors/connector.js';
import { messageOf } from '../errors.js';
import { pause } from '../lifecycle.js';
import type { Log } from '../log.js';
import { redactedText } from '../queues/redact.js';
import type { Endpoint } from '../queues/registry.js';
import { isOutage } from '../redis/outage.js';
import {
  inSpan,
  noteFailure,
  queueFacts,
  type Span,
  SpanKind,
  type SpanOptions,
  templateOf,
} from '../traces.js';
import { policyOf } from './back-off.js';
import { type Attempt, execute, type Workshop } from './execute.js';
import type { Postponed } from './gate.js';
import { type KeptLock, type LockKeeper, LockLost } from './lock-keeper.js';
import type { Meter } from './meter.js';
import type { Relay } from './relay.js';
import { settle } from './settle.js';
import type { Stations } from './stations.js';
import { notItsTurn, type Suspects } from './suspects.js';

/** The process stops: a delivery is to end at once, its item goes back to the head. */
export class Stopping extends Error {
  constructor() {
    super('this worker stops');
    this.name = 'Stopping';
  }
}

export interface RunnerOptions {
  /** Items of one queue before it is given back. */
  readonly budget: number;
  readonly lockMs: number;
  /** Retry policies by instruction. */
  readonly retry: Readonly<Record<string, RetrySettings>>;
}

/** Drains a claimed queue, one item after the other, a budget at a time. */
export class Runner {
  private readonly workshop: Workshop;
  private readonly deliveries: Deliveries;
  private readonly locks: LockKeeper;
  private readonly relay: Pick<Relay, 'soon'>;
  private readonly suspects: Suspects;
  private readonly options: RunnerOptions;
  private readonly meter: Meter;
  private readonly log: Log;
  private readonly running = new Set<(reason: Error) => void>();
  private stopping = false;

  constructor(
    workshop: Workshop,
    locks: LockKeeper,
    relay: Pick<Relay, 'soon'>,
    suspects: Suspects,
    options: RunnerOptions,
    meter: Meter,
    log: Log,
  ) {
    this.workshop = workshop;
    this.relay = relay;
    this.suspects = suspects;
    this.meter = meter;
    this.deliveries = workshop.deliveries;
    this.locks = locks;
    this.options = options;
    this.log = log;
  }

  /** From now on no further item is taken; those that run are finished. */
  takeNoMore(): void {
    this.stopping = true;
  }

  /** Ends the deliveries that still run; their items go back to the head. */
  abortAll(): void {
    for (const abort of this.running) abort(new Stopping());
  }

  /** Runs the item, then its followers until the queue is empty, stopped, or the budget used. Never throws. */
  async drain(first: Claimed): Promise<void> {
    const stations = this.workshop.stations();
    let claim: Claimed | null = first;
    for (let left = this.options.budget - 1; claim; left -= 1) {
      const more = () => left > 0 && !this.stopping;
      const now: Claimed = claim;
      claim = await inSpan(...spanOf(now), (span) => this.deliverOne(now, stations, more, span));
    }
  }

  /** Answers the next item when settling this one took it. */
  private async deliverOne(
    claim: Claimed,
    stations: Stations,
    more: () => boolean,
    span: Span,
  ): Promise<Claimed | null> {
    const lock = this.locks.keep(claim);
    const abort = (reason: Error) => lock.abort(reason);
    this.running.add(abort);
    const from = performance.now();
    const { instruction, mode } = claim.item;
    const leave = this.suspects.enter(claim);
    try {
      const attempt = leave ? await this.attempt(claim, stations, lock) : notItsTurn;
      if (!attempt) {
        this.meter.delivered({ instruction, became: 'handed-back', seconds: null });
        noteFailure(span, 'handed-back', 'the delivery was ended from inside');
        return null;
      }
      const seconds = attempt.sent ? (performance.now() - from) / 1_000 : null;
      lock.settling();
      const policies = {
        retry: policyOf(attempt.endpoint?.retry, this.options.retry[instruction], instruction),
        hold: this.workshop.hold,
        pinged: attempt.pinged ?? false,
        sent: attempt.sent ?? false,
        followUps: attempt.followUps ?? [],
        found: attempt.found ?? false,
        asked: attempt.asked,
        ifUnknown: attempt.ifUnknown ?? 'send',
        forPerson: attempt.forPerson ?? ((failure: Failure) => failure),
      };
      const settled = await this.insist(claim, () =>
        settle(this.deliveries, claim, attempt.outcome, policies, more()),
      );
      if (settled.stored && policies.followUps.length > 0) this.relay.soon();
      const became = settled.stored ? settled.became : 'refused';
      this.meter.delivered({ instruction, became, seconds });
      span.setAttribute('andon.outcome', became);
      if ('failure' in attempt.outcome)
        noteFailure(
          span,
          attempt.outcome.failure.cause,
          redactedText(attempt.outcome.failure.message),
        );
      this.tell(claim, attempt.outcome, attempt.endpoint, settled);
      // Redis was away for longer than the lock, or we slept: no fault of the item's.
      if (!settled.stored) await this.insist(claim, () => this.deliveries.pardon(claim));
      if (!settled.stored || !settled.next) return null;
      this.meter.claimed(mode === 'blocking' ? 'blocking' : 'parallel', 1);
      return settled.next;
    } catch (error) {
      // Nothing is lost: the lock runs out and the item returns to the head.
      this.log.error({ ...names(claim), error: messageOf(error) }, 'delivery could not be settled');
      noteFailure(span, 'unsettled', messageOf(error));
      return null;
    } finally {
      this.running.delete(abort);
      lock.release();
      leave?.();
    }
  }

  /** Null when the delivery was ended from inside: the lock was lost, or the worker stops. */
  private async attempt(
    claim: Claimed,
    stations: Stations,
    lock: KeptLock,
  ): Promise<Attempt | null> {
    const { signal } = lock;
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    try {
      signal.throwIfAborted();
      // A connector that does not heed the signal is left behind; its late result is refused.
      return await Promise.race([execute(claim, this.workshop, stations, lock), aborted]);
    } catch (reason) {
      if (reason instanceof LockLost || reason instanceof Stopping) {
        await this.insist(claim, () => this.handBack(claim));
        return null;
      }
      if (isOutage(reason)) {
        // Nothing was sent. It is tried again when Redis is back, and no try is counted.
        this.log.warn({ ...names(claim), error: messageOf(reason) }, 'Redis is away, handed back');
        await pause(200);
        await this.insist(claim, () => this.handBack(claim));
        return null;
      }
      // Not the far side's doing: what the attempt needs could not be read.
      const failure = {
        message: `could not be prepared: ${messageOf(reason)}`,
        cause: 'bug',
      } as const;
      return { endpoint: null, outcome: { kind: 'retry', failure } };
    }
  }

  /** To the head again, and no death is counted: this worker lives. */
  private async handBack(claim: Claimed): Promise<void> {
    if (!(await this.deliveries.giveBack(claim))) await this.deliveries.pardon(claim);
  }

  /** What came of a delivery is worth keeping: while Redis is away it is offered again. */
  private async insist<T>(claim: Claimed, store: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.options.lockMs;
    for (;;) {
      try {
        return await store();
      } catch (error) {
        const patient = isOutage(error) && !this.stopping;
        if (!patient && performance.now() > deadline) throw error;
        this.log.warn({ ...names(claim), error: messageOf(error) }, 'Redis is away, trying again');
        await pause(200);
      }
    }
  }

  private tell(
    claim: Claimed,
    outcome: Outcome | Postponed,
    endpoint: Endpoint | null,
    settled: Settled,
  ): void {
    const facts = {
      ...names(claim),
      endpoint: endpoint?.description,
      attempt: claim.item.attempts,
    };
    if (!settled.stored) {
      this.log.error(facts, 'late result refused: the lock was lost');
    } else if ('failure' in outcome && outcome.kind !== 'rate') {
      const message = redactedText(outcome.failure.message);
      this.log.warn({ ...facts, ...outcome.failure, message }, outcome.kind);
    } else {
      this.log.debug(facts, outcome.kind);
    }
  }
}

/** An attempt goes on in the trace of the item's enqueue, whoever made the attempts before. */
function spanOf({ item, fence }: Claimed): [name: string, options: SpanOptions] {
  const attributes = () => ({
    ...queueFacts('deliver', item.queue),
    'messaging.message.id': String(item.queueId),
    'andon.instruction': item.instruction,
    'andon.attempt': item.attempts,
    'andon.fence': fence,
    ...(item.client && { 'andon.client': item.client }),
  });
  const name = `deliver ${templateOf(item.queue)}`;
  return [name, { kind: SpanKind.CONSUMER, attributes, from: item.trace }];
}

const names = ({ item, fence }: Claimed) => ({
  queue: item.queue,
  queueId: item.queueId,
  instruction: item.instruction,
  client: item.client,
  fence,
});
