import type { ConsoleRoute } from './page.js';
import { accountPages } from './pages/account.js';
import { attentionPages } from './pages/attention.js';
import { loginPages } from './pages/login.js';
import { userPages } from './pages/users.js';
import type { ConsoleServices } from './services.js';

/** Every page and form of the console. */
export const consoleRoutes = (services: ConsoleServices): ConsoleRoute[] => [
  ...loginPages(services),
  ...attentionPages(services),
  ...accountPages(services),
  ...userPages(services),
];
