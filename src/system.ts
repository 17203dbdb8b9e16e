import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type RequestHandler, Router } from 'express';
import type { Redis } from 'ioredis';
import { Accounts } from './accounts/accounts.js';
import { ActVisits } from './accounts/act-visits.js';
import { Guard, visitorOf } from './accounts/guard.js';
import { LockOut } from './accounts/lock-out.js';
import { Provider } from './accounts/provider.js';
import { RequestLimit } from './accounts/request-limit.js';
import { Sessions } from './accounts/sessions.js';
import { Users } from './accounts/users.js';
import { withActs } from './alerts/act-mail.js';
import { Alerter } from './alerts/alerter.js';
import { Ledger } from './alerts/ledger.js';
import { Links } from './alerts/links.js';
import { Successes } from './alerts/successes.js';
import { Writer } from './alerts/writer.js';
import { ApiKeys } from './api/api-keys.js';
import { type AppParts, buildApp } from './api/app.js';
import { ApiServer } from './api/server.js';
import type { Services } from './api/services.js';
import { BulkRuns } from './blocking/bulk-runs.js';
import { FleetSwitch } from './blocking/fleet-switch.js';
import { previewSkip, skipTotals } from './blocking/skip-preview.js';
import { Transitions, type Witness } from './blocking/transitions.js';
import { BOARD_PATH, board } from './board/board.js';
import type { Config } from './config/load.js';
import type { AnyConnectorType } from './connectors/connector.js';
import { discreet, secretTexts, unfit } from './connectors/discreet.js';
import { type ConnectorTypes, connectorTypes } from './connectors/registry.js';
import { noWebhooks, type WebhookBook } from './connectors/webhook.js';
import { buildConsole, type Console } from './console/console.js';
import type { ConsoleServices } from './console/services.js';
import { BadConfig, messageOf } from './errors.js';
import { type FirstLogin, firstAdmin } from './first-admin.js';
import { type AdminKey, firstKey } from './first-key.js';
import { Fleet } from './fleet/fleet.js';
import { Acts } from './incidents/acts.js';
import { noteVerb } from './incidents/advice.js';
import { TroubleFinder } from './incidents/find.js';
import { Incidents } from './incidents/incidents.js';
import { KnownErrors } from './incidents/known-errors.js';
import { Recipients } from './incidents/recipients.js';
import { notificationTypes } from './incidents/types.js';
import { overrideFaults } from './incidents/warnings.js';
import { type Catalogue, loadCatalogue } from './instructions/catalogue.js';
import { LayoutWatch } from './layout-watch.js';
import { type Part, Parts, within } from './lifecycle.js';
import type { Log } from './log.js';
import { migrate } from './migrate.js';
import { Observation, type Observed } from './observe.js';
import { Audit } from './queues/audit.js';
import { Changes } from './queues/changes.js';
import { Enqueuer } from './queues/enqueue.js';
import { readFailures } from './queues/failures.js';
import { Finder } from './queues/find.js';
import { paceOf } from './queues/pace.js';
import { idsAt } from './queues/places.js';
import { endpointName, Registry } from './queues/registry.js';
import { Seeker } from './queues/seek.js';
import { Standing } from './queues/standing.js';
import { readStatus } from './queues/status.js';
import { Webhooks } from './queues/webhooks.js';
import { closeRedis, connectRedis, untilReady } from './redis/connect.js';
import { type Durability, local, Replicated } from './redis/durability.js';
import { EmbeddedRedis } from './redis/embedded.js';
import { type Heirs, heirsOf } from './redis/heirs.js';
import { Keys, PARALLEL } from './redis/keys.js';
import { isBehind, layoutProblems, readLayout } from './redis/layout.js';
import { checkRedis } from './redis/preflight.js';
import { Scripts, unknownBullmqScripts } from './redis/script.js';
import { openVault, ownSecrets, wrongKeys } from './secret-keys.js';
import { discreetLog } from './secrets/log.js';
import { BadReference, References } from './secrets/references.js';
import { Scrubber } from './secrets/scrubber.js';
import { SealedForGood, type Vault } from './secrets/vault.js';
import { seedEndpoints, unread } from './seed.js';

