import type { Accounts } from '../accounts/accounts.js';
import type { Caller } from '../accounts/caller.js';
import type { FleetSwitch } from '../blocking/fleet-switch.js';
import type { SkipPreview, SkipTotals } from '../blocking/skip-preview.js';
import type { SkipScope, Transitions } from '../blocking/transitions.js';
import type { ConnectorTypes } from '../connectors/registry.js';
import type { Incidents } from '../incidents/incidents.js';
import type { Recipients } from '../incidents/recipients.js';
import type { Catalogue } from '../instructions/catalogue.js';
import type { Audit } from '../queues/audit.js';
import type { Enqueuer } from '../queues/enqueue.js';
import type { Finder } from '../queues/find.js';
import type { Item } from '../queues/item.js';
import type { Registry } from '../queues/registry.js';
import type { Standing } from '../queues/standing.js';
import type { QueueStatus } from '../queues/status.js';
import type { Webhooks } from '../queues/webhooks.js';
import type { References } from '../secrets/references.js';
import type { ApiKeys } from './api-keys.js';

/** What the handlers work with. */
export interface Services {
  readonly catalogue: Catalogue;
  readonly registry: Registry;
  readonly enqueuer: Enqueuer;
  readonly finder: Finder;
  readonly transitions: Transitions;
  readonly fleetSwitch: FleetSwitch;
  readonly audit: Audit;
  readonly apiKeys: ApiKeys;
  readonly accounts: Accounts;
  readonly connectorTypes: ConnectorTypes;
  previewSkip(item: Item, scope: SkipScope, sees: (item: Item) => boolean): Promise<SkipPreview>;
  skipTotals(items: readonly Item[]): Promise<SkipTotals>;
  readonly incidents: Incidents;
  readonly recipients: Recipients;
  readonly references: References;
  readonly webhooks: Webhooks;
  /** Somebody who came in, with the rights of now; null when they may not come in any more. */
  anew(caller: Caller): Promise<Caller | null>;
  readonly standing: Standing;
  status(names: readonly string[]): Promise<QueueStatus[]>;
}
