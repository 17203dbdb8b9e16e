import type { Request, RequestHandler, Response } from 'express';
import { type Visitor, visitorOf } from '../accounts/guard.js';
import { messageOf } from '../errors.js';
import type { Part } from '../lifecycle.js';
import type { ConsoleServices } from './services.js';

/** How often Redis is asked while a page is open, in milliseconds. */
const LOOK_MS = 1_000;
/** How often it is asked whether the session still stands, in milliseconds. */
const SESSION_MS = 20_000;
/** Open streams of one process; a browser that gets none polls. */
const MOST = 1_000;

interface Reader {
  readonly request: Request;
  readonly response: Response;
  readonly visitor: Visitor;
  askedAt: number;
}

/**
 * `GET /events`: tells open pages that queues changed, as server-sent events of the type `change` with
 * `{"queues": ["channel.12"]}`, and `ended` when the session is over. What exactly changed the page
 * finds out itself, under its own permission. However many pages are open, the process looks once a
 * second; without pages it does not look at all.
 */
export class LiveFeed implements Part {
  readonly name = 'live feed';
  private readonly services: ConsoleServices;
  private readonly readers = new Set<Reader>();
  private timer: NodeJS.Timeout | null = null;
  private looking = false;
  private stopped = false;
  private away = false;

  constructor(services: ConsoleServices) {
    this.services = services;
  }

  async start(): Promise<void> {}

  /** Ends all streams, so that the server need not wait for them. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.halt();
    for (const reader of this.readers) reader.response.end();
    this.readers.clear();
  }

  readonly handler: RequestHandler = async (request, response) => {
    if (this.stopped || this.readers.size >= MOST) {
      response.status(503).set('Retry-After', '30').end();
      return;
    }
    const reader: Reader = {
      request,
      response,
      visitor: visitorOf(response),
      askedAt: Date.now(),
    };
    response.set({
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      // proxies that gather answers would hold the events back
      'X-Accel-Buffering': 'no',
    });
    this.readers.add(reader);
    response.on('close', () => this.leave(reader));
    // The first look notes where the streams stand: from then on nothing is missed, and the page, told that
    // the stream is open, looks once itself.
    if (!this.timer) {
      this.timer = setInterval(() => void this.look(), LOOK_MS);
      await this.look();
    }
    if (!response.writableEnded) response.write('retry: 5000\n\n');
  };

  private leave(reader: Reader): void {
    this.readers.delete(reader);
    if (this.readers.size === 0) this.halt();
  }

  private halt(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
    this.services.events.forget();
  }

  private async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      const queues = await this.services.events.changed();
      for (const reader of this.readers) await this.tell(reader, queues);
      this.away = false;
    } catch (error) {
      if (!this.away) this.services.log.warn({ error: messageOf(error) }, 'no live events now');
      this.away = true;
    } finally {
      this.looking = false;
    }
  }

  private async tell(reader: Reader, queues: readonly string[]): Promise<void> {
    const { response, visitor, request } = reader;
    if (Date.now() - reader.askedAt > SESSION_MS) {
      reader.askedAt = Date.now();
      if (!(await this.services.guard.stillThere(visitor, request))) {
        response.end('event: ended\ndata: {}\n\n');
        return;
      }
      response.write(': still here\n\n');
    }
    const seen = await this.seenBy(visitor, queues);
    if (seen.length > 0) {
      response.write(`event: change\ndata: ${JSON.stringify({ queues: seen })}\n\n`);
    }
  }

  private async seenBy({ caller }: Visitor, queues: readonly string[]): Promise<string[]> {
    if (queues.length === 0 || caller.unlimited) return [...queues];
    const endpoints = await this.services.registry.getMany(queues);
    return queues.filter((name, n) => caller.seesQueue(name, endpoints[n] ?? null));
  }
}
