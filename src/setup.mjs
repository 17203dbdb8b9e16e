/**
 * Makes a fresh checkout ready to run: packages, build, a Redis server. Each step looks first and
 * does only what is missing, so it costs next to nothing before every `npm start` and `npm test`.
 *
 * Plain JavaScript on Node's own modules: it runs before anything is installed.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(root, ...parts);

/** A reason to stop that a person can act on; told without a stack trace. */
class SetupError extends Error {}

/** Each step: whether it has something to do, what it says then, and how it does it. */
const steps = [
  { needed: packagesMissing, says: 'Installing packages …', run: installPackages },
  { needed: buildMissing, says: 'Building …', run: build },
  { needed: redisMissing, says: 'Installing a Redis server …', run: installRedis },
];

/** What only the tests need, after the rest. */
const testSteps = [
  { needed: browserMissing, says: 'Installing a browser for the tests …', run: installBrowser },
];

export async function setUp({ forTests = false } = {}) {
  checkNode();
  for (const step of forTests ? [...steps, ...testSteps] : steps) {
    if (!(await step.needed())) continue;
    // Another set-up may be doing the same; whoever comes second finds it done.
    await alone(async () => {
      if (!(await step.needed())) return;
      console.log(step.says);
      await step.run();
    });
  }
}

function checkNode() {
  const wanted = JSON.parse(fs.readFileSync(at('package.json'), 'utf8')).engines.node;
  const [major, minor] = wanted.match(/\d+/g).map(Number);
  const [hasMajor, hasMinor] = process.versions.node.split('.').map(Number);
  if (hasMajor > major || (hasMajor === major && hasMinor >= minor)) return;
  throw new SetupError(
    `Andon needs Node.js ${major}.${minor} or newer; this is ${process.versions.node}.`,
  );
}

/** Compares what is installed with what the lock file asks for. Dates would lie after a checkout or a copy. */
function packagesMissing() {
  const installed = readPackages(at('node_modules', '.package-lock.json'));
  const wanted = readPackages(at('package-lock.json'));
  return Object.entries(wanted).some(([path, { version, optional, devOptional, link }]) => {
    if (path === '' || link) return false;
    const found = installed[path];
    return found ? found.version !== version : !(optional || devOptional);
  });
}

