import type { Command } from 'commander';
import { type Config, loadConfig } from '../config/load.js';
import { BadConfig, messageOf } from '../errors.js';
import { Audit } from '../queues/audit.js';
import { Registry } from '../queues/registry.js';
import { closeRedis, connectRedis, untilReady } from '../redis/connect.js';
import { EmbeddedRedis } from '../redis/embedded.js';
import { Keys } from '../redis/keys.js';
import { Scripts } from '../redis/script.js';
import { SealedForGood } from '../secrets/vault.js';
import { addKey, openVault } from '../start/secret-keys.js';
import { type DeployTo, makeDeploySecrets } from './deploy-secrets.js';

/** `andon secrets rotate`: every stored secret sealed with the present key; `init`: those of containers. */
export function addSecrets(program: Command): void {
  const group = program
    .command('secrets')
    .description('the key that seals the secrets of connectors, and the secrets of containers');
  group
    .command('init')
    .description('make the secrets that docker-compose.yml reads; what is there is kept')
    .argument('[directory]', 'where they go', './secrets')
    .option('--redis <host:port>', 'Redis as the containers see it', 'redis:6379')
    .option('--smtp <url>', 'mail server as the containers see it', 'smtp://mailpit:1025')
    .action((directory: string, to: DeployTo) => {
      const { made, kept } = makeDeploySecrets(directory, to);
      if (made.length > 0) process.stdout.write(`${directory}: made ${made.join(', ')}.\n`);
      if (kept.length > 0) process.stdout.write(`${directory}: kept ${kept.join(', ')}.\n`);
    });
  group
    .command('rotate')
    .description(
      'seal all stored secrets with the first key of ANDON_SECRET_KEY, or with a new one in the data directory',
    )
    .addHelpText(
      'after',
      `
To change ANDON_SECRET_KEY without a stop: set old,new everywhere and restart; set new,old and restart;
run this; then set new alone.`,
    )
    .action(async () => {
      const { all, sealed, made } = await rotate(loadConfig());
      process.stdout.write(
        `${made ? 'A new key was made. ' : ''}Sealed ${sealed} of ${all} with the present key.\n`,
      );
    });
}

/** @throws BadConfig */
export async function rotate(
  config: Config,
): Promise<{ all: number; sealed: number; made: boolean }> {
  const embedded = config.redisUrl ? null : new EmbeddedRedis({ dataDir: config.dataDir });
  try {
    await embedded?.start();
    const redis = connectRedis(embedded?.url ?? config.redisUrl ?? '', {
      name: 'andon-secrets',
      kind: 'api',
      tls: config.redisTls,
    });
    try {
      await untilReady(redis, 5_000);
      // Seen to open before a key is added, and again after.
      await openVault(config);
      const made = embedded !== null && (await addKey(config));
      const keys = new Keys(config.prefix, config.shards);
      const vault = await openVault(config);
      const registry = new Registry(redis, new Scripts(redis, keys), keys, vault);
      const done = await registry.sealAll({ plainOnly: false });
      await new Audit(redis, keys).write('andon secrets rotate', 'rotate', {
        secrets: done.all,
        sealed: done.sealed,
        newKey: made,
      });
      return { ...done, made };
    } finally {
      await closeRedis(redis, 1_000);
    }
  } catch (error) {
    if (error instanceof SealedForGood) throw new BadConfig([`${error.message}.`]);
    if (error instanceof BadConfig) throw error;
    throw new BadConfig([`${messageOf(error)}. Is REDIS_URL right, and is Redis running?`]);
  } finally {
    await embedded?.stop();
  }
}
