import { type Command, Option } from 'commander';
import type { Redis } from 'ioredis';
import type { Io } from '../cli/io.js';
import { Output } from '../cli/output.js';
import type { EndpointInput } from '../config/endpoint-schema.js';
import { type Config, loadConfig } from '../config/load.js';
import { inspectModules } from '../connectors/module/inspect.js';
import { connectorTypes } from '../connectors/registry.js';
import { BadConfig, messageOf } from '../errors.js';
import { Recipients } from '../incidents/recipients.js';
import { clientsUntold, untoldSentence } from '../incidents/warnings.js';
import { loadCatalogue } from '../instructions/catalogue.js';
import { Registry } from '../queues/registry.js';
import { closeRedis, connectRedis, untilReady } from '../redis/connect.js';
import { Keys } from '../redis/keys.js';
import { problemWith, readLayout } from '../redis/layout.js';
import { checkRedis } from '../redis/preflight.js';
import { Scripts, unknownBullmqScripts } from '../redis/script.js';
import { wrongSettings } from '../start/conditions.js';
import { wrongConnectors } from '../start/seed.js';

/** `andon check`: would it start? Every problem at once, each as a sentence. */
export function addCheck(program: Command, io: Io = process): void {
  program
    .command('check')
    .description('Check settings and Redis without starting anything; exit code 0 when all is well')
    .addOption(new Option('--json').hideHelp())
    .action(async (_: unknown, command: Command) => {
      const { problems, notes } = await findings();
      const ok = problems.length === 0;
      const json = command.optsWithGlobals()['json'] === true;
      const text = json
        ? JSON.stringify({ ok, problems, notes }, null, 2)
        : notes.map((note) => (note.startsWith('warning: ') ? note : `ok   ${note}`)).join('\n');
      if (text) io.stdout.write(`${new Output(io, json).asTyped(text)}\n`);
      if (!ok) throw new BadConfig(problems);
    });
}

interface Findings {
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

async function findings(): Promise<Findings> {
  try {
    return await look(loadConfig());
  } catch (error) {
    if (error instanceof BadConfig) return { problems: error.problems, notes: [] };
    throw error;
  }
}

async function look(config: Config): Promise<Findings> {
  const notes = [`settings (${config.configFile} and environment)`];
  const problems = [
    ...unknownBullmqScripts(),
    ...wrongSettings(config, loadCatalogue()),
    ...(await connectorsOf(config)),
  ];
  notes.push(...config.warnings.map((warning) => `warning: ${warning}`));
  notes.push(
    config.mail
      ? `mail: ${config.mail.host}:${config.mail.port}, from ${config.mail.from}`
      : 'warning: ANDON_SMTP_URL is not set, so send_email items fail and nobody is told by mail',
  );
  if (problems.length === 0) notes.push('bullmq is the version that was tested');
  const modules = await inspectModules(config.file.modules, namedModules(config));
  problems.push(...modules.problems);
  notes.push(...modules.notes);
  if (!config.redisUrl) {
    notes.push(`Redis: a private one is started under ${config.dataDir} (REDIS_URL is not set)`);
    return { problems, notes };
  }
  const redis = connectRedis(config.redisUrl, {
    name: 'andon-check',
    kind: 'api',
    tls: config.redisTls,
  });
  try {
    await untilReady(redis, 5_000);
    const found = await checkRedis(redis, { allowVolatile: false });
    problems.push(...found.problems);
    const layout = problemWith(await readLayout(redis, new Keys(config.prefix, config.shards)));
    if (layout) problems.push(layout.message);
    notes.push(...found.warnings);
    if (found.problems.length === 0)
      notes.push('Redis: version, memory policy, persistence and role');
    notes.push(...(await untold(config, redis)));
  } catch (error) {
    problems.push(`${messageOf(error)}. Is REDIS_URL right, and is Redis running?`);
  } finally {
    await closeRedis(redis, 1_000);
  }
  return { problems, notes };
}

/** What the first start would refuse of the file's connectors. */
async function connectorsOf(config: Config): Promise<string[]> {
  const types = connectorTypes(config.connectorNetworks, {
    modules: config.file.modules,
    mail: config.mail,
  });
  try {
    return wrongConnectors(config, types);
  } finally {
    await types.close();
  }
}

/** Modules that endpoints of the settings file name. */
export function namedModules({ file }: Config): string[] {
  const endpoints = [file.channels, file.sources, file.services].flatMap(Object.values);
  return endpoints.flatMap(({ connector }: EndpointInput) =>
    connector.type === 'module' ? [String(connector['path'])] : [],
  );
}

/** Clients of whose failures nobody is told: it starts all the same, but somebody should know. */
export async function untold(config: Config, redis: Redis): Promise<string[]> {
  const keys = new Keys(config.prefix, config.shards);
  const registry = new Registry(redis, new Scripts(redis, keys), keys);
  const clients = clientsUntold(await new Recipients(redis, keys).all(), await registry.list());
  return clients.map((client) => `warning: ${untoldSentence(client)}`);
}
