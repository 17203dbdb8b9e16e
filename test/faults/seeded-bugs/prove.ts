import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Report } from '../campaign/report.js';
import { apply } from './apply.js';
import { type Proof, type SeededBug, seededBugs } from './bugs.js';

const COPIED = [
  'src',
  'test',
  'config',
  'examples',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'jest.config.js',
];
/** A run that takes longer hangs, which proves nothing. Milliseconds. */
const PATIENCE_MS = 300_000;

/**
 * Puts each seeded bug into a copy of the product and runs what must catch it; the first that does
 * will do, unless `all`. Answers whether every bug was caught.
 */
export async function prove(options: {
  only?: string | undefined;
  all: boolean;
}): Promise<boolean> {
  const bugs = seededBugs.filter((bug) => !options.only || bug.name.includes(options.only));
  const missed: string[] = [];
  for (const bug of bugs) {
    const results = await judge(bug, options.all);
    const caught = results.some(([, verdict]) => verdict === 'caught');
    if (!caught) missed.push(bug.name);
    const told = results.map(([by, verdict]) => `${by}: ${verdict}`).join(', ');
    console.log(`${caught ? 'caught    ' : 'NOT CAUGHT'}  ${bug.name.padEnd(72)} ${told}`);
  }
  console.log(`${bugs.length - missed.length} of ${bugs.length} caught`);
  return missed.length === 0;
}

async function judge(bug: SeededBug, all: boolean): Promise<[string, string][]> {
  const copy = mkdtempSync(join(tmpdir(), 'andon-bug-'));
  try {
    for (const name of COPIED) cpSync(resolve(name), join(copy, name), { recursive: true });
    symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
    apply(bug, copy);
    if ((await run(copy, 'src/setup.mjs', 'build')) !== 0) return [['build', 'does not build']];
    const results: [string, string][] = [];
    for (const by of bug.caughtBy) {
      const verdict = await verdictOf(copy, by);
      results.push([by, verdict]);
      if (verdict === 'caught' && !all) break;
    }
    return results;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** `caught` only when it fails as expected; else what it did instead. */
async function verdictOf(copy: string, by: Proof): Promise<string> {
  const [tool = '', expected = ''] = by.split(/: | › /, 2);
  if (tool === 'campaign') return campaignVerdict(copy, expected.split(' '));
  const file = tool === 'model' ? 'test/faults/model.test.ts' : tool;
  return testVerdict(
    copy,
    file,
    tool === 'model' ? 'the scripts do what the model says' : expected,
  );
}

async function campaignVerdict(copy: string, rules: readonly string[]): Promise<string> {
  const out = join(copy, 'out');
  const fixed = ['--minutes', '0.4', '--seed', '7', '--queues', '20', '--rate', '100'];
  const more = ['--intensity', '2', '--out', out];
  const typescript = ['--import', './test/faults/typescript.mjs'];
  const code = await run(copy, ...typescript, 'test/faults/run.ts', ...fixed, ...more);
  const path = join(out, 'report.json');
  if (!existsSync(path)) return `ended with ${code} and judged nothing`;
  const { violations } = JSON.parse(readFileSync(path, 'utf8')) as Pick<Report, 'violations'>;
  const broken = [...new Set(violations.map(({ rule }) => rule))];
  if (broken.some((rule) => rules.includes(rule))) return 'caught';
  return broken.length > 0 ? `breaks only ${broken.join(', ')}` : 'green';
}

interface JestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

async function testVerdict(copy: string, file: string, expected: string): Promise<string> {
  const path = join(copy, 'jest.json');
  rmSync(path, { force: true });
  const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--forceExit'];
  const code = await run(copy, ...jest, file, '--json', '--outputFile', path);
  if (!existsSync(path)) return `ended with ${code} and reported nothing`;
  const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as JestReport;
  const red = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'failed');
  const found = red.some(({ fullName }) => fullName.includes(expected));
  if (found) return 'caught';
  return red.length > 0 ? `red is only "${red[0]?.fullName}"` : `green (${code})`;
}

async function run(copy: string, ...args: string[]): Promise<number | null> {
  const child = spawn(process.execPath, args, { cwd: copy, stdio: 'ignore' });
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  const [code] = await once(child, 'exit');
  clearTimeout(late);
  return code;
}
