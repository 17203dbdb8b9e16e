import type { ConsoleRoute } from './page.js';
import { accountPages } from './pages/account.js';
import { alertPages } from './pages/alerts.js';
import { attentionPages } from './pages/attention.js';
import { auditPages } from './pages/audit.js';
import { clusterSkipPages } from './pages/cluster-skip.js';
import { clusterPages } from './pages/clusters.js';
import { editPages } from './pages/edit.js';
import { entityPages } from './pages/entity.js';
import { incidentPages } from './pages/incidents.js';
import { itemPages } from './pages/item.js';
import { knownErrorPages } from './pages/known-errors.js';
import { loginPages } from './pages/login.js';
import { providerPages } from './pages/provider.js';
import { queuePages } from './pages/queue.js';
import { queueVerbs } from './pages/queue-verbs.js';
import { queueListPages } from './pages/queues.js';
import { runPages } from './pages/runs.js';
import { searchPages } from './pages/search.js';
import { skipPages } from './pages/skip.js';
import { userPages } from './pages/users.js';
import type { ConsoleServices } from './services.js';

/** Every page and form of the console. */
export const consoleRoutes = (services: ConsoleServices): ConsoleRoute[] => [
  ...loginPages(services),
  ...providerPages(services),
  ...attentionPages(services),
  ...itemPages(services),
  ...editPages(services),
  ...skipPages(services),
  ...queueListPages(services),
  ...queuePages(services),
  ...queueVerbs(services),
  ...clusterPages(services),
  ...clusterSkipPages(services),
  ...runPages(services),
  ...knownErrorPages(services),
  ...incidentPages(services),
  ...alertPages(services),
  ...searchPages(services),
  ...entityPages(services),
  ...accountPages(services),
  ...auditPages(services),
  ...userPages(services),
];
