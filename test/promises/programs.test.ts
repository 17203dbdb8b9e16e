import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { makeSecret, sign } from '../../src/connectors/signature.js';
import { Api, BOOTSTRAP_KEY } from '../support/api.js';
import { freePort } from '../support/free-port.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const api = await Api.start(redis, { roles: ['api', 'worker'] });
const folder = await temporaryDirectory();
const root = fileURLToPath(new URL('../../', import.meta.url));
const programs = join(root, 'examples/programs');
const run = promisify(execFile);

/** A test that needs a program of this machine; without it, it says so and is left out. */
function withProgram(program: string) {
  const there = spawnSync(program, ['--version']).status === 0;
  return (name: string, work: () => Promise<void>) =>
    there ? test(name, work) : test.skip(`${name}: ${program} is not here`, work);
}

/** What each of the sending programs tells of the same story. */
async function expectStory(channel: string, command: string, args: string[], cwd = root) {
  await api.put('channel', channel);
  await api.ok('POST', `/v1/queues/channel.${channel}/pause`);
  const env = { ...process.env, ANDON_URL: api.url, ANDON_KEY: BOOTSTRAP_KEY };
  const { stdout } = await run(command, [...args, channel, `run-${channel}`], { cwd, env });
  const [id = ''] = /\d+/.exec(stdout) ?? [];
  expect(stdout).toBe(
    `enqueued ${id}\nagain: ${id}\nbatch: ${Number(id) + 1} ${Number(id) + 2}\nstate: waiting\n`,
  );
  const { items } = await api.ok('GET', `/v1/items?queue=channel.${channel}`);
  expect(items.map((one) => one['instruction']).reverse()).toEqual([
    'add_product',
    'update_product',
    'add_image',
  ]);
}

describe('the programs of examples/programs enqueue once, send a batch in order and look it up', () => {
  withProgram('curl')('curl', () => expectStory('sh', 'bash', [join(programs, 'send.sh')]));
  withProgram('php')('PHP', () => expectStory('php', 'php', [join(programs, 'send.php')]));
  withProgram('python3')('Python', () => expectStory('py', 'python3', [join(programs, 'send.py')]));
});

describe('the programs of examples/programs say', () => {
  const tellOf = (command: string, args: string[], key = BOOTSTRAP_KEY) => {
    const env = { ...process.env, ANDON_URL: api.url, ANDON_KEY: key };
    return run(command, args, { env }).then(
      () => ({ code: 0, said: '' }),
      ({ code, stdout, stderr }) => ({ code, said: `${stdout}${stderr}` }),
    );
  };
  for (const [program, command, file, probe] of [
    ['curl', 'bash', 'send.sh', 'curl'],
    ['PHP', 'php', 'send.php', 'php'],
    ['Python', 'python3', 'send.py', 'python3'],
    ['Python, receiving', 'python3', 'receive.py', 'python3'],
  ] as const) {
    withProgram(probe)(`how they are called (${program})`, async () => {
      const { code, said } = await tellOf(command, [join(programs, file)]);
      expect(code).not.toBe(0);
      expect(said).toMatch(/^usage: ANDON_\w+=/);
      expect(said.trim().split('\n')).toHaveLength(1);
    });
    if (file === 'receive.py') continue;
    withProgram(probe)(`why they were refused (${program})`, async () => {
      const unknown = await tellOf(command, [join(programs, file), 'nowhere', 'run']);
      expect(unknown.said).toContain('no channel');
      const stranger = await tellOf(
        command,
        [join(programs, file), 'nowhere', 'run'],
        'no.such-key',
      );
      expect(stranger.code).not.toBe(0);
      expect(stranger.said).toContain('401');
    });
  }
});

/** A project of somebody else's, which has installed andon and what that depends on for its types. */
async function consumer(name: string, options: object): Promise<string> {
  const project = join(folder, name);
  const modules = join(project, 'node_modules');
  await mkdir(join(modules, 'andon'), { recursive: true });
  await cp(join(root, 'dist'), join(modules, 'andon/dist'), {
    recursive: true,
    filter: (path) => !/\.(setup|made-from)/.test(path),
  });
  await cp(join(root, 'package.json'), join(modules, 'andon/package.json'));
  await symlink(join(root, 'node_modules/zod'), join(modules, 'zod'));
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
  const compilerOptions = {
    module: 'NodeNext',
    target: 'ES2022',
    strict: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    ...options,
  };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  return project;
}

const tsc = join(root, 'node_modules/typescript/bin/tsc');
const compile = (project: string) =>
  run(process.execPath, [tsc, '-p', project]).catch(({ stdout }: { stdout: string }) => {
    throw new Error(stdout);
  });

