import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.js';
import { Andon } from '../campaign/andon.js';
import { CHANNELS, type Schema, SOURCES, WIRE_CHANNEL } from './example.js';
import type { Operation, Surface } from './requests.js';

export const ADMIN_KEY = 'fuzz.0123456789abcdef0123456789abcdef';
const PASSWORD = 'correct horse battery';
/** Nothing that is sent may make it need more: with more, V8 ends the process. Megabytes. */
const HEAP_MB = 320;

/** Short times, so that slow clients are soon over; nothing is removed, so that all can be compared. */
const SETTINGS = `api: { headersMs: 1500, requestMs: 4000, idleMs: 20000, keepAliveMs: 3000, connections: 400, rateLimit: { key: { max: 0 }, address: { max: 0 } } }
retention: { completed: 10000000 }
`;

/** A Redis and an API process of their own, as a user starts them. */
export class Target {
  readonly port: number;
  readonly api: Andon;
  readonly directory: string;
  /** What the processes wrote on their error channel, the end of it. */
  errors = '';
  died: string | null = null;
  private readonly redis: ChildProcess;
  private readonly child: ChildProcess;
  private ending = false;

  private constructor(directory: string, product: string, port: number, redisPort: number) {
    this.directory = directory;
    this.port = port;
    this.redis = spawn(
      'redis-server',
      [
        '--port',
        String(redisPort),
        '--bind',
        '127.0.0.1',
        '--dir',
        directory,
        '--save',
        '',
        '--appendonly',
        'yes',
        '--appendfsync',
        'everysec',
        '--maxmemory-policy',
        'noeviction',
      ],
      { stdio: 'ignore' },
    );
    this.child = spawn(process.execPath, ['dist/cli.js', 'api'], {
      cwd: product,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
        REDIS_URL: `redis://127.0.0.1:${redisPort}`,
        ANDON_PREFIX: 'fuzz',
        ANDON_PORT: String(port),
        ANDON_CONFIG: join(directory, 'andon.yaml'),
        ANDON_DATA_DIR: join(directory, 'data'),
        ANDON_BOOTSTRAP_KEY: ADMIN_KEY,
        ANDON_ADMIN_PASSWORD: PASSWORD,
        ANDON_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
        ANDON_CONNECTOR_NETWORKS: '127.0.0.0/8',
        ANDON_LOG_LEVEL: 'error',
      },
    });
    const keep = (chunk: Buffer) => {
      this.errors = (this.errors + chunk.toString()).slice(-20_000);
    };
    this.child.stderr?.on('data', keep);
    this.child.stdout?.on(
      'data',
      (chunk: Buffer) => /"level"|rror/.test(String(chunk)) && keep(chunk),
    );
    for (const [who, one] of [
      ['API', this.child],
      ['Redis', this.redis],
    ] as const)
      one.once('exit', (code, signal) => {
        if (!this.ending) this.died ??= `the ${who} process ended with ${code ?? signal}`;
      });
    this.api = new Andon([port], ADMIN_KEY);
  }

  /** What the log says of a request, after a line feed; '' when nothing, or when it is long ago. */
  logged(requestId: string | undefined): string {
    const lines = this.errors.split('\n').filter((line) => requestId && line.includes(requestId));
    return lines.map((line) => `\n  ${line}`).join('');
  }

  static async start(product: string): Promise<Target> {
    const directory = await mkdtemp(join(tmpdir(), 'andon-fuzz-'));
    await mkdir(join(directory, 'data'));
    await writeFile(join(directory, 'andon.yaml'), SETTINGS);
    const [port, redisPort] = [await freePort(), await freePort()];
    const target = new Target(directory, product, port, redisPort);
    try {
      for (let status = 0; status !== 200; ) {
        if (target.died) throw new Error(target.died);
        ({ status } = await target.api.call('GET', '/readyz'));
        if (status !== 200) await new Promise((resolve) => setTimeout(resolve, 100));
      }
    } catch (error) {
      await target.stop();
      throw new Error(`the API did not start: ${target.errors}`, { cause: error });
    }
    return target;
  }

  /** Registers what the requests are about, and reads from the product itself what it takes. */
  async surface(product: string): Promise<Surface> {
    const { api } = this;
    const put = (kind: string, id: string, more: object = {}) =>
      api.insist('PUT', `/v1/${kind}s/${id}`, {
        description: `${kind} ${id}`,
        connector: { type: 'http', url: 'http://127.0.0.1:9/' },
        ...more,
      });
    for (const id of CHANNELS) await put('channel', id, { client: 'cape' });
    for (const id of SOURCES) await put('source', id, { client: 'cape' });
    for (const id of ['fulfillment', 'hub', 'email', 'webhook']) await put('service', id);
    await put('channel', 'healthy');
    await put('channel', WIRE_CHANNEL);
    const key = async (grant: object): Promise<string> =>
      (await api.insist('POST', '/v1/keys', grant)).body.key;
    const keys = [
      ADMIN_KEY,
      await key({ scopes: ['read'] }),
      await key({ scopes: ['enqueue'], client: 'cape' }),
      await key({ scopes: ['operate'], channels: ['c1'] }),
      await key({ scopes: ['admin', 'read', 'enqueue', 'operate'], client: 'other' }),
    ];
    await api.insist('POST', '/v1/users', { name: 'looker', role: 'viewer', password: PASSWORD });
    const { body } = await api.insist('GET', '/openapi.json');
    return {
      operations: operationsOf(body.paths),
      pages: PAGES,
      instructions: instructionsOf(product),
      keys,
      cookie: await this.logIn('looker'),
      items: 500,
    };
  }

  private async logIn(name: string): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/login`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: `http://127.0.0.1:${this.port}`, accept: 'text/html' },
      body: new URLSearchParams({ name, password: PASSWORD }),
    });
    const cookie = answer.headers.get('set-cookie')?.split(';')[0];
    if (!cookie) throw new Error(`no login: ${answer.status} ${await answer.text()}`);
    return cookie;
  }

  /** Resident memory of the API process in megabytes: now, and the most there has been. */
  memory(): { rss: number; peak: number } {
    try {
      const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
      const mb = (name: string) =>
        Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
      return { rss: mb('VmRSS'), peak: mb('VmHWM') };
    } catch {
      return { rss: 0, peak: 0 };
    }
  }

  async stop(): Promise<void> {
    this.ending = true;
    this.api.close();
    for (const one of [this.child, this.redis]) {
      if (one.exitCode !== null || one.signalCode !== null) continue;
      const gone = once(one, 'exit');
      const hangs = setTimeout(() => one.kill('SIGKILL'), 10_000);
      one.kill('SIGTERM');
      await gone;
      clearTimeout(hangs);
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}

const PAGES = [
  '/',
  '/login',
  '/logout',
  '/login/provider',
  '/account',
  '/account/password',
  '/audit',
  '/users',
  '/users/{name}',
  '/queues/{name}',
  '/items/{queueId}',
  '/events',
  '/assets/andon.svg',
  '/healthz',
  '/readyz',
  '/docs',
  '/openapi.json',
  '/metrics',
  '/board',
  '/board/',
  '/board/queue/{name}',
  '/board/queue/{name}/{queueId}',
  '/board/queues/{name}',
  '/board/items/{queueId}',
  '/board/andon/alive',
  '/board/api/queues',
  '/board/api/redis/stats',
  '/board/api/queues/{name}/{queueId}',
  '/board/api/queues/{name}/{queueId}/logs',
  '/board/api/queues/{name}/{queueId}/retry/failed',
  '/board/api/queues/{name}/{queueId}/promote',
  '/board/api/queues/{name}/{queueId}/clean',
  '/board/api/queues/{name}/pause',
  '/board/api/queues/{name}/add',
  '/board/api/queues/{name}/obliterate',
  '/board/api/queues/{name}/clean/completed',
  '/board/static/locales/{name}/messages.json',
];

type Paths = Record<
  string,
  Record<
    string,
    {
      readonly parameters?: readonly { name: string; in: string; schema: Schema }[];
      readonly requestBody?: { content: Record<string, { schema: Schema }> };
    }
  >
>;

const operationsOf = (paths: Paths): Operation[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      method,
      path,
      query: Object.fromEntries(
        parameters.filter((one) => one.in === 'query').map((one) => [one.name, one.schema]),
      ),
      body: requestBody?.content['application/json']?.schema ?? null,
    })),
  );

function instructionsOf(product: string): string[] {
  const text = readFileSync(join(product, 'config/instructions.json'), 'utf8');
  return (JSON.parse(text) as { instruction: string }[]).map((one) => one.instruction);
}
