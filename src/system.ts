import { readFileSync } from 'node:fs';
import type { RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import type { Alerter } from './alerts/alerter.js';
import type { Config } from './config/load.js';
import type { AnyConnectorType } from './connectors/connector.js';
import { type ConnectorTypes, connectorTypes } from './connectors/registry.js';
import { noWebhooks, type WebhookBook } from './connectors/webhook.js';
import { BadConfig, messageOf } from './errors.js';
import { Recipients } from './incidents/recipients.js';
import { type Catalogue, loadCatalogue } from './instructions/catalogue.js';
import { type Part, Parts, within } from './lifecycle.js';
import type { Log } from './log.js';
import { Audit } from './queues/audit.js';
import { Registry } from './queues/registry.js';
import { Webhooks } from './queues/webhooks.js';
import { type ConnectionKind, closeRedis, connectRedis, untilReady } from './redis/connect.js';
import { type Durability, local, Replicated } from './redis/durability.js';
import { EmbeddedRedis } from './redis/embedded.js';
import { type Heirs, heirsOf } from './redis/heirs.js';
import { Keys, PARALLEL } from './redis/keys.js';
import { Scripts } from './redis/script.js';
import { alertsRole } from './roles/alerts.js';
import { apiRole } from './roles/api.js';
import type { Ground } from './roles/ground.js';
import { workerRole } from './roles/worker.js';
import { discreetLog } from './secrets/log.js';
import { References } from './secrets/references.js';
import { Scrubber } from './secrets/scrubber.js';
import {
  checkStore,
  REDIS_WAIT_MS,
  reach,
  sealPlain,
  whyNotEmbedded,
  wrongSettings,
} from './start/conditions.js';
import type { FirstLogin } from './start/first-admin.js';
import type { AdminKey } from './start/first-key.js';
import { LayoutWatch } from './start/layout-watch.js';
import { Observation, type Observed } from './start/observe.js';
import { openVault, ownSecrets } from './start/secret-keys.js';

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
    const { config, catalogue } = this;
    const { log } = this.options;
    const wrong = wrongSettings(config, catalogue);
    if (wrong.length > 0) throw new BadConfig(wrong);
    for (const warning of config.warnings) log.warn({}, warning);
    await this.observation.start();
    await this.startEmbedded();
    this.ending.signal.throwIfAborted();
    this.redis = this.connect('andon', 'api');
    await reach(this.redis, this.ending.signal);
    await this.startRoles(await this.ground(this.redis));
  }

  private async startEmbedded(): Promise<void> {
    try {
      await this.embedded?.start();
    } catch (error) {
      throw new BadConfig([whyNotEmbedded(error, this.config.dataDir)]);
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
    for (const redis of [this.witness, this.redis]) if (redis) await closeRedis(redis);
    await this.embedded?.stop();
    await this.observation.stop();
  }

  /** What all roles stand on, once Redis is found fit. */
  private async ground(redis: Redis): Promise<Ground> {
    const { config, embedded, catalogue, references, types, observation } = this;
    const { log, giveUp, roles } = this.options;
    const keys = new Keys(config.prefix, config.shards);
    const allowVolatile = this.options.allowVolatile ?? false;
    await checkStore(redis, keys, config, log, { allowVolatile, own: embedded !== null });
    const vault = await openVault(config);
    const registry = new Registry(redis, new Scripts(redis, keys), keys, vault);
    await registry.spreadIds(PARALLEL);
    await sealPlain(registry, log);
    this.webhooks = bookOf(new Webhooks(redis, keys, vault), new Audit(redis, keys));
    // Workers enqueue into other shards what items cause there.
    const tells = roles.includes('api') || roles.includes('alerts') || config.shards > 1;
    return {
      version,
      config,
      log,
      redis,
      redisUrl: this.redisUrl,
      keys,
      durability: tells ? await this.durability(redis) : local,
      catalogue,
      vault,
      types,
      references,
      observation,
      ending: this.ending.signal,
      giveUp,
    };
  }

  private async startRoles(ground: Ground): Promise<void> {
    const { config, redis, keys, log } = ground;
    const { roles, demo, giveUp } = this.options;
    if (await new Recipients(redis, keys).seed(config.file.alerts))
      log.info({}, `recipients of alerts read from ${config.configFile}`);
    const api = roles.includes('api') ? await apiRole(ground, demo) : null;
    const fleet = roles.includes('worker') ? workerRole(ground) : null;
    const alerter = roles.includes('alerts') ? alertsRole(ground) : null;
    const watch = new LayoutWatch(redis, keys, giveUp, log);
    // The API first: when its port is taken, nothing has been claimed.
    const parts = [...(api?.parts ?? []), fleet, alerter, watch].filter((part) => part !== null);
    this.roles = new Parts('roles', parts, (part, problem) =>
      log.error({ part, error: messageOf(problem) }, 'did not stop cleanly'),
    );
    this.adminKey = api?.adminKey ?? null;
    this.firstLogin = api?.firstLogin ?? null;
    this.ending.signal.throwIfAborted();
    await this.roles.start();
    this.url = api?.server.url ?? null;
    await this.observation.open(redis, keys, [
      ...(fleet ? [{ standstill: () => fleet.standstill(), pulse: () => fleet.pulse }] : []),
      ...(alerter ? [looped(alerter)] : []),
      { standstill: () => watch.standstill(), pulse: () => ({ crews: [], loops: [] }) },
    ]);
  }

  private async durability(redis: Redis): Promise<Durability> {
    const { durability, replicas, replicasWaitMs } = this.config;
    if (durability === 'local') return local;
    this.ending.signal.throwIfAborted();
    this.witness = this.connect('andon-replicas', 'fleet');
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

  private connect(name: string, kind: ConnectionKind): Redis {
    const { log } = this.options;
    return connectRedis(this.redisUrl, { name, kind, log, tls: this.config.redisTls });
  }
}

const looped = (alerter: Alerter): Observed => {
  const pulse = { crews: [], loops: [alerter] };
  return { standstill: () => alerter.standstill(), pulse: () => pulse };
};

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
