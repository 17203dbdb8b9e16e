import type { Redis } from 'ioredis';
import type { Config } from '../config/load.js';
import type { ConnectorTypes } from '../connectors/registry.js';
import { Acts } from '../incidents/acts.js';
import type { Catalogue } from '../instructions/catalogue.js';
import type { Log } from '../log.js';
import type { Durability } from '../redis/durability.js';
import type { Keys } from '../redis/keys.js';
import type { References } from '../secrets/references.js';
import type { Vault } from '../secrets/vault.js';
import type { Observation } from '../start/observe.js';

/** What every role of a process stands on: Redis reached and checked, the settings, the vault opened. */
export interface Ground {
  readonly version: string;
  readonly config: Config;
  readonly log: Log;
  readonly redis: Redis;
  readonly redisUrl: string;
  readonly keys: Keys;
  /** When a step that somebody is told of counts as done; it watches `redis`. */
  readonly durability: Durability;
  readonly catalogue: Catalogue;
  readonly vault: Vault;
  readonly types: ConnectorTypes;
  readonly references: References;
  readonly observation: Observation;
  /** Aborted when the process is to end: whoever waits for Redis stops waiting. */
  readonly ending: AbortSignal;
  /** The process should end because a part of it hangs. */
  readonly giveUp: (why: string) => void;
}

/** Links by which people act from their mails; null when they are switched off. */
export function actsOf({ config, redis, keys, vault }: Ground): Acts | null {
  const { actions, actionsMs } = config.file.alerts;
  return actions ? new Acts(redis, keys, vault, actionsMs) : null;
}
