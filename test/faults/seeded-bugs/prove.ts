import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { apply } from './apply.js';
import { type SeededBug, seededBugs } from './bugs.js';

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
/** A run that takes longer hangs, and has noticed the bug in its way. Milliseconds. */
const PATIENCE_MS = 180_000;

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
      const verdict = (await runTool(copy, by)) === 0 ? 'green' : 'caught';
      results.push([by, verdict]);
      if (verdict === 'caught' && !all) break;
    }
    return results;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function runTool(copy: string, by: SeededBug['caughtBy'][number]): Promise<number | null> {
  if (by === 'campaign') {
    const fixed = ['--minutes', '0.4', '--seed', '7', '--queues', '20', '--rate', '100'];
    return run(
      copy,
      '--import',
      './test/faults/typescript.mjs',
      'test/faults/run.ts',
      ...fixed,
      '--intensity',
      '2',
    );
  }
  const file = by === 'model' ? 'test/faults/model.test.ts' : by;
  return run(copy, '--experimental-vm-modules', 'node_modules/jest/bin/jest.js', file);
}

async function run(copy: string, ...args: string[]): Promise<number | null> {
  const child = spawn(process.execPath, args, { cwd: copy, stdio: 'ignore' });
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  const [code] = await once(child, 'exit');
  clearTimeout(late);
  return code;
}
