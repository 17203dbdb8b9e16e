/**
 * Runs the scenarios and prints a table of each: `npm run bench -- --help`.
 * A scenario is a file in scenarios/, a contender one in contenders/: adding one is adding a file.
 */
import { fork } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { EmbeddedRedis } from '../dist/redis/embedded.js';
import { median, written } from './lib/numbers.mjs';
import { redisVersion, watchScripts } from './lib/profile.mjs';
import { table } from './lib/table.mjs';

const HELP = `npm run bench -- [options]
  --scenario NAME     only this one (may be given several times)
  --contender NAME    only this one (may be given several times)
  --runs N            runs of each, of which the median counts (3)
  --quick             small sizes, one run: does it work at all?
  --json FILE         everything measured, as JSON ("-" for standard output)
  --profile DIR       a CPU profile of each measuring process, and the time of each Lua script`;

const MEASURE_MS = 300_000;

const { values: asked } = parseArgs({
  options: {
    scenario: { type: 'string', multiple: true },
    contender: { type: 'string', multiple: true },
    runs: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const runs = Number(asked.runs ?? (asked.quick ? 1 : 3));
const say = asked.json === '-' ? console.error : console.log;

async function main() {
  if (asked.help) return console.log(HELP);
  if (!(Number.isInteger(runs) && runs > 0))
    throw new Error('--runs must be a whole number above 0');
  const report = { machine: await machine(), runs, quick: asked.quick, scenarios: {} };
  say(describe(report.machine));
  for (const name of await scenarioNames()) {
    const scenario = await import(`./scenarios/${name}.mjs`);
    const results = await runScenario(name, scenario);
    report.scenarios[name] = { title: scenario.title, results };
    say(`\n## ${scenario.title}${asked.quick ? ' (quick: smaller sizes)' : ''}\n`);
    say(tableOf(scenario.figures, results));
  }
  report.machine.loadAfter = loadavg()[0];
  const text = `${JSON.stringify(report, null, 2)}\n`;
  if (asked.json === '-') process.stdout.write(text);
  else if (asked.json) await writeFile(asked.json, text);
}

async function scenarioNames() {
  const files = await readdir(new URL('./scenarios', import.meta.url));
  const names = files.map((file) => file.replace(/\.mjs$/, '')).sort();
  const unknown = asked.scenario?.find((name) => !names.includes(name));
  if (unknown) throw new Error(`there is no scenario ${unknown}; there are ${names.join(', ')}`);
  return asked.scenario ?? names;
}

/** Round by round, so that a noisy minute meets all contenders. */
async function runScenario(name, { entries }) {
  const chosen = entries.filter(({ contender }) => asked.contender?.includes(contender) ?? true);
  const results = [];
  for (const entry of chosen) {
    const { title } = await import(`./contenders/${entry.contender}.mjs`);
    results.push({ ...entry, title: entry.note ? `${title}, ${entry.note}` : title, runs: [] });
  }
  for (let run = 1; run <= runs; run++) {
    for (const result of results) {
      process.stderr.write(`${name} ${run}/${runs}: ${result.title} … `);
      const measured = await runOnce(name, result);
      result.runs.push(measured);
      process.stderr.write(`ok (others used ${written(measured.othersCpu)} % of a processor)\n`);
    }
  }
  return results;
}

/** On a Redis of its own that has held nothing before. */
async function runOnce(scenario, { contender, size, quick, warmUp = quick }) {
  const dataDir = await mkdtemp(join(tmpdir(), 'andon-bench-'));
  const redis = new EmbeddedRedis({ dataDir });
  try {
    await redis.start();
    await neverRewrites(redis.url);
    const task = { scenario, contender, size: asked.quick ? quick : size, url: redis.url };
    await step({ ...task, step: 'prepare' });
    const scripts = asked.profile ? await watchScripts(redis.url) : null;
    const measured = await step({ ...task, step: 'measure', warmUp });
    if (scripts) measured.scripts = await scripts.stop();
    return measured;
  } finally {
    await redis.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/**
 * Redis writes its append-only file anew when that has doubled since the last time, from 64 MB on: whoever
 * happened to be at work then would pay for all that was written before.
 */
async function neverRewrites(url) {
  const admin = new Redis(url);
  await admin.config('SET', 'auto-aof-rewrite-percentage', '0');
  await admin.quit();
}

function step(task) {
  const profile =
    asked.profile && task.step === 'measure'
      ? ['--cpu-prof', `--cpu-prof-dir=${asked.profile}`]
      : [];
  const child = fork(new URL('./child.mjs', import.meta.url), {
    execArgv: ['--expose-gc', ...profile],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), MEASURE_MS);
    let answer = null;
    child.once('message', (message) => {
      answer = message;
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (!answer) reject(new Error(`${task.step} ended with ${signal ?? code} and no answer`));
      else if (answer.error) reject(new Error(answer.error));
      else resolve(answer.result);
    });
    child.send(task);
  });
}

function tableOf(figures, results) {
  const head = ['', ...figures.map(({ title }) => title), 'others %'];
  const rows = results.map((result) => [
    result.title,
    ...figures.map((figure) => cell(figure, result, results)),
    written(middle(result, 'othersCpu')),
  ]);
  return table(head, rows);
}

/** The median, and how many times better that is than the peer of the group. */
function cell({ name, better, digits }, result, results) {
  const value = middle(result, name);
  const text = written(value, digits);
  const peer = results.find((other) => other.peer && other.group === result.group);
  if (!better || !peer || peer === result) return text;
  const ratio = better === 'more' ? value / middle(peer, name) : middle(peer, name) / value;
  return `${text} (${ratio.toFixed(2)} ×)`;
}

const middle = (result, name) => median(result.runs.map((run) => run[name]));

async function machine() {
  const version = async (path) =>
    JSON.parse(await readFile(new URL(path, import.meta.url), 'utf8')).version;
  return {
    at: new Date().toISOString(),
    processors: cpus().length,
    node: process.versions.node,
    redis: await redisVersion(),
    bullmq: await version('../node_modules/bullmq/package.json'),
    ioredis: await version('../node_modules/ioredis/package.json'),
    loadBefore: loadavg()[0],
  };
}

const describe = ({ processors, node, redis, bullmq, ioredis, loadBefore }) =>
  `${processors} processors, Node ${node}, Redis ${redis}, bullmq ${bullmq}, ioredis ${ioredis}, load ${loadBefore.toFixed(2)}; ` +
  `median of ${runs}; "×": how many times better than the peer; "others": what everything else used of one processor`;

try {
  await main();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
