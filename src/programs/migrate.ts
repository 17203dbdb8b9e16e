import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { Redis } from 'ioredis';
import { FleetSwitch } from '../blocking/fleet-switch.js';
import { seconds } from '../cli/checks.js';
import { type Config, loadConfig } from '../config/load.js';
import { BadConfig, messageOf } from '../errors.js';
import { pause } from '../lifecycle.js';
import { migrations } from '../migrations/all.js';
import type { Ground, Migration } from '../migrations/migration.js';
import { Audit } from '../queues/audit.js';
import { Registry } from '../queues/registry.js';
import { mastersOf } from '../redis/cluster.js';
import { closeRedis, connectRedis, untilReady } from '../redis/connect.js';
import { local } from '../redis/durability.js';
import { EmbeddedRedis } from '../redis/embedded.js';
import { Keys } from '../redis/keys.js';
import { readLayout, writeLayout } from '../redis/layout.js';
import { Scripts } from '../redis/script.js';
import { openVault } from '../start/secret-keys.js';

/** How long the lock outlasts its holder, in milliseconds. */
const LOCK_MS = 30_000;
/** Who pauses the fleet, and stands in the audit. */
const ACTOR = 'andon migrate';

interface Options {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  /** How long to wait for deliveries that run, in seconds. */
  readonly wait?: number;
}

/** `andon migrate`: the data of an older Andon are brought to the layout that this one writes. */
export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description('Bring the data of an older Andon to the layout of this one')
    .option('--dry-run', 'only tell what would be done')
    .option('--wait <seconds>', 'how long to wait for deliveries that run', seconds, 60)
    .option('--force', 'also while workers of an Andon without layouts are connected')
    .addHelpText(
      'after',
      `
Make a backup before (docs/upgrade.md). The fleet is paused meanwhile, and enqueues are refused with 503.
It may be interrupted: run it again, and it goes on.`,
    )
    .action(async (options: Options) => {
      const say = (line: string) => void process.stdout.write(`${line}\n`);
      await onRedis(loadConfig(), (redis, config) => migrate(redis, config, { ...options, say }));
    });
}

async function onRedis(
  config: Config,
  work: (redis: Redis, config: Config) => Promise<void>,
): Promise<void> {
  const embedded = config.redisUrl ? null : new EmbeddedRedis({ dataDir: config.dataDir });
  let redis: Redis | null = null;
  try {
    await embedded?.start();
    redis = connectRedis(embedded?.url ?? config.redisUrl ?? '', {
      name: 'andon-migrate',
      kind: 'fleet',
      tls: config.redisTls,
    });
    await untilReady(redis, 5_000).catch((error: unknown) => {
      throw new BadConfig([`${messageOf(error)}. Is REDIS_URL right, and is Redis running?`]);
    });
    await work(redis, config);
  } finally {
    if (redis) await closeRedis(redis, 1_000);
    await embedded?.stop();
  }
}

/**
 * Does nothing when the data are of the newest layout, or there are none.
 * @param steps in order; all there are, unless a test brings its own
 * @throws BadConfig when it must not be done now, with what to do
 */