describe('andon/client in a project of somebody else', () => {
  test('is found, typed and run: the example in TypeScript', async () => {
    const project = await consumer('node', { types: ['node'] });
    await mkdir(join(project, 'node_modules/@types'));
    for (const name of ['@types/node', 'undici-types'])
      await symlink(join(root, 'node_modules', name), join(project, 'node_modules', name));
    await cp(join(programs, 'send.ts'), join(project, 'send.ts'));
    await compile(project);
    await expectStory('ts', process.execPath, ['send.js'], project);
  }, 240_000);

  test('needs no types of Node.js, and tells mistakes before they are sent', async () => {
    const project = await consumer('web', {
      types: [],
      lib: ['ES2022', 'DOM', 'DOM.AsyncIterable'],
    });
    await writeFile(
      join(project, 'typed.ts'),
      `import { AndonClient, ApiProblem, collect, type Item, type Queue } from 'andon/client';
const andon = new AndonClient({ url: 'http://127.0.0.1:1', key: 'a.b' });
const { queueId, replayed } = await andon.enqueue({ instruction: 'add_product', channel: '12', data: { sku: 'A' } });
const both: [number, boolean] = [queueId, replayed];
const item: Item = await andon.item(queueId);
const state: 'waiting' | 'active' | 'backing-off' | 'failed' | 'completed' | 'skipped' | 'resolved' = item.state;
const failed: Item[] = await collect(andon.search({ state: 'failed', entity: 'sku:A' }));
const blockedBy: Queue['blockedBy'] = (await andon.queue('channel.12')).blockedBy;
const cause: string | undefined = blockedBy?.cause;
// @ts-expect-error there is no such state
andon.search({ state: 'broken' });
// @ts-expect-error an item has an instruction
andon.enqueue({ channel: '12' });
// @ts-expect-error a scope is one of four
andon.createKey({ scopes: ['everything'] });
// @ts-expect-error only failed items are retried
andon.retryMany({ state: 'completed' });
try {
  await andon.retry(1);
} catch (error) {
  if (error instanceof ApiProblem && error.type === 'conflict') console.log(error.problem['state']);
  // @ts-expect-error there is no such problem
  if (error instanceof ApiProblem && error.type === 'no-such') console.log();
}
export { both, state, failed, cause };
`,
    );
    await compile(project);
  }, 240_000);
});

const children = new Set<ChildProcess>();
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** The far side in another language carries out what Andon signed, and nothing that anybody else sends. */
async function expectFarSide(channel: string, command: (port: number) => string[]): Promise<void> {
  const secret = makeSecret();
  const port = await freePort();
  const [program = '', ...args] = command(port);
  const env = { ...process.env, ANDON_SECRET: secret };
  children.add(spawn(program, args, { env, stdio: 'ignore' }));
  const url = `http://127.0.0.1:${port}/`;
  const post = (headers: Record<string, string>, body: string) =>
    fetch(url, {
      method: 'POST',
      body,
      headers: { ...headers, 'content-type': 'application/json' },
    });
  await until(`${program} to listen`, () => post({}, '{}'), 60_000);

  await api.put('channel', channel, url, { connector: { type: 'http', url, secret } });
  const product = (data: object) =>
    api.ok('POST', '/v1/items', { instruction: 'add_product', channel, data });
  const good = await product({ sku: 'A', title: 'Röd tröja / "A"' });
  const done = await api.untilState(good.queueId, 'completed');
  expect(done['outcome']).toMatchObject({ result: { sku: 'A' } });

  const body = JSON.stringify({ instruction: 'add_product', data: { sku: 'B', title: 'B' } });
  const now = Math.floor(Date.now() / 1000);
  const headers = (at: number, signature: string) => ({
    'webhook-id': `${channel}-1`,
    'webhook-timestamp': String(at),
    'webhook-signature': signature,
  });
  const signed = (at: number, of = secret) => sign(of, `${channel}-1`, at, body);
  const answers = async (at: number, signature: string, sent = body) =>
    (await post(headers(at, signature), sent)).status;
  expect(await answers(now, signed(now, makeSecret()))).toBe(401);
  expect(await answers(now, signed(now), body.replace('"B"', '"C"'))).toBe(401);
  expect(await answers(now - 3_600, signed(now - 3_600))).toBe(401);
  expect(await answers(now, '')).toBe(401);
  // While the secret is changed, deliveries bear two signatures.
  expect(await answers(now, `${signed(now, makeSecret())} ${signed(now)}`)).toBe(200);

  const bad = await api.ok('POST', '/v1/items', {
    instruction: 'update_product',
    channel,
    data: { sku: 'C' },
  });
  await api.untilState(bad.queueId, 'completed');
}

describe('the far sides of examples/programs check the signature of each delivery', () => {
  withProgram('php')('PHP', () =>
    expectFarSide('far-php', (port) => [
      'php',
      '-S',
      `127.0.0.1:${port}`,
      join(programs, 'receive.php'),
    ]),
  );
  withProgram('python3')('Python', () =>
    expectFarSide('far-py', (port) => ['python3', join(programs, 'receive.py'), String(port)]),
  );
});

test('the page of the API shows these programs as they are', async () => {
  const page = (await api.call('GET', '/docs', { key: null })).text;
  for (const file of ['send.sh', 'send.php', 'send.py', 'send.ts', 'receive.php', 'receive.py'])
    expect(page).toContain(file);
});

test('the refusal that the page shows is what comes', async () => {
  const page = (await api.call('GET', '/docs', { key: null })).text;
  const [, shown = ''] = /id="errors".*?<pre>(.*?)<\/pre>/s.exec(page) ?? [];
  await api.put('channel', 'refuses');
  const body = { instruction: 'update_product', channel: 'refuses', data: {} };
  const answer = await api.call('POST', '/v1/items', { body });
  expect({ ...answer.body, requestId: '0d6f2c3e-…' }).toEqual(
    JSON.parse(shown.replaceAll('&quot;', '"')),
  );
});

test('the first commands of the page of the API work as they stand there', async () => {
  const page = (await api.call('GET', '/docs', { key: null })).text;
  const [, shown = ''] = /id="start".*?<pre>(.*?)<\/pre>/s.exec(page) ?? [];
  const text = shown.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&amp;', '&');
  const commands = text.replace(/^export .*\n/, `export ANDON_KEY=${BOOTSTRAP_KEY}\n`);
  // A machine that is very busy may lose sight of its Redis for a moment; all of it may be sent again.
  const stdout = await until('Redis to be there for all of them', async () => {
    const answers = (await run('bash', ['-ec', commands])).stdout;
    return answers.includes('/problems/store-unavailable') ? null : answers;
  });
  expect(stdout).toContain('"queue":"channel.12"');
  expect(stdout).toMatch(/"items":\[\{"queueId":\d+,.*"title":"TSH-RED-M"/);
});