function readPackages(lockFile) {
  try {
    return JSON.parse(fs.readFileSync(lockFile, 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

/**
 * Exactly what the lock file names, development packages too: the compiler is one of them. Not by
 * `npm ci`, which refuses a lock file that was written where the optional packages of other
 * platforms could not be had.
 */
async function installPackages() {
  await run('npm', ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund']);
}

/** The build leaves a fingerprint of everything it was made from. */
const stamp = at('dist', '.made-from');

function buildMissing() {
  try {
    return fs.readFileSync(stamp, 'utf8') !== fingerprint();
  } catch {
    return true;
  }
}

function fingerprint() {
  const hash = createHash('sha256');
  for (const file of [...filesIn(at('src')), at('tsconfig.json'), at('package-lock.json')]) {
    hash
      .update(`${relative(root, file)}\0`)
      .update(fs.readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

export async function build() {
  const madeFrom = fingerprint();
  fs.rmSync(stamp, { force: true });
  await run(process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', root]);
  copyTheRest();
  removeLeftovers();
  fs.writeFileSync(stamp, madeFrom);
}

/** What is no code (Lua, style sheets, templates) stands beside the code that reads it, as in src. */
function copyTheRest() {
  for (const file of filesIn(at('src')).filter((name) => !/\.(tsx?|mjs)$/.test(name))) {
    const target = inDist(file);
    fs.mkdirSync(dirname(target), { recursive: true });
    fs.copyFileSync(file, target);
  }
}

/** Removes the output of sources that are gone. Not all of dist: an Andon may be running from it. */
function removeLeftovers() {
  const sources = filesIn(at('src')).map(inDist);
  const made = new Set(
    sources.flatMap((file) => [
      file,
      file.replace(/\.tsx?$/, '.js'),
      file.replace(/\.tsx?$/, '.js.map'),
      file.replace(/\.tsx?$/, '.d.ts'),
    ]),
  );
  for (const file of filesIn(at('dist'))) if (!made.has(file)) fs.rmSync(file);
}

const inDist = (source) => at('dist', relative(at('src'), source));

function filesIn(directory) {
  if (!fs.existsSync(directory)) return [];
  return fs
    .readdirSync(directory, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? filesIn(path) : [path];
    });
}

/** A given REDIS_URL is used as it is; the private Redis needs a server, which we can install on Debian only. */
async function redisMissing() {
  if (process.env.REDIS_URL || process.env.REDIS_URL_FILE) return false;
  const { findRedisServer, HOW_TO_GET_REDIS } = await redisBinary();
  if (findRedisServer()) return false;
  if (process.getuid?.() === 0 && onPath('apt-get')) return true;
  throw new SetupError(HOW_TO_GET_REDIS);
}

/** The program's own idea of what a Redis server is; built by the step before. */
const redisBinary = () => import(new URL('../dist/redis/binary.js', import.meta.url).href);

async function installRedis() {
  await withoutStartingServices(() => installPackage('redis-server'));
  // Only the binary is wanted; the machine's own Redis need not come up at the next boot either.
  if (onPath('systemctl')) await run('systemctl', ['disable', 'redis-server']).catch(() => {});
}

async function installPackage(name) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-q'], env);
  await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', name], env);
}

/** Without a browser the tests of the pages fail, each saying so; everything else can be tested all the same. */
function browserMissing() {
  if (process.env.ANDON_CHROMIUM || ['chromium', 'chromium-browser'].some(onPath)) return false;
  if (process.getuid?.() === 0 && onPath('apt-get')) return true;
  console.log(
    'The tests of the pages need Chromium: install it, or set ANDON_CHROMIUM to its path.',
  );
  return false;
}

async function installBrowser() {
  await installPackage('chromium');
}

const onPath = (program) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .some((directory) => fs.existsSync(join(directory, program)));

/** Debian asks this file before a package may start its service; 101 is "no". */
const policy = '/usr/sbin/policy-rc.d';

async function withoutStartingServices(work) {
  if (fs.existsSync(policy)) return work(); // as in most container images: it says no already
  const remove = () => fs.rmSync(policy, { force: true });
  fs.writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  process.once('exit', remove);
  try {
    return await work();
  } finally {
    remove();
    process.off('exit', remove);
  }
}

/** Runs a program quietly; what it wrote is shown when it fails. */
function run(program, args, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.once('error', (error) => reject(new SetupError(`${program}: ${error.message}`)));
    child.once('close', (code) => {
      if (code === 0) return resolve();
      reject(new SetupError(`${output.trimEnd()}\n${program} ${args[0]} failed (${code}).`));
    });
  });
}

const lock = at('dist', '.setup');

/** One set-up at a time: the directory is the lock, the file in it names its process. */
async function alone(work) {
  fs.mkdirSync(dirname(lock), { recursive: true });
  while (!takeLock()) await new Promise((wake) => setTimeout(wake, 100));
  const release = () => fs.rmSync(lock, { recursive: true, force: true });
  process.once('exit', release);
  try {
    await work();
  } finally {
    release();
    process.off('exit', release);
  }
}

/** The lock appears complete or not at all: made aside, then renamed, which fails when there is one. */
function takeLock() {
  const mine = `${lock}-${process.pid}`;
  fs.rmSync(mine, { recursive: true, force: true });
  fs.mkdirSync(mine);
  fs.writeFileSync(join(mine, 'pid'), String(process.pid));
  try {
    fs.renameSync(mine, lock);
    return true;
  } catch {
    fs.rmSync(mine, { recursive: true, force: true });
    removeStaleLock();
    return false;
  }
}

function removeStaleLock() {
  try {
    const pid = Number(fs.readFileSync(join(lock, 'pid'), 'utf8'));
    process.kill(pid, 0);
  } catch (error) {
    if (error.code === 'ESRCH') fs.rmSync(lock, { recursive: true, force: true });
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
try {
  await (process.argv[2] === 'build'
    ? alone(build)
    : setUp({ forTests: process.argv[2] === 'test' }));
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exit(1);
}
