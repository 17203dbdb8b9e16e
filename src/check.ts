import type { Command } from 'commander';
import { type Config, loadConfig } from './config/load.js';
import { BadConfig, messageOf } from './errors.js';
import { closeRedis, connectRedis, untilReady } from './redis/connect.js';
import { checkRedis } from './redis/preflight.js';
import { unknownBullmqScripts } from './redis/script.js';

/** `andon check`: would it start? Every problem at once, each as a sentence. */
export function addCheck(program: Command): void {
  program
    .command('check')
    .description('Check settings and Redis without starting anything; exit code 0 when all is well')
    .action(async () => {
      const config = loadConfig();
      const { problems, notes } = await look(config);
      for (const note of notes) process.stdout.write(`ok   ${note}\n`);
      if (problems.length > 0) throw new BadConfig(problems);
    });
}

async function look(config: Config): Promise<{ problems: string[]; notes: string[] }> {
  const notes = [`settings (${config.configFile} and environment)`];
  const problems = unknownBullmqScripts();
  if (problems.length === 0) notes.push('bullmq is the version that was tested');
  if (!config.redisUrl) {
    notes.push(`Redis: a private one is started under ${config.dataDir} (REDIS_URL is not set)`);
    return { problems, notes };
  }
  const redis = connectRedis(config.redisUrl, { name: 'andon-check', kind: 'api' });
  try {
    await untilReady(redis, 5_000);
    const found = await checkRedis(redis, { allowVolatile: false });
    problems.push(...found.problems);
    notes.push(...found.warnings);
    if (found.problems.length === 0)
      notes.push('Redis: version, memory policy, persistence and role');
  } catch (error) {
    problems.push(`${messageOf(error)}. Is REDIS_URL right, and is Redis running?`);
  } finally {
    await closeRedis(redis, 1_000);
  }
  return { problems, notes };
}
