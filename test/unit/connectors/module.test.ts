import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Connector, Delivery, Outcome } from '../../../src/connectors/connector.js';
import { moduleType } from '../../../src/connectors/module/module.js';
import { ModuleThreads } from '../../../src/connectors/module/threads.js';
import { until } from '../../support/until.js';
import { deliveryOf, later, tidy } from './far-side.js';

afterEach(tidy);

const directory = 'test/support/modules';
const AUTHOR = new URL('../../../dist/connectors/module/author.js', import.meta.url).href;

async function temporaryDirectory(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'andon-test-'));
  later(() => rm(root, { recursive: true, force: true }));
  return root;
}

interface Logged {
  readonly message: string;
  readonly [fact: string]: unknown;
}

function threadsFor(
  limits: { directory?: string; memoryMb?: number; graceMs?: number; idleMs?: number } = {},
) {
  const logged: Logged[] = [];
  const write = (facts: object, message: string) => void logged.push({ ...facts, message });
  const log = { debug: write, info: write, warn: write, error: write };
  const threads = new ModuleThreads(
    { directory, memoryMb: 64, graceMs: 200, ...limits },
    log,
    limits.idleMs ?? 60_000,
  );
  return { threads, logged, type: moduleType(threads) };
}

/** The connector of `tricks.js`, which does what the title of its item says. */
async function tricks(settings: object = {}, limits: Parameters<typeof threadsFor>[0] = {}) {
  const made = await lastingTricks(settings, limits);
  later(() => made.threads.stop());
  return made;
}

async function lastingTricks(settings: object = {}, limits: Parameters<typeof threadsFor>[0] = {}) {
  const made = threadsFor(limits);
  const parsed = made.type.parse({ type: 'module', path: 'tricks.js', ...settings });
  return { ...made, connector: await made.type.create(parsed, 'channel.12') };
}

/** One for all tests that do its thread no harm: a thread takes a while to start. */
let steady: Awaited<ReturnType<typeof tricks>>;
beforeAll(async () => {
  steady = await lastingTricks();
});
afterAll(() => steady.threads.stop());

const trick = (title: string, over: Partial<Omit<Delivery, 'log'>> & { lines?: string[] } = {}) =>
  deliveryOf({ data: { sku: 'A', title }, ...over });

const failureIn = (outcome: Outcome) => {
  if (!('failure' in outcome)) throw new Error(`${outcome.kind} has no failure`);
  return outcome.failure;
};

