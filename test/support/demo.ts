import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from '@jest/globals';
import { freePort } from './free-port.js';
import { temporaryDirectory } from './redis.js';
import { until } from './until.js';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/**
 * What `npm run demo` starts, in a process of its own: an Andon with a private Redis under a directory of
 * its own, the demo shop and ERP, and a mail server whose mails are shown. Ended after the tests of the file:
 * `const demo = await Demo.start()` at its top.
 */
export class Demo {
  readonly url: string;
  /** The demo shop and ERP. */
  readonly shop: string;
  /** Of the user "admin", as the demo tells it. */
  readonly password: string;
  /** What the demo printed. */
  readonly story: string;
  private readonly dataDir: string;
  private key: string | null = null;

  private constructor(dataDir: string, story: string) {
    const told = (what: RegExp) => what.exec(story)?.[1] ?? '';
    this.dataDir = dataDir;
    this.story = story;
    this.url = new URL(told(/The desk +(\S+)/)).origin;
    this.shop = new URL(told(/The shop +(\S+)/)).origin;
    this.password = told(/password (\S+?)\)/);
  }

  static async start(): Promise<Demo> {
    const dataDir = await temporaryDirectory();
    const child = spawn(process.execPath, [CLI, 'demo', '--shop-port', '0'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...clean, ANDON_DATA_DIR: dataDir, ANDON_PORT: String(await freePort()) },
    });
    afterAll(() => stop(child));
    let story = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        story += text;
      });
    await until(
      'the demo to tell its story',
      () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${story}`);
        return /Stop +Ctrl-C/.test(story);
      },
      30_000,
    );
    return new Demo(dataDir, story);
  }

  /** A command as a person types it in a second terminal; answers what it printed. @throws when it fails */
  andon(...args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const env = { ...clean, ANDON_DATA_DIR: this.dataDir, ANDON_URL: this.url };
      execFile(process.execPath, [CLI, ...args], { env }, (error, out, problems) => {
        if (error) reject(new Error(`andon ${args.join(' ')}: ${problems}${out}`));
        else resolve(out);
      });
    });
  }

  /** A call of the HTTP API, as programs make it; answers the JSON. @throws when it is refused */
  async call<T>(method: string, path: string, body?: object): Promise<T> {
    this.key ??= (await readFile(join(this.dataDir, 'admin-key'), 'utf8')).trim();
    const answer = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.key}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** What the demo shop of a channel keeps, and in which order it came. */
  async shopOf(channel: string): Promise<{ products: object; received: { key: string }[] }> {
    return (await fetch(`${this.shop}/shops/${channel}`)).json() as never;
  }

  /** Makes the shops misbehave, see `src/connectors/demo/fault.ts`. */
  async fault(mode: string, more: object = {}): Promise<void> {
    await fetch(`${this.shop}/fault`, { method: 'POST', body: JSON.stringify({ mode, ...more }) });
  }
}

/** Nothing of whoever runs the tests may turn the demo into another one. */
const clean = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(ANDON_|REDIS_URL|NODE_OPTIONS)/.test(name)),
);

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
