import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { freePort } from '../support/free-port.js';
import { temporaryDirectory } from '../support/redis.js';
import { until } from '../support/until.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const clone = join(await temporaryDirectory(), 'andon');

/** As a clone is, whatever else lies about here, with what `npm start` would install and build. */
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
for (const file of tracked.split('\0').filter(Boolean)) {
  if (/^(test|bench)\//.test(file) || !existsSync(join(root, file))) continue;
  await cp(join(root, file), join(clone, file));
}
await cp(join(root, 'dist'), join(clone, 'dist'), { recursive: true });
await symlink(join(root, 'node_modules'), join(clone, 'node_modules'));

const ports = { 3000: await freePort(), 2525: await freePort() };
/** Others may be listening where the reader's own Andon would. */
const here = (text: string) =>
  text.replace(/\b(3000|2525)\b/g, (port) => String(ports[Number(port) as keyof typeof ports]));

const env: NodeJS.ProcessEnv = { ...process.env, ANDON_PORT: String(ports[3000]) };
for (const name of Object.keys(env))
  if (/^(ANDON_(?!PORT)|REDIS_URL|npm_|NODE_OPTIONS|JEST)/.test(name)) delete env[name];

/** A window in which one program goes on. */
interface Terminal {
  readonly process: ChildProcess;
  output: string;
}
const terminals = new Map<string, Terminal>();

function start(command: string): Terminal {
  const child = spawn('bash', ['-c', command], { cwd: clone, env, detached: true });
  const terminal = { process: child, output: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => {
      terminal.output += text.toString();
    });
  return terminal;
}

/** Ctrl-C goes to all that runs in a terminal. */
afterAll(async () => {
  for (const { process: child } of terminals.values()) {
    const ended = new Promise((done) => child.once('close', done));
    if (child.pid) process.kill(-child.pid, 'SIGINT');
    await ended;
  }
}, 30_000);

function run(command: string): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn('bash', ['-c', command], { cwd: clone, env });
    let output = '';
    child.stdout.on('data', (text: Buffer) => {
      output += text.toString();
    });
    child.on('close', () => resolve(output));
  });
}

/** `…` within a line is any text, on a line of its own any lines. */
function pattern(shown: string): string {
  const lines = here(shown).trim().split('\n');
  return lines.map((line) => (line.trim() === '…' ? '(?:.*\\n)*' : lineOf(line))).join('');
}

const lineOf = (line: string): string => {
  const parts = line.trimEnd().split(/ *… */);
  return `${parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}\\n`;
};

/** Blanks at the end of a line, and empty lines at the end of all, are not to be seen. */
const seen = (output: string): string => `${output.replace(/ +$/gm, '').trimEnd()}\n`;

/** What only looks may be asked again until it shows what is on its way. */
const looks = /^(cat|npx andon (queues|items|item)\b)/;

async function expectShown(command: string, shown: string): Promise<void> {
  // What is set in one terminal is set in all of them: the reader is told so.
  const [, name, value] = /^export (\w+)=(\S+)$/.exec(command) ?? [];
  if (name) {
    env[name] = value;
    return;
  }
  const wanted = new RegExp(`^${pattern(shown)}$`);
  let output = '';
  const once = async () => {
    output = seen(await run(here(command)));
    return wanted.test(output);
  };
  if (looks.test(command))
    await until(`${command} to show what it should`, once, 30_000).catch(() => {});
  else await once();
  expect({ command, output }).toEqual({ command, output: expect.stringMatching(wanted) });
}

interface Block {
  readonly language: string;
  readonly file: string | undefined;
  readonly terminal: string | undefined;
  readonly text: string;
}

function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w+)([^\n]*)\n(.*?)^```$/gms)].map(
    ([, language = '', more = '', text = '']) => ({
      language,
      file: /file=(\S+)/.exec(more)?.[1],
      terminal: /terminal=(\S+)/.exec(more)?.[1],
      text,
    }),
  );
}

/** Commands with what they print. */
function commandsOf(text: string): { command: string; shown: string }[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((one) => {
      const [command = '', ...shown] = one.split('\n');
      return { command, shown: shown.join('\n') };
    });
}

const markdown = await readFile(join(root, 'docs/tutorial.md'), 'utf8');
const blocks = blocksOf(markdown);

test('the tutorial does what it shows, from its first command to its last', async () => {
  expect(blocks.length).toBeGreaterThan(10);
  for (const { language, file, terminal, text } of blocks) {
    if (file) {
      await mkdir(dirname(join(clone, file)), { recursive: true });
      await writeFile(join(clone, file), here(text));
    } else if (terminal) {
      const [first] = commandsOf(text);
      if (first) terminals.set(terminal, start(here(first.command)));
      const window = terminals.get(terminal);
      const wanted = new RegExp(pattern(first?.shown ?? text));
      await until(
        `${terminal} to show:\n${text}`,
        () => wanted.test(seen(window?.output ?? '')),
        60_000,
      ).catch(() => expect(seen(window?.output ?? '')).toMatch(wanted));
    } else {
      expect(language).toBe('console');
      for (const { command, shown } of commandsOf(text)) await expectShown(command, shown);
    }
  }
}, 240_000);
