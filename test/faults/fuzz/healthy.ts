import type { Andon } from '../campaign/andon.js';
import type { Ledger } from './ledger.js';

const EVERY_MS = 100;

/** A client that behaves, beside the others: what it asks must be answered well, in time, in order. */
export class Healthy {
  readonly failures: string[] = [];
  private readonly api: Andon;
  private readonly ledger: Ledger;
  private readonly times: number[] = [];
  private readonly running: Promise<void>;
  private stopped = false;
  private last = 0;

  constructor(api: Andon, ledger: Ledger) {
    this.api = api;
    this.ledger = ledger;
    this.running = this.run();
  }

  private async run(): Promise<void> {
    for (let n = 0; !this.stopped; n += 1) {
      if (n % 2 === 0) await this.enqueue(n);
      else await this.ask('GET', '/v1/queues/channel.healthy');
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  private async enqueue(n: number): Promise<void> {
    const item = {
      instruction: 'add_product',
      channel: 'healthy',
      data: { sku: `H${n}`, title: 'H' },
    };
    const body = await this.ask('POST', '/v1/items', item);
    if (!body) return;
    this.ledger.add(body.queueId, item);
    if (body.queueId <= this.last) this.failures.push(`${body.queueId} came after ${this.last}`);
    this.last = body.queueId;
  }

  private async ask(method: string, path: string, body?: unknown) {
    const from = performance.now();
    const reply = await this.api.call(method, path, body, {}, 0, 30_000);
    this.times.push(performance.now() - from);
    if (reply.status >= 200 && reply.status < 300) return reply.body;
    this.failures.push(
      `a client that behaves was answered ${reply.status}: ${JSON.stringify(reply.body)?.slice(0, 300)}`,
    );
    return null;
  }

  async stop(): Promise<{ calls: number; p99Ms: number; maxMs: number }> {
    this.stopped = true;
    await this.running;
    const sorted = this.times.sort((a, b) => a - b);
    const at = (share: number) => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
    return { calls: sorted.length, p99Ms: at(0.99), maxMs: at(1) };
  }
}
