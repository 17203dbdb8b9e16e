import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from '@jest/globals';

/** A span as it arrived, its attributes as a record. */
export interface Received {
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: string | null;
  readonly links: readonly string[];
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Which process sent it. */
  readonly instance: string;
}

const kinds = ['', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const open = new Set<Server>();
afterAll(() => {
  for (const server of open) {
    server.close();
    server.closeAllConnections();
  }
});

interface Otlp {
  readonly resourceSpans: {
    readonly resource: { readonly attributes: Attribute[] };
    readonly scopeSpans: { readonly spans: OtlpSpan[] }[];
  }[];
}
interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
interface OtlpSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly links?: { readonly spanId: string }[];
  readonly status?: { readonly code?: number };
  readonly attributes: Attribute[];
}

/** Takes spans by OTLP over HTTP, as JSON. */
export class Collector {
  readonly spans: Received[] = [];
  /** Everything that came, as it came. */
  raw = '';
  readonly url: string;

  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(): Promise<Collector> {
    const server = createServer();
    open.add(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const collector = new Collector((server.address() as AddressInfo).port);
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      collector.take(Buffer.concat(chunks).toString());
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
    return collector;
  }

  private take(text: string): void {
    this.raw += text;
    for (const { resource, scopeSpans } of (JSON.parse(text) as Otlp).resourceSpans) {
      const instance = String(recordOf(resource.attributes)['service.instance.id']);
      for (const span of scopeSpans.flatMap(({ spans }) => spans))
        this.spans.push({
          name: span.name,
          kind: kinds[span.kind] as Received['kind'],
          traceId: span.traceId,
          spanId: span.spanId,
          parent: span.parentSpanId || null,
          links: (span.links ?? []).map(({ spanId }) => spanId),
          failed: span.status?.code === 2,
          attributes: recordOf(span.attributes),
          instance,
        });
    }
  }
}

const recordOf = (attributes: readonly Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
