import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Redis } from 'ioredis';
import { exit } from '../cli/exit.js';
import type { Io } from '../cli/io.js';
import { type Colour, Output } from '../cli/output.js';
import { type Config, loadConfig } from '../config/load.js';
import { BadConfig, messageOf } from '../errors.js';
import { closeRedis, connectRedis, untilReady } from '../redis/connect.js';
import { Keys } from '../redis/keys.js';
import { probe } from '../redis/probe.js';
import { readRecord } from '../redis/record.js';
import type { Finding } from './doctor/finding.js';
import { fail, warn } from './doctor/finding.js';
import { lookAtRedis } from './doctor/redis.js';
import { lookAtSettings } from './doctor/settings.js';
import { lookAtWork } from './doctor/work.js';

/** How long Redis may take to be reached, in milliseconds. */
const REACH_MS = 5_000;

/** `andon doctor`: how everything is, line by line, and what to do. Changes nothing. */
export function addDoctor(program: Command, io: Io = process): void {
  program
    .command('doctor')
    .description('Look at settings, Redis, mail server, processes and queues, and say what to do')
    .addOption(new Option('--json').hideHelp())
    .addHelpText(
      'after',
      `
Exit codes: 0 all well, or only warnings; 1 something has failed.
Give it the environment that the processes have. It changes nothing.`,
    )
    .action(async (_: unknown, command: Command) => {
      const findings = await examine(io.env);
      const output = new Output(io, command.optsWithGlobals()['json'] === true);
      const failed = findings.some(({ verdict }) => verdict === 'fail');
      output.print({ ok: !failed, findings }, () => output.asTyped(page(output, findings)));
      if (failed) process.exitCode = exit.refused;
    });
}

/** Everything that can be told, in the order in which one thing rests on the other. */
export async function examine(env: Io['env']): Promise<Finding[]> {
  let config: Config;
  try {
    config = loadConfig(env);
  } catch (error) {
    if (!(error instanceof BadConfig)) throw error;
    const todo = 'Put it right; the rest is looked at then.';
    return error.problems.map((says) => fail('settings', says, todo));
  }
  return [...(await lookAtSettings(config)), ...(await examineRedis(config))];
}

async function examineRedis(config: Config): Promise<Finding[]> {
  const url = config.redisUrl ?? (await privateRedis(config));
  if (!url)
    return [
      warn(
        'Redis',
        `a private one under ${config.dataDir}, which does not run now (REDIS_URL is not set)`,
        'andon up starts it. Is ANDON_DATA_DIR the one that the processes have?',
      ),
    ];
  const keys = new Keys(config.prefix, config.shards);
  try {
    const found = await over(url, config, (redis) =>
      whatever('Redis', () => lookAtRedis(redis, keys, config)),
    );
    // Over another connection: one that was asked to write to a replica is given up and made anew.
    const work = (redis: Redis) => whatever('work', () => lookAtWork(redis, keys, config));
    return [...found, ...(await over(url, config, work))];
  } catch (error) {
    const todo = 'Is REDIS_URL right, and does Redis run?';
    return [fail('Redis', messageOf(error), todo)];
  }
}

/** What is found over a connection of its own. Throws when Redis is not reached. */
async function over(
  url: string,
  { redisTls }: Config,
  look: (redis: Redis) => Promise<Finding[]>,
): Promise<Finding[]> {
  const redis = connectRedis(url, { name: 'andon-doctor', kind: 'fleet', tls: redisTls });
  try {
    await untilReady(redis, REACH_MS);
    return await look(redis);
  } finally {
    await closeRedis(redis, 1_000);
  }
}

/** What keeps one look from being finished must not keep the others from being told. */
async function whatever(about: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    const todo =
      'It could not be looked at to the end: put right what stands above, then ask again.';
    return [fail(about, messageOf(error), todo)];
  }
}

/** The private Redis of a running `andon up`; it is not started for this. */
async function privateRedis({ dataDir }: Config): Promise<string | null> {
  const record = await readRecord(join(dataDir, 'redis.json'));
  if (!record || (await probe(record.port, record.password)).is !== 'ready') return null;
  return `redis://:${record.password}@127.0.0.1:${record.port}`;
}

const colours: Readonly<Record<Finding['verdict'], Colour>> = {
  ok: 'green',
  warn: 'yellow',
  fail: 'red',
};

function page(output: Output, findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ about }) => about.length));
  const lines = findings.flatMap(({ about, verdict, says, todo }) => {
    const head = `${output.paint(verdict.padEnd(4), colours[verdict])}  ${about.padEnd(width)}  `;
    return [`${head}${says}`, ...(todo ? [`${' '.repeat(width + 8)}→ ${todo}`] : [])];
  });
  const count = (verdict: Finding['verdict']) =>
    findings.filter((one) => one.verdict === verdict).length;
  const [bad, odd] = [count('fail'), count('warn')];
  const end =
    bad + odd === 0
      ? 'All is well.'
      : `${bad} failed, ${odd} warning${odd === 1 ? '' : 's'}, ${count('ok')} well.`;
  return [...lines, '', end].join('\n');
}
