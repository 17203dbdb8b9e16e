import { resolve } from 'node:path';
import type { Redis } from 'ioredis';
import type { Config } from '../config/load.js';
import { BadConfig, messageOf } from '../errors.js';
import { notificationTypes } from '../incidents/types.js';
import { overrideFaults } from '../incidents/warnings.js';
import type { Catalogue } from '../instructions/catalogue.js';
import { within } from '../lifecycle.js';
import type { Log } from '../log.js';
import { migrate } from '../programs/migrate.js';
import type { Registry } from '../queues/registry.js';
import { untilReady } from '../redis/connect.js';
import type { Keys } from '../redis/keys.js';
import { isBehind, layoutProblems, readLayout } from '../redis/layout.js';
import { checkRedis } from '../redis/preflight.js';
import { unknownBullmqScripts } from '../redis/script.js';
import { SealedForGood } from '../secrets/vault.js';
import { wrongKeys } from './secret-keys.js';

/** How long a process waits for a Redis that is not there yet, and then for its first answer. Milliseconds. */
export const REDIS_WAIT_MS = 30_000;
const ANSWER_MS = 2_000;

/** Sentences about settings with which nothing starts, beyond what the settings alone can tell (`loadConfig`). */
export function wrongSettings(config: Config, catalogue: Catalogue): string[] {
  return [
    ...catalogue.strangers(Object.keys(config.file.retry), 'retry'),
    ...wrongOverrides(config, catalogue),
    ...wrongKeys(config),
  ];
}

/** Sentences about overrides of the settings file that name what there is not. */
function wrongOverrides({ file, configFile }: Config, catalogue: Catalogue): string[] {
  const types = notificationTypes(catalogue);
  return file.alerts.overrides.flatMap((override, n) =>
    overrideFaults(override, types).map(
      ({ pointer, detail }) =>
        `${configFile}: alerts.overrides.${n}${pointer.replaceAll('/', '.')}: ${detail}.`,
    ),
  );
}

/** Resolves when Redis answers. @throws BadConfig that says what to do when it does not, or at `signal` */
export async function reach(redis: Redis, signal: AbortSignal): Promise<void> {
  try {
    await untilReady(redis, REDIS_WAIT_MS, signal);
    await within(ANSWER_MS, redis.ping(), 'Redis did not answer');
  } catch (error) {
    throw new BadConfig([whyUnreachable(messageOf(error))]);
  }
}

function whyUnreachable(message: string): string {
  if (/NOAUTH/.test(message)) return 'Redis wants a password: put it into REDIS_URL.';
  if (/WRONGPASS/.test(message)) return 'Redis refuses the user or password in REDIS_URL.';
  if (/ANDON_REDIS_/.test(message)) return `${message}.`;
  return `${message.replace(/\.$/, '')}. Is REDIS_URL right, and is Redis running?`;
}

/** Why the private Redis did not start, and what to do. */
export function whyNotEmbedded(error: unknown, dataDir: string): string {
  const code =
    typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (!['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(code))
    return `The private Redis under ${dataDir} did not start: ${messageOf(error)}`;
  return `The data directory ${resolve(dataDir)} cannot be written (${code}): let the user that runs Andon write there (chown), or set ANDON_DATA_DIR to a directory of its own.`;
}

/**
 * That this Redis, with these data, is one to work on.
 * @param its.allowVolatile go on with a Redis that forgets
 * @param its.own a private one: what an older Andon left there is brought up to date on the way
 * @throws BadConfig
 */
export async function checkStore(
  redis: Redis,
  keys: Keys,
  config: Config,
  log: Log,
  its: { readonly allowVolatile: boolean; readonly own: boolean },
): Promise<void> {
  const { problems, warnings } = await checkRedis(redis, {
    allowVolatile: its.allowVolatile,
    replicas: config.durability === 'replicated' ? config.replicas : 0,
  });
  for (const warning of warnings) log.warn({}, warning);
  const all = [...problems, ...unknownBullmqScripts()];
  if (all.length > 0) throw new BadConfig(all);
  if (its.own && isBehind(await readLayout(redis, keys)))
    await migrate(redis, config, { say: (line) => log.info({}, line) });
  const wrong = [...(await layoutProblems(redis, keys)), ...(await wrongShards(redis, keys))];
  if (wrong.length > 0) throw new BadConfig(wrong);
}

/** Queues are spread over shards by their names, so their number is fixed at the first start. */
async function wrongShards(redis: Redis, keys: Keys): Promise<string[]> {
  const wanted = String(keys.shards.length);
  await redis.set(keys.registry.shards, wanted, 'NX');
  const stored = await redis.get(keys.registry.shards);
  if (stored === wanted) return [];
  return [
    `ANDON_SHARDS is ${wanted}, but this installation was started with ${stored}: keep that.`,
  ];
}

/** Secrets from before there was a vault are sealed now; that all others open is seen on the way. @throws BadConfig */
export async function sealPlain(registry: Registry, log: Log): Promise<void> {
  try {
    const { sealed } = await registry.sealAll({ plainOnly: true });
    if (sealed > 0) log.info({ sealed }, 'secrets that were stored plainly are sealed now');
  } catch (error) {
    if (error instanceof SealedForGood) throw new BadConfig([`${error.message}.`]);
    throw error;
  }
}
