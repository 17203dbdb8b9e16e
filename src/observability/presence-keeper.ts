import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { messageOf } from '../errors.js';
import { type Part, pause, within } from '../lifecycle.js';
import type { Log } from '../log.js';
import { PRESENT_MS, type Presence, type ProcessCard } from '../redis/presence.js';

const EVERY_MS = PRESENT_MS / 3;

/** Says again and again that this process lives, so that others can tell who is missing. */
export class PresenceKeeper implements Part {
  readonly name = 'presence';
  private readonly presence: Presence;
  private readonly card: ProcessCard;
  private readonly log: Log;
  private readonly stopped = new AbortController();
  private loop: Promise<void> | null = null;

  constructor(presence: Presence, facts: { roles: readonly string[]; version: string }, log: Log) {
    this.presence = presence;
    this.log = log;
    this.card = {
      id: randomUUID().slice(0, 8),
      roles: [...facts.roles],
      version: facts.version,
      host: hostname(),
      pid: process.pid,
      since: new Date().toISOString(),
    };
  }

  async start(): Promise<void> {
    this.loop ??= this.run();
  }

  async stop(): Promise<void> {
    if (!this.loop) return;
    this.stopped.abort();
    await this.loop;
    // Whoever cannot say goodbye is forgotten by itself.
    await within(1_000, this.presence.leave(this.card.id), 'no goodbye').catch(() => {});
  }

  private async run(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      await this.presence
        .sign(this.card)
        .catch((error) => this.log.debug({ error: messageOf(error) }, 'presence: told again soon'));
      await pause(EVERY_MS, this.stopped.signal);
    }
  }
}
