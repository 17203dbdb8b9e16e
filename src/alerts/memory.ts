import type { Trouble } from '../incidents/incident.js';
import type { Routing } from '../incidents/routing.js';
import type { Hearer } from './audience.js';
import type { Book } from './book.js';
import type { Outbox } from './outbox.js';

/** What the leading alerter holds in memory; thrown away whenever a turn fails. */
export interface Memory {
  readonly book: Book;
  readonly outbox: Outbox;
  /** Failed mails of the alerts themselves: queue id → when they failed. */
  readonly ownMails: Map<number, number>;
  /** Troubles that stand no more and are not dealt with yet: retried, or their hold is over. */
  limbo: Trouble[];
  /** Who hears of which incident; worked out anew when either changed. */
  readonly audiences: Map<number, Map<string, Hearer>>;
  /** What was last said about mails that failed. */
  notice: string | null;
  signature: string;
  lookedAt: number;
  routing: Routing & { readonly version: string };
}