describe('what a module says becomes the outcome', () => {
  it.each([
    ['ok', { kind: 'done', result: { made: 'T-1' }, followUps: [] }],
    ['nothing', { kind: 'done', followUps: [] }],
    ['already', { kind: 'already-done', result: { id: 7 }, followUps: [] }],
    [
      'retry',
      { kind: 'retry', failure: { message: 'the shop is busy', cause: 'connection', status: 502 } },
    ],
    [
      'hold',
      {
        kind: 'hold',
        forMs: 4000,
        failure: { message: 'the shop throttles', cause: 'throttled', status: 429 },
      },
    ],
    ['down', { kind: 'hold', failure: { message: 'the shop is down', cause: 'connection' } }],
    [
      'fail',
      {
        kind: 'fail',
        failure: { message: 'the shop has no size XXS', cause: 'data', status: 422 },
      },
    ],
    ['unknown', { kind: 'unknown', failure: { message: 'no answer came', cause: 'connection' } }],
    ['number', { kind: 'fail', failure: { message: '42', cause: 'bug' } }],
  ])('%s', async (title, outcome) => {
    const { connector } = steady;
    expect(await connector.deliver(trick(title))).toEqual(outcome);
  });

  it('an error that nobody meant fails the item with its message, and its stack goes to the log', async () => {
    const { connector, logged } = steady;
    const failure = failureIn(await connector.deliver(trick('bug')));
    expect(failure).toEqual({ cause: 'bug', message: expect.stringContaining('undefined') });
    expect(failure.message).not.toContain('tricks.js');
    expect(logged).toContainEqual(
      expect.objectContaining({
        endpoint: 'channel.12',
        stack: expect.stringContaining('tricks.js'),
      }),
    );
  });

  it('a result that is no JSON, a follow-up that is no item: fail, and says so', async () => {
    const { connector } = steady;
    const [bigint, followUp] = await Promise.all(
      ['bigint', 'badFollowUp'].map((title) => connector.deliver(trick(title))),
    );
    expect(failureIn(bigint!)).toMatchObject({
      cause: 'bug',
      message: expect.stringMatching(/BigInt/),
    });
    expect(failureIn(followUp!)).toMatchObject({
      cause: 'bug',
      message: expect.stringMatching(/data/),
    });
  });

  it('data that do not fit the schema never reach run, and the message says where', async () => {
    const { connector } = steady;
    const outcome = await connector.deliver(deliveryOf({ data: { title: 'ok', sku: 5 } }));
    expect(outcome).toEqual({
      kind: 'fail',
      failure: { cause: 'data', message: 'data.sku: must be a text' },
    });
  });

  it('an instruction that it does not have fails', async () => {
    const { connector } = steady;
    const outcome = await connector.deliver(deliveryOf({ instruction: 'add_order' }));
    expect(failureIn(outcome).message).toBe('this connector has no instruction add_order');
  });

  it('logs, progress, parts and follow-ups arrive, in order, before the outcome', async () => {
    const { connector } = steady;
    const seen: unknown[] = [];
    const lines: string[] = [];
    const outcome = await connector.deliver({
      ...trick('talk', {
        lines,
        attempt: 3,
        parts: [{ kind: 'variant', key: 'L', state: 'done' }],
      }),
      progress: (value) => void seen.push(value),
      report: async (part) => void seen.push(part),
    });
    expect(seen).toEqual([40, { images: 2 }, { kind: 'variant', key: 'M', state: 'done' }]);
    expect(lines).toEqual(['one', 'M is true, L is true']);
    expect(outcome).toEqual({
      kind: 'done',
      result: { key: '1042', attempt: 3, queueId: 1042 },
      followUps: [
        { instruction: 'add_image', channel: '12', data: { sku: 'A', src: 'x' } },
        { instruction: 'set_channel_status', channel: '12', data: {} },
      ],
    });
  });

  it('a part that could not be stored is an error in the module, not a success', async () => {
    const { connector } = steady;
    const outcome = await connector.deliver({
      ...trick('talk'),
      report: async () => {
        throw new Error('Redis is away');
      },
    });
    expect(failureIn(outcome).message).toBe('Redis is away');
  });
});

describe('ping and verify', () => {
  it('ping resolves when the module says so and rejects with its words otherwise', async () => {
    const { signal } = new AbortController();
    await expect(steady.connector.ping?.(signal)).resolves.toBeUndefined();
    const down = await tricks({ options: { down: true } });
    await expect(down.connector.ping?.(signal)).rejects.toThrow('nobody there');
  });

  it('verify that finds it, cannot look, or forgot to answer: never "not there" by mistake', async () => {
    const { connector } = await tricks({ timeoutMs: 100 });
    const verify = (title: string) => connector.verify?.(trick(title));
    expect(await verify('there')).toEqual({ kind: 'there', result: 'order 9' });
    expect(await verify('there, with more')).toMatchObject({
      kind: 'there',
      followUps: [{ instruction: 'update_product', channel: '12' }],
    });
    expect(await verify('broken')).toMatchObject({
      kind: 'unknown',
      failure: { message: 'cannot look' },
    });
    expect(await verify('ok')).toMatchObject({ kind: 'unknown', failure: { cause: 'bug' } });
    expect(await verify('hang')).toMatchObject({ kind: 'unknown', failure: { cause: 'bug' } });
  });
});

