import type { Command } from 'commander';
import { type Config, loadConfig } from './config/load.js';
import { BadConfig, messageOf } from './errors.js';
import { Registry } from './queues/registry.js';
import { closeRedis, connectRedis, untilReady } from './redis/connect.js';
import { EmbeddedRedis } from './redis/embedded.js';
import { Keys } from './redis/keys.js';
import { Scripts } from './redis/script.js';
import { addKey, openVault } from './secret-keys.js';
import { SealedForGood } from './secrets/vault.js';

/** `andon secrets rotate`: every stored secret sealed with the present key. */
export function addSecrets(program: Command): void {
  program
    .command('secrets')
    .description('look after the key that seals the secrets of connectors')
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
    });
    try {
      await untilReady(redis, 5_000);
      // Seen to open before a key is added, and again after.
      await openVault(config);
      const made = embedded !== null && (await addKey(config));
      const keys = new Keys(config.prefix, config.shards);
      const vault = await openVault(config);
      const registry = new Registry(redis, new Scripts(redis, keys), keys, vault);
      return { ...(await registry.sealAll({ plainOnly: false })), made };
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
