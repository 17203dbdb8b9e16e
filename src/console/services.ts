import type { Accounts } from '../accounts/accounts.js';
import type { Caller } from '../accounts/caller.js';
import type { Guard } from '../accounts/guard.js';
import type { Provider } from '../accounts/provider.js';
import type { BulkRuns } from '../blocking/bulk-runs.js';
import type { FleetSwitch } from '../blocking/fleet-switch.js';
import type { SkipPreview, SkipTotals } from '../blocking/skip-preview.js';
import type { SkipScope, Transitions } from '../blocking/transitions.js';
import type { Acts } from '../incidents/acts.js';
import type { Incidents } from '../incidents/incidents.js';
import type { KnownErrors } from '../incidents/known-errors.js';
import type { Recipients } from '../incidents/recipients.js';
import type { Catalogue } from '../instructions/catalogue.js';
import type { Log } from '../log.js';
import type { Audit } from '../queues/audit.js';
import type { Changes } from '../queues/changes.js';
import type { readFailures } from '../queues/failures.js';
import type { Finder } from '../queues/find.js';
import type { Item } from '../queues/item.js';
import type { Place } from '../queues/places.js';
import type { Registry } from '../queues/registry.js';
import type { Seeker } from '../queues/seek.js';
import type { Standing } from '../queues/standing.js';
import type { QueueStatus } from '../queues/status.js';
import type { Webhooks } from '../queues/webhooks.js';
import type { Presence } from '../redis/presence.js';

/** What the pages work with. */
export interface ConsoleServices {
  readonly accounts: Accounts;
  readonly guard: Guard;
  /** Where people may log in besides; null when nowhere. */
  readonly provider: Provider | null;
  readonly audit: Audit;
  readonly catalogue: Catalogue;
  readonly registry: Registry;
  readonly finder: Finder;
  readonly transitions: Transitions;
  readonly fleetSwitch: FleetSwitch;
  readonly bulkRuns: BulkRuns;
  readonly knownErrors: KnownErrors;
  readonly events: Changes;
  readonly log: Log;
  readonly presence: Pick<Presence, 'workers'>;
  /** Of Andon itself, as the support bundle tells it. */
  readonly version: string;
  previewSkip(item: Item, scope: SkipScope, sees: (item: Item) => boolean): Promise<SkipPreview>;
  skipTotals(items: readonly Item[]): Promise<SkipTotals>;
  readonly incidents: Incidents;
  readonly recipients: Recipients;
  readonly webhooks: Webhooks;
  /** Checks links of mails; null when they bear none. */
  readonly acts: Acts | null;
  /** Lets an address come by links of mails so often. @throws TooManyTries */
  admitVisit(address: string): Promise<void>;
  /** Somebody who came in, with the rights of now; null when they may not come in any more. */
  anew(caller: Caller): Promise<Caller | null>;
  readonly standing: Standing;
  readonly seeker: Seeker;
  /** The newest items that failed and were not dealt with. */
  failures(most: number): ReturnType<typeof readFailures>;
  /** Items a minute that each queue has finished lately. */
  pace(queues: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Queue ids at one place of a queue, from 0, both ends included. */
  placed(queue: string, place: Place, start: number, end: number): Promise<number[]>;
  status(names: readonly string[]): Promise<QueueStatus[]>;
}
