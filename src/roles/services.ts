import { Accounts } from '../accounts/accounts.js';
import { LockOut } from '../accounts/lock-out.js';
import { Sessions } from '../accounts/sessions.js';
import { Users } from '../accounts/users.js';
import { ApiKeys } from '../api/api-keys.js';
import type { Services } from '../api/services.js';
import { FleetSwitch } from '../blocking/fleet-switch.js';
import { previewSkip, skipTotals } from '../blocking/skip-preview.js';
import { Transitions, type Witness } from '../blocking/transitions.js';
import { messageOf } from '../errors.js';
import { noteVerb } from '../incidents/advice.js';
import { Incidents } from '../incidents/incidents.js';
import { KnownErrors } from '../incidents/known-errors.js';
import { Recipients } from '../incidents/recipients.js';
import { Audit } from '../queues/audit.js';
import { Enqueuer } from '../queues/enqueue.js';
import { Finder } from '../queues/find.js';
import { Registry } from '../queues/registry.js';
import { Standing } from '../queues/standing.js';
import { readStatus } from '../queues/status.js';
import { Webhooks } from '../queues/webhooks.js';
import type { Durability } from '../redis/durability.js';
import { Scripts } from '../redis/script.js';
import type { Ground } from './ground.js';

/** What the API, the console and the board do their work with. @param durability of what they write */
export function servicesOn(ground: Ground, durability: Durability): Services {
  const { config, log, redis, keys, catalogue, vault } = ground;
  const scripts = new Scripts(redis, keys, durability);
  const registry = new Registry(redis, scripts, keys, vault);
  const finder = new Finder(redis, scripts, keys, registry);
  const audit = new Audit(redis, keys, durability);
  const knownErrors = new KnownErrors(redis, keys);
  const witness: Witness = (item, verb) =>
    noteVerb({ catalogue, registry, knownErrors }, item, verb).catch((error) =>
      log.warn({ error: messageOf(error) }, 'an advice that was followed is not counted'),
    );
  const apiKeys = new ApiKeys(redis, keys, durability);
  const accounts = new Accounts({
    users: new Users(redis, keys, durability),
    sessions: new Sessions(redis, keys, config.file.login),
    lockOut: new LockOut(redis, keys),
    audit,
  });
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
    connectorTypes: ground.types,
    incidents: new Incidents(redis, scripts, keys),
    recipients: new Recipients(redis, keys, durability),
    references: ground.references,
    webhooks: new Webhooks(redis, keys, vault, durability),
    standing: new Standing(redis, scripts, keys),
    status: (names) => readStatus(scripts, keys, names, config.file.hold.graceMs),
  };
}
