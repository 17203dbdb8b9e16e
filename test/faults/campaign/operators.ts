import type { Line, Verb } from '../checker/history.js';
import type { Andon } from './andon.js';
import { Chances } from './chances.js';
import { now, pause } from './clock.js';

/**
 * People at the desk: deal with every failed item, sometimes two at once; pause and resume queues. With a
 * part of the items they wait until an incident tells of them, as people do who read their mails.
 */
export class Operators {
  verbs = 0;
  private readonly andon: Andon;
  private readonly channels: readonly string[];
  private readonly write: (line: Line) => void;
  private readonly told: ReadonlySet<number>;
  private readonly lot: Chances;
  private readonly paused = new Map<string, number>();
  private over = false;
  private work: Promise<unknown> = Promise.resolve();
  private steered: Promise<void> = Promise.resolve();
  /** Queues where nobody deals with anything any more. */
  private readonly neglected = new Set<string>();

  constructor(
    andon: Andon,
    channels: readonly string[],
    write: (line: Line) => void,
    seed: number,
    told: ReadonlySet<number>,
  ) {
    this.andon = andon;
    this.channels = channels;
    this.write = write;
    this.told = told;
    this.lot = new Chances(seed, 2);
  }

  start(): void {
    this.work = this.deal();
  }

  /** From now on queues are paused and resumed. */
  startSteering(): void {
    this.steered = this.steer();
  }

  /** From now on this queue is to stay blocked. */
  neglect(channel: string): void {
    this.neglected.add(`channel.${channel}`);
  }

  /** Somebody deals with it again. */
  attend(channel: string): void {
    this.neglected.delete(`channel.${channel}`);
  }

  /** What is paused runs again; the failed are still dealt with. */
  async resumeAll(): Promise<void> {
    this.steering = false;
    await this.steered;
    for (const channel of this.channels) {
      for (let n = 0; n < 100; n += 1) {
        const answer = await this.turn('resume', channel);
        if (answer !== 'unknown') break;
        await pause(200);
      }
    }
  }

  /** A pause that came late, over a slow connection, behind the resume that was to lift it. */
  async resumeLate(queue: string): Promise<void> {
    const channel = queue.replace('channel.', '');
    if (this.channels.includes(channel)) await this.turn('resume', channel);
  }

  private steering = true;

  async stop(): Promise<void> {
    this.over = true;
    await Promise.all([this.work, this.steered]);
  }

  private async deal(): Promise<void> {
    while (!this.over) {
      const { body } = await this.andon.call('GET', '/v1/items?state=failed&limit=200');
      const failed: Failed[] = body?.items ?? [];
      for (const { queue, queueId, instruction } of failed) {
        if (this.over) return;
        // A mail that is given up is for the checker to see.
        if (this.neglected.has(queue) || instruction === 'send_email') continue;
        if (waitsToBeTold(queue, queueId) && !this.told.has(queueId)) continue;
        const verbs = [this.lot.one(['retry', 'retry', 'skip', 'resolve'] as const)];
        if (this.lot.chance(0.15)) verbs.push(this.lot.one(['retry', 'skip', 'resolve'] as const));
        await Promise.all(verbs.map((verb) => this.act(verb, queue, queueId)));
      }
      await pause(250);
    }
  }

  private async act(did: Verb['did'], queue: string, id: number): Promise<void> {
    const asked = now();
    const body = did === 'retry' ? undefined : { reason: 'campaign' };
    const { status } = await this.andon.call('POST', `/v1/items/${id}/${did}`, body);
    this.verbs += 1;
    this.write({
      by: 'operator',
      did,
      asked,
      answered: now(),
      answer: answerOf(status),
      queue,
      id,
    });
  }

  private async steer(): Promise<void> {
    while (!this.over && this.steering) {
      await pause(this.lot.between(200, 1_200));
      if (!this.steering) return;
      const [longest] = this.paused;
      if (longest && now() - longest[1] > 1_500) await this.turn('resume', longest[0]);
      else if (this.paused.size < 3) await this.turn('pause', this.lot.one(this.channels));
    }
  }

  private async turn(did: 'pause' | 'resume', channel: string): Promise<string> {
    const asked = now();
    const { status } = await this.andon.call(
      'POST',
      `/v1/queues/channel.${channel}/${did}`,
      did === 'pause' ? { reason: 'campaign' } : undefined,
    );
    const answer = answerOf(status);
    this.verbs += 1;
    this.write({
      by: 'steering',
      did,
      asked,
      answered: now(),
      answer,
      queue: `channel.${channel}`,
    });
    if (did === 'pause') this.paused.set(channel, now());
    else if (answer !== 'unknown') this.paused.delete(channel);
    return answer;
  }
}

interface Failed {
  readonly queue: string;
  readonly queueId: number;
  readonly instruction: string;
}

/** Every third queue, and every third of the orders. */
const waitsToBeTold = (queue: string, queueId: number): boolean =>
  (queue === 'parallel' ? queueId : Number(queue.replace('channel.', ''))) % 3 === 0;

/** A 404 may be an item that retention took meanwhile. */
const answerOf = (status: number): 'done' | 'refused' | 'unknown' =>
  status >= 200 && status < 300 ? 'done' : status >= 400 && status < 500 ? 'refused' : 'unknown';
