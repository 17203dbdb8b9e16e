import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from '@jest/globals';
import { until } from './until.js';

/** A delivery as it arrived. */
export interface Delivered {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly queueId: number;
    readonly instruction: string;
    readonly description: string;
    readonly attempt: number;
    readonly channel: string | null;
    readonly data: Readonly<Record<string, unknown>>;
  };
}

export interface FarAnswer {
  readonly status: number;
  readonly body?: object;
}

const open = new Set<Server>();
afterAll(() => {
  for (const server of open) {
    server.close();
    server.closeAllConnections();
  }
});

/** A shop or ERP: writes down what arrives, in order, and answers as the test has scripted. */
export class FarSide {
  readonly deliveries: Delivered[] = [];
  /** Decides each answer; may take its time. */
  answer: (delivery: Delivered) => FarAnswer | Promise<FarAnswer> = () => ({ status: 200 });
  readonly url: string;

  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}/in`;
  }

  static async start(): Promise<FarSide> {
    const server = createServer();
    open.add(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const side = new FarSide((server.address() as AddressInfo).port);
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = JSON.parse(Buffer.concat(chunks).toString());
      const delivery = { path: request.url ?? '', headers: request.headers, body };
      side.deliveries.push(delivery);
      const { status, body: answer } = await side.answer(delivery);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(answer ? JSON.stringify(answer) : '');
    });
    return side;
  }

  /** What arrived so far, by SKU, in order. */
  get skus(): unknown[] {
    return this.deliveries.map(({ body }) => body.data['sku']);
  }

  /** Refuses these SKUs, as a shop refuses bad data, until told otherwise. */
  refuse(...skus: string[]): void {
    this.answer = ({ body }) =>
      skus.includes(String(body.data['sku']))
        ? { status: 422, body: { detail: `${String(body.data['sku'])} has no price` } }
        : { status: 200 };
  }

  untilDelivered(...skus: string[]): Promise<unknown> {
    return until(`${skus.join(' ')} to be delivered`, () =>
      skus.every((sku) => this.skus.includes(sku)),
    );
  }
}