export type Role = 'api' | 'worker' | 'alerts';

export interface SystemOptions {
  readonly roles: readonly Role[];
  readonly log: Log;
  /** Types of connectors besides the built-in ones. */
  readonly connectors?: readonly AnyConnectorType[];
  /** Pages of the demo, below `/demo`, for admins. */
  readonly demo?: RequestHandler;
  /** Go on with a Redis that forgets. */
  readonly allowVolatile?: boolean;
  /** Called when the process should end because a part of it hangs. */
  readonly giveUp: (why: string) => void;
}

const CLOSE_MS = 2_000;
const REDIS_WAIT_MS = 30_000;
/** How long an end waits for a start that has begun, in milliseconds: its waits for Redis are cut short. */
const BEGIN_MS = 10_000;

export const version: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version;

/** One process of Andon: Redis found or started, everything checked, then its roles. */
export class System implements Part {
  readonly name = 'andon';
  /** Set once the API listens. */
  url: string | null = null;
  /** The key with which a person or program gets in first. */
  adminKey: AdminKey | null = null;
  /** How a person logs in at first; null when somebody has seen to that. */
  firstLogin: FirstLogin | null = null;
  private readonly config: Config;
  private readonly options: SystemOptions;
  private readonly embedded: EmbeddedRedis | null;
  private readonly types: ConnectorTypes;
  private readonly references: References;
  private readonly catalogue: Catalogue;
  private readonly observation: Observation;
  private webhooks: WebhookBook = noWebhooks;
  private redis: Redis | null = null;
  private witness: Redis | null = null;
  private heirs: Heirs | null = null;
  private roles: Parts | null = null;
  private stopping: Promise<void> | null = null;
  /** Whoever waits for Redis at the start stops waiting, and nothing more is begun. */
  private readonly ending = new AbortController();
  private beginning: Promise<void> = Promise.resolve();

  constructor(config: Config, options: SystemOptions) {
    this.config = config;
    this.options = { ...options, log: discreetLog(options.log, new Scrubber(ownSecrets(config))) };
    this.references = new References(config.references);
    this.catalogue = loadCatalogue();
    this.observation = new Observation(config, {
      version,
      roles: options.roles,
      instructions: new Set(this.catalogue.names),
      log: this.options.log,
    });
    this.types = connectorTypes(config.connectorNetworks, {
      modules: config.file.modules,
      mail: config.mail,
      webhooks: () => this.webhooks,
      log: this.options.log,
      more: options.connectors,
    });
    this.embedded = config.redisUrl
      ? null
      : new EmbeddedRedis({ dataDir: config.dataDir, log: this.options.log });
  }

  /** Set once the health port listens, where there is one. */
  get healthUrl(): string | null {
    return this.observation.url;
  }

  get redisUrl(): string {
    return this.embedded ? this.embedded.url : (this.config.redisUrl ?? '');
  }