describe('a module that misbehaves hurts its own item only', () => {
  const neighbourGoesOn = async (connector: Connector) =>
    expect(await connector.deliver(trick('ok'))).toMatchObject({ kind: 'done' });

  it.each([
    ['hang', /did not finish within 0\.2 s and did not heed its signal/],
    ['spin', /did not finish within 0\.2 s and did not heed its signal/],
    ['exit', /ended its own thread \(process\.exit\)/],
    ['heap', /used more than its 64 MB of memory/],
    ['uncaught', /broke outside of its run: thrown by a timer/],
  ])('%s: unknown, the thread is made anew', async (title, message) => {
    const timeoutMs = title === 'heap' ? 20_000 : 200;
    const { connector, threads } = await tricks({ timeoutMs });
    const other = await threads.of('channel.13', threads13);
    const outcome = await connector.deliver(trick(title));
    expect(outcome).toEqual({
      kind: 'unknown',
      failure: { cause: 'bug', message: expect.stringMatching(message) },
    });
    expect(other.retired).toBe(false);
    await neighbourGoesOn(connector);
  });

  const threads13 = {
    type: 'module',
    path: 'tricks.js',
    options: {},
    secrets: {},
    timeoutMs: 1_000,
  } as const;

  it('a queue beside one that blocks its event loop is delivered meanwhile', async () => {
    const { type, connector } = await tricks({ timeoutMs: 1_000 });
    const beside = await type.create(
      type.parse({ type: 'module', path: 'tricks.js' }),
      'channel.13',
    );
    let spun = false;
    const spinning = connector.deliver(trick('spin')).then(() => {
      spun = true;
    });
    for (let n = 0; n < 20; n += 1) await beside.deliver(trick('ok'));
    expect(spun).toBe(false);
    await spinning;
  });

  it('one that ends when its time is over says so, and keeps its thread', async () => {
    const { connector } = await tricks({ timeoutMs: 100 });
    await connector.deliver(trick('count'));
    expect(await connector.deliver(trick('polite'))).toEqual({
      kind: 'unknown',
      failure: { cause: 'connection', message: 'tricks.js did not finish within 0.1 s' },
    });
    expect(await connector.deliver(trick('late'))).toMatchObject({ result: 'just in time' });
    expect(await connector.deliver(trick('count'))).toMatchObject({ result: 2 });
  });

  it.each(['polite', 'hang', 'spin'])(
    'an abort ends %s soon, with the reason of the signal',
    async (title) => {
      const { connector } = await tricks();
      const controller = new AbortController();
      const delivery = connector.deliver(trick(title, { signal: controller.signal }));
      const reason = new Error('the lock was lost');
      setTimeout(() => controller.abort(reason), 20);
      await expect(delivery).rejects.toBe(reason);
    },
  );

  it('a flood of log lines is cut', async () => {
    const { connector } = steady;
    const lines: string[] = [];
    await connector.deliver(trick('chatter', { lines }));
    expect(lines).toHaveLength(1_000);
    expect(lines.at(-1)).toMatch(/left out/);
  });
});

describe('secrets', () => {
  const token = 'geheim & 7/ü';
  const everyForm = /geheim|Z2VoZWlt/;

  it('are seen by the module, and by nobody who listens to it', async () => {
    const { connector, logged } = await tricks({ secrets: { token } });
    const said: unknown[] = [];
    for (const attempt of [1, 2, 3]) {
      const lines: string[] = [];
      const outcome = await connector.deliver({
        ...trick('secrets', { attempt, lines }),
        progress: (value) => void said.push(value),
        report: async (part) => void said.push(part),
      });
      said.push(outcome, ...lines);
    }
    await until(
      'what was printed',
      () => logged.filter((one) => /written/.test(one.message)).length === 3,
    );
    expect(JSON.stringify(said)).toContain('login of [secret] refused');
    expect(JSON.stringify([said, logged])).not.toMatch(everyForm);
  });

  it('of the process and of other endpoints are not in a module’s environment', async () => {
    process.env['ANDON_TEST_SECRET'] = 'x';
    const { connector } = await tricks();
    const outcome = await connector.deliver(trick('environment'));
    delete process.env['ANDON_TEST_SECRET'];
    expect(JSON.stringify(outcome)).not.toMatch(/ANDON|REDIS|HOME|PATH/);
  });
});

describe('which modules may be named', () => {
  it.each([
    ['../system.js', /below/],
    ['a/../../x.js', /below/],
    ['/etc/passwd.js', /below/],
    ['..\\x.js', /below/],
    ['node_modules/zod/index.js', /node_modules/],
    ['tricks.json', /must end in/],
    ['nobody.js', /no such module/],
    ['', /must not be empty/],
  ])('not %s', (path, message) => {
    const { type } = threadsFor();
    expect(() => type.parse({ type: 'module', path })).toThrow(message);
  });

  it('with or without the name of the directory', () => {
    const { type } = threadsFor();
    for (const path of ['tricks.js', './tricks.js', './modules/tricks.js', 'modules/tricks.js'])
      expect(type.parse({ type: 'module', path })).toMatchObject({ path });
  });

  it('a link that leads out of the directory is refused, one inside is not', async () => {
    const root = await temporaryDirectory();
    await mkdir(join(root, 'connectors'));
    await writeFile(join(root, 'outside.js'), '');
    await writeFile(join(root, 'connectors', 'inside.js'), '');
    await symlink('../outside.js', join(root, 'connectors', 'out.js'));
    await symlink('inside.js', join(root, 'connectors', 'in.js'));
    const { type } = threadsFor({ directory: join(root, 'connectors') });
    expect(() => type.parse({ type: 'module', path: 'out.js' })).toThrow(/leads out/);
    expect(type.parse({ type: 'module', path: 'in.js' })).toMatchObject({ path: 'in.js' });
  });
});

