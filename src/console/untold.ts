import type { Caller } from '../accounts/caller.js';
import { messageOf } from '../errors.js';
import { clientsUntold } from '../incidents/warnings.js';
import type { ConsoleServices } from './services.js';

/** How long an answer counts. Milliseconds. */
const FRESH_MS = 10_000;

/**
 * Clients of whose failures nobody is told, for a warning on every page. Looked up at most once in ten
 * seconds by a process, however many pages are open.
 */
export class Untold {
  private readonly services: Pick<ConsoleServices, 'recipients' | 'registry' | 'log'>;
  private clients: readonly (string | null)[] = [];
  private at = 0;
  private version = '';
  private looking: Promise<void> | null = null;

  constructor(services: Pick<ConsoleServices, 'recipients' | 'registry' | 'log'>) {
    this.services = services;
  }

  /** Whose failures nobody hears of, among those that somebody may see. */
  async seenBy(caller: Caller): Promise<readonly (string | null)[]> {
    await this.look();
    return this.clients.filter((client) => caller.ownsClient(client));
  }

  private look(): Promise<void> {
    this.looking ??= this.read()
      // A page that can be shown is shown, with what was known before.
      .catch((error) => this.services.log.warn({ error: messageOf(error) }, 'recipients unknown'))
      .finally(() => {
        this.looking = null;
      });
    return this.looking;
  }

  private async read(): Promise<void> {
    const { recipients, registry } = this.services;
    const isFresh = Date.now() - this.at < FRESH_MS;
    // A change by anybody shows at once; a new channel within seconds.
    if (isFresh && (await recipients.version()) === this.version) return;
    const [routing, endpoints] = await Promise.all([recipients.all(), registry.list()]);
    this.clients = clientsUntold(routing, endpoints);
    this.version = routing.version;
    this.at = Date.now();
  }
}