export async function migrate(
  redis: Redis,
  config: Config,
  { say, dryRun, force, wait = 60 }: Options & { say: (line: string) => void },
  steps: readonly Migration[] = migrations,
): Promise<void> {
  const keys = new Keys(config.prefix, config.shards);
  const target = steps.at(-1)?.to ?? 0;
  const { is, goingTo } = await readLayout(redis, keys);
  if (is === null) return say('There are no data yet: the first start gives them their layout.');
  if (Math.max(is, goingTo ?? 0) > target)
    throw new BadConfig([
      `The data are of layout ${goingTo ?? is}, newer than this Andon knows (${target}): run andon migrate of the newer one.`,
    ]);
  const ground = await groundOf(redis, keys, config);
  const fleet = new FleetSwitch(redis, ground.scripts, keys);
  if (is === target && goingTo === null) {
    await goOn(fleet);
    return say(`The data are of layout ${is}, the newest: nothing to do.`);
  }
  const due = steps.filter(({ to }) => to > is);
  say(`The data are of layout ${is}; this Andon writes ${target}.`);
  for (const one of due) say(`  to ${one.to}: ${one.does} (${await one.look(ground)})`);
  if (dryRun) return say('Nothing was changed. Make a backup, then run it without --dry-run.');
  await underLock(redis, keys, async () => {
    if (is === 0 && !force) await noneWhoKnowsNoLayouts(redis);
    if (goingTo === null) await quiet(fleet, `layout ${is} to ${target}`, wait);
    await writeLayout(redis, keys, `migrating ${is} ${target}`);
    for (const one of due) {
      await one.run(ground, (line) => say(`  to ${one.to}: ${line}`));
      await writeLayout(
        redis,
        keys,
        one.to === target ? String(target) : `migrating ${one.to} ${target}`,
      );
    }
    await new Audit(redis, keys).write(ACTOR, 'migrate', { from: is, to: target });
    await goOn(fleet);
  });
  say(`Done: the data are of layout ${target}.`);
}

async function groundOf(redis: Redis, keys: Keys, config: Config): Promise<Ground> {
  const stored = await redis.get(keys.registry.shards);
  if (stored !== String(keys.shards.length))
    throw new BadConfig([`ANDON_SHARDS is ${keys.shards.length}, but these data have ${stored}.`]);
  const scripts = new Scripts(redis, keys, local, { anyLayout: true });
  const registry = new Registry(redis, scripts, keys, await openVault(config));
  return { redis, keys, scripts, registry };
}

/** Nothing starts any more, and what runs is finished. */
async function quiet(fleet: FleetSwitch, why: string, wait: number): Promise<void> {
  if (!(await fleet.state()).paused) await fleet.pause(ACTOR, why);
  const deadline = performance.now() + wait * 1_000;
  for (;;) {
    const { running } = await fleet.state();
    if (running === 0) return;
    if (performance.now() > deadline) {
      await goOn(fleet);
      throw new BadConfig([
        `${running} deliveries still run after ${wait} s: nothing was changed. Wait for them, or stop the workers; then run it again.`,
      ]);
    }
    await pause(200);
  }
}

/** A pause that a person made stays. */
async function goOn(fleet: FleetSwitch): Promise<void> {
  if ((await fleet.state()).paused?.by === ACTOR) await fleet.resume(ACTOR);
}

/** Workers from before layouts had numbers would go on unasked. */
async function noneWhoKnowsNoLayouts(redis: Redis): Promise<void> {
  const lists = await Promise.all(
    mastersOf(redis).map((one) => one.client('LIST').catch(() => '')), // where CLIENT is forbidden
  );
  const workers = lists.flatMap(
    (list) => String(list).match(/\bname=andon-crew-blocking\b/g) ?? [],
  );
  if (workers.length === 0) return;
  throw new BadConfig([
    `${workers.length} workers are connected to this Redis. Those of an older Andon know of no layouts and would go on: stop all processes first. If they belong to another installation, add --force.`,
  ]);
}

/** One at a time; whoever dies is waited for half a minute. */
async function underLock(redis: Redis, keys: Keys, work: () => Promise<void>): Promise<void> {
  const { migrating } = keys.registry;
  const me = randomUUID();
  if ((await redis.set(migrating, me, 'PX', LOCK_MS, 'NX')) !== 'OK')
    throw new BadConfig([
      'Another andon migrate runs. If it died, its lock ends within 30 seconds: run it again then.',
    ]);
  let lost = false;
  const renewing = setInterval(
    () =>
      void redis
        .set(migrating, me, 'PX', LOCK_MS, 'XX')
        .then((said) => {
          lost ||= said !== 'OK';
        })
        .catch(() => {}), // it lasts for two more tries
    LOCK_MS / 3,
  );
  try {
    await work();
    if (lost) throw new BadConfig(['The lock was lost meanwhile: run andon migrate once more.']);
  } finally {
    clearInterval(renewing);
    if ((await redis.get(migrating)) === me) await redis.del(migrating);
  }
}
