import { Agent, request } from 'node:http';

/** What came back; `status` 0 is no answer. */
export interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are read by hand here, without the product's shapes
  readonly body: any;
}

/** The HTTP API as any program would call it, of one process or of whichever answers. */
export class Andon {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });
  private readonly ports: readonly number[];
  private readonly key: string;
  private turn = 0;

  constructor(ports: readonly number[], key: string) {
    this.ports = ports;
    this.key = key;
  }

  /** Which API process is asked next. */
  next(): number {
    this.turn = (this.turn + 1) % this.ports.length;
    return this.turn;
  }

  call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    place = this.next(),
    timeoutMs = 5_000,
  ): Promise<Reply> {
    return new Promise((resolve) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const none = () => resolve({ status: 0, body: null });
      const asked = request(
        {
          host: '127.0.0.1',
          port: this.ports[place],
          method,
          path,
          agent: this.agent,
          timeout: timeoutMs,
          headers: {
            authorization: `Bearer ${this.key}`,
            ...(text === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', none);
          response.on('aborted', none);
          response.on('end', () => {
            try {
              const answer = Buffer.concat(chunks).toString();
              resolve({
                status: response.statusCode ?? 0,
                body: answer ? JSON.parse(answer) : null,
              });
            } catch {
              none();
            }
          });
        },
      );
      asked.on('timeout', () => asked.destroy());
      asked.on('error', none);
      asked.end(text);
    });
  }

  /** Asks until somebody answers as hoped. @throws after 60 s */
  async insist(method: string, path: string, body?: unknown): Promise<Reply> {
    let last: Reply = { status: 0, body: null };
    for (let n = 0; n < 300; n += 1) {
      last = await this.call(method, path, body);
      if (last.status >= 200 && last.status < 300) return last;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(
      `${method} ${path} was never answered well: ${last.status} ${JSON.stringify(last.body)}`,
    );
  }

  close(): void {
    this.agent.destroy();
  }
}
