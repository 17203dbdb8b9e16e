import { Alerter } from '../alerts/alerter.js';
import { Ledger } from '../alerts/ledger.js';
import { Links } from '../alerts/links.js';
import { Successes } from '../alerts/successes.js';
import { Writer } from '../alerts/writer.js';
import { TroubleFinder } from '../incidents/find.js';
import { KnownErrors } from '../incidents/known-errors.js';
import { Recipients } from '../incidents/recipients.js';
import { Enqueuer } from '../queues/enqueue.js';
import { Registry } from '../queues/registry.js';
import { Scripts } from '../redis/script.js';
import { actsOf, type Ground } from './ground.js';

/** The role that tells people what failed. */
export function alertsRole(ground: Ground): Alerter {
  const { config, redis, keys, catalogue, durability } = ground;
  const { alerts, hold } = config.file;
  const scripts = new Scripts(redis, keys, durability);
  const registry = new Registry(redis, scripts, keys);
  const finder = new TroubleFinder(redis, scripts, keys);
  const ledger = new Ledger(redis, scripts, keys);
  return new Alerter(
    {
      finder,
      ledger,
      successes: new Successes({ scripts, keys, finder, registry, ledger }),
      recipients: new Recipients(redis, keys),
      registry,
      catalogue,
      enqueuer: new Enqueuer(redis, scripts, keys),
      writer: new Writer({
        finder,
        registry,
        catalogue,
        keys,
        links: new Links(config.publicUrl),
        acts: actsOf(ground),
        knownErrors: new KnownErrors(redis, keys),
      }),
      keys,
    },
    { timings: alerts.timings, holdGraceMs: hold.graceMs },
    ground.log,
  );
}
