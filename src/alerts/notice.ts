import type { Act } from '../incidents/acts.js';
import type { Advice } from '../incidents/advice.js';
import type { Incident, Stage } from '../incidents/incident.js';

/** One item as a mail shows it. */
export interface MailItem {
  readonly queueId: number;
  /** "Add product to Cape Shopify" */
  readonly description: string;
  readonly title: string;
  /** `sku:TSH-RED-M` or ''. */
  readonly entity: string;
  readonly queue: string;
  readonly queueName: string;
  readonly blocks: boolean;
  readonly waiting: number;
  readonly message: string;
  readonly since: number;
  /** Class of the failure, in a sentence. */
  readonly cause: string;
  readonly advice: Advice | null;
  readonly itemUrl: string | null;
  readonly queueUrl: string | null;
  /** Where its recipient may act at once; empty when that is switched off. */
  readonly acts: readonly ActLink[];
}

/** A link that does something, after a page that asks. */
export interface ActLink {
  readonly verb: Act['verb'];
  readonly url: string;
}

/** All that a mail tells to one recipient: only what is routed to that one. */
export interface Notice {
  readonly stage: Stage;
  readonly incident: Pick<Incident, 'id' | 'cause' | 'farSide' | 'away' | 'since' | 'calmSince'>;
  readonly now: number;
  /** The newest that stand, at most ten. */
  readonly items: readonly MailItem[];
  readonly total: number;
  readonly open: number;
  readonly news: number;
  readonly queues: number;
  readonly types: readonly string[];
  readonly claimedBy: string | null;
  readonly incidentUrl: string | null;
  readonly claim: ActLink | null;
}