describe('loading', () => {
  const source = (result: string) =>
    `import { defineConnector, z } from '${AUTHOR}';
     export default defineConnector({ instructions: { add_product: { data: z.looseObject({}), run: () => ${result} } } });`;

  async function place(code: string, file = 'shop.js') {
    const root = await temporaryDirectory();
    await writeFile(join(root, 'package.json'), '{"type":"module"}');
    await writeFile(join(root, file), code);
    const made = threadsFor({ directory: root });
    later(() => made.threads.stop());
    const connect = () =>
      made.type.create(made.type.parse({ type: 'module', path: file }), 'channel.12');
    return { ...made, path: join(root, file), connect };
  }

  it.each([
    ['a syntax error', 'export default {{', /shop\.js cannot be loaded: Unexpected token/],
    ['a throw at the top', 'throw new Error("no config")', /cannot be loaded: no config/],
    ['no connector', 'export default {}', /default export is not a connector/],
    ['an exit', 'process.exit(3)', /ended its own thread/],
  ])('%s is refused with a sentence', async (_, code, message) => {
    const { connect, threads } = await place(code);
    await expect(connect()).rejects.toThrow(message);
    await until('the thread to be gone', () => threads.size === 0 || threads.size === 1);
  });

  it('options and secrets that the module does not want are refused, the secret unnamed', async () => {
    const { type, connect, path } = await place(
      `import { defineConnector, z } from '${AUTHOR}';
       export default defineConnector({ options: z.object({ shop: z.url() }), instructions: {} });`,
    );
    await expect(connect()).rejects.toThrow('connector.options.shop: is missing');
    expect(path).toBeTruthy();
    const settings = type.parse({
      type: 'module',
      path: 'shop.js',
      options: { shop: 'https://a.example' },
    });
    await expect(type.create(settings, 'channel.12')).resolves.toBeTruthy();
  });

  it('a file that was changed is loaded anew, and a module without ping and verify has none', async () => {
    const { connect, path, threads } = await place(source('1'));
    const connector = await connect();
    expect(connector.ping).toBeUndefined();
    expect(connector.verify).toBeUndefined();
    expect(await connector.deliver(deliveryOf())).toMatchObject({ result: 1 });
    await writeFile(path, source('2'));
    await utimes(path, new Date(), new Date(Date.now() + 5_000));
    expect(await connector.deliver(deliveryOf())).toMatchObject({ result: 2 });
    await until('the old thread to end', () => threads.size === 1);
  });

  it('settings that were changed get a thread of their own; what runs on the old one ends there', async () => {
    const { type, connector, threads } = await tricks({ timeoutMs: 400 });
    const old = connector.deliver(trick('late'));
    const settings = type.parse({ type: 'module', path: 'tricks.js', options: { shop: 2 } });
    const changed = await type.create(settings, 'channel.12');
    expect(await changed.deliver(trick('options'))).toMatchObject({ result: { shop: 2 } });
    expect(await old).toMatchObject({ result: 'just in time' });
    await until('the old thread to end', () => threads.size === 1);
  });

  it('an idle thread ends, and stop leaves none, whatever they are doing', async () => {
    const { connector, threads } = await tricks({}, { idleMs: 1 });
    await connector.deliver(trick('ok'));
    await until('the idle thread to end', () => threads.size === 0);
    const spinning = connector.deliver(trick('spin')).catch((error: Error) => error);
    await until('it to run', () => threads.size === 1);
    await threads.stop();
    expect(threads.size).toBe(0);
    await spinning;
    await expect(connector.deliver(trick('ok'))).rejects.toThrow('Andon stops');
  });
});