  /** @throws BadConfig when Redis, bullmq or the settings are not as they must be */
  async start(): Promise<void> {
    this.beginning = this.begin();
    try {
      await this.beginning;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  private async begin(): Promise<void> {
    const { catalogue } = this;
    const strangers = catalogue.strangers(Object.keys(this.config.file.retry), 'retry');
    strangers.push(...wrongOverrides(this.config, catalogue), ...wrongKeys(this.config));
    if (strangers.length > 0) throw new BadConfig(strangers);
    for (const warning of this.config.warnings) this.options.log.warn({}, warning);
    await this.observation.start();
    await this.startEmbedded();
    this.ending.signal.throwIfAborted();
    const redis = connectRedis(this.redisUrl, {
      tls: this.config.redisTls,
      name: 'andon',
      kind: 'api',
      log: this.options.log,
    });
    this.redis = redis;
    await reach(redis, this.ending.signal);
    const keys = new Keys(this.config.prefix, this.config.shards);
    await this.check(redis, keys);
    const vault = await openVault(this.config);
    const registry = new Registry(redis, new Scripts(redis, keys), keys, vault);
    await registry.spreadIds(PARALLEL);
    await sealPlain(registry, this.options.log);
    this.webhooks = bookOf(new Webhooks(redis, keys, vault), new Audit(redis, keys));
    await this.startRoles(redis, keys, catalogue, vault);
  }

  private async startEmbedded(): Promise<void> {
    try {
      await this.embedded?.start();
    } catch (error) {
      const { dataDir } = this.config;
      throw new BadConfig([
        notWritable(error, dataDir) ??
          `The private Redis under ${dataDir} did not start: ${messageOf(error)}`,
      ]);
    }
  }

  stop(): Promise<void> {
    this.stopping ??= this.close();
    return this.stopping;
  }

  private async close(): Promise<void> {
    this.ending.abort();
    this.observation.close();
    if (!this.redis) await this.embedded?.stop(); // it may still be waited for
    // What is started beside the end would be left behind. Why a start failed is told by `start`.
    await within(BEGIN_MS, this.beginning, 'the start').catch(() => {});
    await this.roles?.stop();
    await this.observation.leave();
    await this.types.close();
    this.heirs?.close();
    for (const redis of [this.witness, this.redis]) if (redis) await closeRedis(redis, CLOSE_MS);
    await this.embedded?.stop();
    await this.observation.stop();
  }

  private async check(redis: Redis, keys: Keys): Promise<void> {
    const allowVolatile = this.options.allowVolatile ?? false;
    const { problems, warnings } = await checkRedis(redis, {
      allowVolatile,
      replicas: this.config.durability === 'replicated' ? this.config.replicas : 0,
    });
    for (const warning of warnings) this.options.log.warn({}, warning);
    const all = [...problems, ...unknownBullmqScripts()];
    if (all.length > 0) throw new BadConfig(all);
    // A private Redis is nobody else's: what an older Andon left there is brought up to date on the way.
    if (this.embedded && isBehind(await readLayout(redis, keys)))
      await migrate(redis, this.config, { say: (line) => this.options.log.info({}, line) });
    const wrong = [...(await layoutProblems(redis, keys)), ...(await wrongShards(redis, keys))];
    if (wrong.length > 0) throw new BadConfig(wrong);
  }

  private async startRoles(
    redis: Redis,
    keys: Keys,
    catalogue: Catalogue,
    vault: Vault,
  ): Promise<void> {
    const { roles, log } = this.options;
    const parts: Part[] = [];
    let api: ApiServer | null = null;
    const durability =
      roles.includes('api') || roles.includes('alerts') ? await this.durability(redis) : local;
    if (await new Recipients(redis, keys).seed(this.config.file.alerts))
      log.info({}, `recipients of alerts read from ${this.config.configFile}`);
    if (roles.includes('api')) {
      // What the start itself writes, every start would write again: that waits for no replica.
      const first = this.services(redis, keys, catalogue, vault, local);
      this.adminKey = await firstKey(first.apiKeys, this.config);
      await seed(redis, keys, first, this.config, log);
      this.firstLogin = await firstAdmin(first.accounts, this.config);
      const services = this.services(redis, keys, catalogue, vault, durability);
      const guard = new Guard(services.accounts);
      const bulkRuns = new BulkRuns({ ...services, redis, keys, log });
      const desk = this.console(redis, keys, services, { guard, bulkRuns }, vault);
      const rooms = [
        this.board(redis, keys, services, guard),
        ...(this.options.demo ? [demoRoom(this.options.demo, guard)] : []),
        desk.router,
      ];
      api = this.api(redis, keys, services, { rooms, pageProblems: desk.problems });
      // The streams of open pages end first, so that the server need not wait for them.
      parts.push(api, bulkRuns, desk.feed);
    }
    // After the API: when its port is taken, nothing has been claimed.
    const observed: Observed[] = [];
    if (roles.includes('worker')) {
      const fleet = this.fleet(redis, keys, catalogue, vault);
      observed.push({ standstill: () => fleet.standstill(), pulse: () => fleet.pulse });
      parts.push(fleet);
    }
    if (roles.includes('alerts')) {
      const alerter = this.alerter(redis, keys, catalogue, vault, durability);
      const pulse = { crews: [], loops: [alerter] };
      observed.push({ standstill: () => alerter.standstill(), pulse: () => pulse });
      parts.push(alerter);
    }
    const watch = new LayoutWatch(redis, keys, this.options.giveUp, log);
    observed.push({
      standstill: () => watch.standstill(),
      pulse: () => ({ crews: [], loops: [] }),
    });
    parts.push(watch);
    this.roles = new Parts('roles', parts, (part, problem) =>
      log.error({ part, error: messageOf(problem) }, 'did not stop cleanly'),
    );
    this.ending.signal.throwIfAborted();
    await this.roles.start();
    this.url = api?.url ?? null;
    await this.observation.open(redis, keys, observed);
  }

  private services(
    redis: Redis,
    keys: Keys,
    catalogue: Catalogue,
    vault: Vault,
    durability: Durability,
  ): Services {
    const scripts = new Scripts(redis, keys, durability);
    const registry = new Registry(redis, scripts, keys, vault);
    const finder = new Finder(redis, scripts, keys, registry);
    const audit = new Audit(redis, keys, durability);
    const knownErrors = new KnownErrors(redis, keys);
    const witness: Witness = (item, verb) =>
      noteVerb({ catalogue, registry, knownErrors }, item, verb).catch((error) =>
        this.options.log.warn(
          { error: messageOf(error) },
          'an advice that was followed is not counted',
        ),
      );
    const apiKeys = new ApiKeys(redis, keys, durability);
    const accounts = this.accounts(redis, keys, audit, durability);
    return {
      catalogue,
      registry,
      enqueuer: new Enqueuer(redis, scripts, keys),
      finder,
      previewSkip: (item, scope, sees) =>
        previewSkip({ redis, keys, finder, catalogue }, item, scope, sees),
      skipTotals: (items) => skipTotals({ finder, catalogue }, items),
      transitions: new Transitions(scripts, keys, catalogue, witness),
      fleetSwitch: new FleetSwitch(redis, scripts, keys),
      audit,
      apiKeys,
      accounts,
      anew: async ({ actor }) => (await accounts.anew(actor)) ?? apiKeys.anew(actor),
      connectorTypes: this.types,
      incidents: new Incidents(redis, scripts, keys),
      recipients: new Recipients(redis, keys, durability),
      references: this.references,
      webhooks: new Webhooks(redis, keys, vault, durability),
      standing: new Standing(redis, scripts, keys),
      status: (names) => readStatus(scripts, keys, names, this.config.file.hold.graceMs),
    };
  }

  private async durability(redis: Redis): Promise<Durability> {
    const { durability, replicas, replicasWaitMs } = this.config;
    if (durability === 'local') return local;
    const { log } = this.options;
    this.ending.signal.throwIfAborted();
    this.witness = connectRedis(this.redisUrl, {
      name: 'andon-replicas',
      kind: 'fleet',
      log,
      tls: this.config.redisTls,
    });
    await untilReady(this.witness, REDIS_WAIT_MS, this.ending.signal);
    this.heirs = heirsOf(this.redisUrl, this.config.redisTls);
    return new Replicated({
      redis,
      witness: this.witness,
      heirs: this.heirs,
      replicas,
      waitMs: replicasWaitMs,
    });
  }

  private accounts(redis: Redis, keys: Keys, audit: Audit, durability: Durability): Accounts {
    return new Accounts({
      users: new Users(redis, keys, durability),
      sessions: new Sessions(redis, keys, this.config.file.login),
      lockOut: new LockOut(redis, keys),
      audit,
    });
  }

  /** Links by which people act from their mails; null when they are switched off. */
  private acts(redis: Redis, keys: Keys, vault: Vault): Acts | null {
    const { actions, actionsMs } = this.config.file.alerts;
    return actions ? new Acts(redis, keys, vault, actionsMs) : null;
  }

  private console(
    redis: Redis,
    keys: Keys,
    services: Services,
    own: Pick<ConsoleServices, 'guard' | 'bulkRuns'>,
    vault: Vault,
  ): Console {
    const visits = new ActVisits(redis, keys);
    const events = new Changes(redis, keys);
    const { oidc, file } = this.config;
    const provider = oidc && new Provider(redis, keys, oidc, file.login.provider);
    const scripts = new Scripts(redis, keys);
    const { standing } = services;
    const parts: ConsoleServices = {
      ...services,
      ...own,
      knownErrors: new KnownErrors(redis, keys),
      provider,
      events,
      acts: this.acts(redis, keys, vault),
      admitVisit: (address: string) => visits.admit(address),
      version,
      log: this.options.log,
      failures: (most) => readFailures({ scripts, keys, standing }, most),
      seeker: new Seeker(redis, scripts, keys),
      pace: (queues) => paceOf(redis, keys, queues),
      placed: (queue, place, start, end) => idsAt(redis, keys, queue, place, start, end),
    };
    return buildConsole(parts, [BOARD_PATH, '/docs']);
  }

  /** Bull Board behind the same door as our pages. */
  private board(redis: Redis, keys: Keys, services: Services, guard: Guard): Router {
    const desk = board({
      ...services,
      redis,
      keys,
      log: this.options.log,
      callerOf: (_, response) => visitorOf(response).caller,
      tokenOf: (response) => visitorOf(response).token,
      ownForm: guard.ownForm,
    });
    return Router().use(BOARD_PATH, guard.identify, guard.sameSite, guard.demand('read'), desk);
  }

  private api(
    redis: Redis,
    keys: Keys,
    services: Services,
    pages: Pick<AppParts, 'rooms' | 'pageProblems'>,
  ): ApiServer {
    const { host, port, file } = this.config;
    const limit = (policy: 'key' | 'address') =>
      new RequestLimit(redis, keys.registry.requests, policy, file.api.rateLimit[policy]);
    const app = buildApp({
      services,
      log: this.options.log,
      version,
      probe: () => this.observation.readiness.demand(),
      metrics: () => this.observation.metrics.scrape(),
      onAnswer: (answered) => this.observation.metrics.answered(answered),
      trustProxy: this.config.trustProxy,
      limits: { key: limit('key'), address: limit('address') },
      ...pages,
    });
    return new ApiServer(app, { host, port, limits: file.api });
  }

  private alerter(
    redis: Redis,
    keys: Keys,
    catalogue: Catalogue,
    vault: Vault,
    durability: Durability,
  ): Alerter {
    const { alerts, hold } = this.config.file;
    const recipients = new Recipients(redis, keys);
    const scripts = new Scripts(redis, keys, durability);
    const registry = new Registry(redis, scripts, keys);
    const finder = new TroubleFinder(redis, scripts, keys);
    const ledger = new Ledger(redis, scripts, keys);
    const links = new Links(this.config.publicUrl);
    return new Alerter(
      {
        finder,
        ledger,
        successes: new Successes({ scripts, keys, finder, registry, ledger }),
        recipients,
        registry,
        catalogue,
        enqueuer: new Enqueuer(redis, scripts, keys),
        writer: new Writer({
          finder,
          registry,
          catalogue,
          keys,
          links,
          acts: this.acts(redis, keys, vault),
          knownErrors: new KnownErrors(redis, keys),
        }),
        keys,
      },
      { timings: alerts.timings, holdGraceMs: hold.graceMs },
      this.options.log,
    );
  }

  private fleet(redis: Redis, keys: Keys, catalogue: Catalogue, vault: Vault): Fleet {
    const { log, giveUp } = this.options;
    const acts = this.acts(redis, keys, vault);
    return new Fleet({
      config: this.config,
      keys,
      catalogue,
      vault,
      meter: this.observation.metrics,
      log,
      giveUp,
      ending: this.ending.signal,
      open: (kind, name) =>
        connectRedis(this.redisUrl, {
          name: `andon-${name}`,
          kind,
          log,
          tls: this.config.redisTls,
        }),
      close: (redis) => closeRedis(redis, CLOSE_MS),
      connect: async ({ kind, id }, registry) => {
        try {
          const whole = await registry.whole(kind, id);
          if (!whole) throw new Error(`the ${kind} "${id}" was removed in this moment`);
          const { endpoint, secrets: stored } = whole;
          const type = this.types.get(endpoint.connector.type);
          const secrets = await this.references.resolve(stored);
          const settings = type.parse({ ...endpoint.connector, ...secrets });
          const connector = await type.create(settings, endpointName(kind, id));
          const told = discreet(connector, new Scrubber(secretTexts(stored, secrets)));
          return acts && type.type === 'email' ? withActs(told, acts) : told;
        } catch (error) {
          // For a person who looks after secrets, not one who looks after data.
          if (!(error instanceof SealedForGood || error instanceof BadReference)) throw error;
          return unfit({ message: error.message, cause: 'credentials' });
        }
      },
    });
  }
}

/** Its mails bear links that act, so they are for those who may act anyway. */
const demoRoom = (demo: RequestHandler, guard: Guard): Router =>
  Router().use(
    '/demo',
    guard.identify,
    guard.sameSite,
    guard.demand('admin', { unlimitedOnly: true }),
    demo,
  );

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

/** The registered webhooks as their connector sees them. */
function bookOf(webhooks: Webhooks, audit: Audit): WebhookBook {
  return {
    async find(id) {
      const webhook = await webhooks.get(id);
      return webhook && { ...webhook, secrets: await webhooks.secrets(id) };
    },
    async disable(id, reason) {
      const webhook = await webhooks.get(id);
      if (await webhooks.disable(id, reason))
        await audit.write('andon', 'disable', {
          webhook: id,
          client: webhook?.client ?? null,
          reason,
        });
    },
  };
}

/** Secrets from before there was a vault are sealed now; that all others open is seen on the way. */
async function sealPlain(registry: Registry, log: Log): Promise<void> {
  try {
    const { sealed } = await registry.sealAll({ plainOnly: true });
    if (sealed > 0) log.info({ sealed }, 'secrets that were stored plainly are sealed now');
  } catch (error) {
    if (error instanceof SealedForGood) throw new BadConfig([`${error.message}.`]);
    throw error;
  }
}

async function reach(redis: Redis, signal: AbortSignal): Promise<void> {
  try {
    await untilReady(redis, REDIS_WAIT_MS, signal);
    await within(CLOSE_MS, redis.ping(), 'Redis did not answer');
  } catch (error) {
    throw new BadConfig([whyUnreachable(messageOf(error))]);
  }
}

/** What to do where the data directory cannot be made or written; null when it is something else. */
function notWritable(error: unknown, dataDir: string): string | null {
  const code =
    typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (!['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(code)) return null;
  return `The data directory ${resolve(dataDir)} cannot be written (${code}): let the user that runs Andon write there (chown), or set ANDON_DATA_DIR to a directory of its own.`;
}

function whyUnreachable(message: string): string {
  if (/NOAUTH/.test(message)) return 'Redis wants a password: put it into REDIS_URL.';
  if (/WRONGPASS/.test(message)) return 'Redis refuses the user or password in REDIS_URL.';
  if (/ANDON_REDIS_/.test(message)) return `${message}.`;
  return `${message.replace(/\.$/, '')}. Is REDIS_URL right, and is Redis running?`;
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

/** Reads the endpoints of the settings file in, once; later it is said what of the file is not read in. */
async function seed(
  redis: Redis,
  keys: Keys,
  services: Services,
  config: Config,
  log: Log,
): Promise<void> {
  if (await redis.exists(keys.registry.seeded)) {
    const sentence = await unread(services, services.recipients, config);
    if (sentence) log.warn({}, sentence);
    return;
  }
  await seedEndpoints(services, config, log);
  await redis.set(keys.registry.seeded, new Date().toISOString());
}
