import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from '@jest/globals';
import { pause } from '../../src/lifecycle.js';

/** One delivery as the far side saw it. */
export interface Sighting {
  readonly channel: string;
  readonly queueId: number;
  readonly title: string;
  readonly key: string;
  readonly attempt: number;
  readonly fence: number;
  /** Queue ids of other deliveries of the same channel that were still open. */
  readonly beside: number[];
  /** Answers it; by itself only when `answer` says so. */
  reply(status: number, body?: object): void;
}

/** A shop of the test's own: sees every delivery in the order in which it arrived. */
export class Witness {
  readonly sightings: Sighting[] = [];
  /** What to answer, or undefined to leave that to the test. */
  answer: (sighting: Sighting) => Promise<number> | number | undefined = async () => {
    await pause(2);
    return 200;
  };
  /** What to answer to a GET, which is a ping; undefined: nothing at all. */
  ping: () => number | undefined = () => 204;
  private readonly open = new Set<Sighting>();
  private readonly server = createServer(
    (request, response) => void this.receive(request, response),
  );

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    afterAll(() => {
      this.server.close();
      this.server.closeAllConnections();
    });
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  /** Titles of a channel in the order in which each was first seen. */
  firsts(channel: string): string[] {
    return [
      ...new Set(this.sightings.filter((one) => one.channel === channel).map((one) => one.title)),
    ];
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') {
      const status = this.ping();
      if (status !== undefined) response.writeHead(status).end();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    const others = [...this.open].filter((one) => one.channel === body.channel);
    const sighting: Sighting = {
      channel: body.channel,
      queueId: body.queueId,
      title: body.data.title,
      key: String(request.headers['idempotency-key']),
      attempt: Number(request.headers['x-andon-attempt']),
      fence: Number(request.headers['x-andon-fence']),
      beside: others.map((one) => one.queueId),
      reply: (status, answer = {}) => {
        this.open.delete(sighting);
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(answer));
      },
    };
    this.open.add(sighting);
    // A worker that was killed leaves its exchange: it is over then.
    response.once('close', () => this.open.delete(sighting));
    this.sightings.push(sighting);
    const status = await this.answer(sighting);
    if (status !== undefined) sighting.reply(status, status === 422 ? { title: 'no' } : {});
  }
}
