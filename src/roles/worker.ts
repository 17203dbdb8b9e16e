import { withActs } from '../alerts/act-mail.js';
import type { Connector } from '../connectors/connector.js';
import { discreet, secretTexts, unfit } from '../connectors/discreet.js';
import { Fleet } from '../fleet/fleet.js';
import { type EndpointKind, endpointName, type Registry } from '../queues/registry.js';
import { closeRedis, connectRedis } from '../redis/connect.js';
import { Scripts } from '../redis/script.js';
import { BadReference } from '../secrets/references.js';
import { Scrubber } from '../secrets/scrubber.js';
import { SealedForGood } from '../secrets/vault.js';
import { actsOf, type Ground } from './ground.js';

/** The role that carries items out. */
export function workerRole(ground: Ground): Fleet {
  const { config, log } = ground;
  return new Fleet({
    config,
    keys: ground.keys,
    safe: new Scripts(ground.redis, ground.keys, ground.durability),
    catalogue: ground.catalogue,
    vault: ground.vault,
    meter: ground.observation.metrics,
    log,
    giveUp: ground.giveUp,
    ending: ground.ending,
    open: (kind, name) =>
      connectRedis(ground.redisUrl, { name: `andon-${name}`, kind, log, tls: config.redisTls }),
    close: closeRedis,
    connect: ({ kind, id }, registry) => connectorOf(ground, kind, id, registry),
  });
}

/** The connector of an endpoint, which tells no secret of its own; one that always fails when its secrets cannot be had. */
async function connectorOf(
  ground: Ground,
  kind: EndpointKind,
  id: string,
  registry: Registry,
): Promise<Connector> {
  try {
    const whole = await registry.whole(kind, id);
    if (!whole) throw new Error(`the ${kind} "${id}" was removed in this moment`);
    const { endpoint, secrets: stored } = whole;
    const type = ground.types.get(endpoint.connector.type);
    const secrets = await ground.references.resolve(stored);
    const settings = type.parse({ ...endpoint.connector, ...secrets });
    const connector = await type.create(settings, endpointName(kind, id));
    const told = discreet(connector, new Scrubber(secretTexts(stored, secrets)));
    const acts = actsOf(ground);
    return acts && type.type === 'email' ? withActs(told, acts) : told;
  } catch (error) {
    // For a person who looks after secrets, not one who looks after data.
    if (!(error instanceof SealedForGood || error instanceof BadReference)) throw error;
    return unfit({ message: error.message, cause: 'credentials' });
  }
}
