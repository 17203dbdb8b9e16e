import type { CatalogueEntry } from '../instructions/catalogue.js';
import type { JsonObject } from '../json.js';

/** Why an attempt did not succeed, in the classes that operators search and filter by. */
export const causes = [
  /** the far side is not there, or cannot be reached */
  'connection',
  /** it wants fewer calls */
  'throttled',
  /** it does not know us, or does not let us */
  'credentials',
  /** it does not take what the item says */
  'data',
  /** it has such a thing already */
  'duplicate',
  /** what it has is in a state that does not fit */
  'conflict',
  /** the connector, the far side or their settings have a defect */
  'bug',
] as const;
export type Cause = (typeof causes)[number];

/** What went wrong in an attempt, in words that an operations person understands. */
export interface Failure {
  readonly message: string;
  readonly cause: Cause;
  /** HTTP status of the far side, where there was one. */
  readonly status?: number;
  /** What was asked of it: see `Connector.asks`. Written by the fleet. */
  readonly request?: string;
}

/** One thing of an item that succeeded or failed by itself: the product, one variant, one image. */
export interface PartOfItem {
  /** "product", "variant", "image", or what the far side calls it. */
  readonly kind: string;
  /** Tells it from others of its kind: SKU, image address. */
  readonly key: string;
  readonly state: 'done' | 'failed';
  /** What went wrong, or what was made. */
  readonly message?: string;
}

/** An item that another causes. Enqueued exactly once, in the order given, after its parent is done. */
export interface FollowUp {
  readonly instruction: string;
  readonly channel?: string;
  readonly source?: string;
  readonly client?: string;
  readonly data: JsonObject;
  readonly entity?: { readonly kind: string; readonly key: string };
  readonly title?: string;
}

/**
 * What a connector answers. The fleet alone decides what follows from it:
 * - `done`: carried out; the next item may run;
 * - `already-done`: found carried out already, by an earlier attempt or by somebody else;
 * - `retry`: it may work in a moment; the item keeps the head and backs off;
 * - `hold`: the far side is down or throttles; the queue waits, no attempt is counted. `forMs`
 *   milliseconds when the far side named a time, otherwise the fleet asks `ping` at growing intervals;
 * - `fail`: a person must act; a blocking queue blocks;
 * - `unknown`: nobody knows whether it was carried out; `verify` is asked before it is sent again.
 */
export type Outcome =
  | {
      readonly kind: 'done';
      readonly result?: unknown;
      readonly followUps?: readonly FollowUp[];
    }
  | {
      readonly kind: 'already-done';
      /** What was found: an order number, an address. */
      readonly result?: unknown;
      readonly followUps?: readonly FollowUp[];
    }
  | { readonly kind: 'retry'; readonly failure: Failure }
  | { readonly kind: 'hold'; readonly failure: Failure; readonly forMs?: number }
  | { readonly kind: 'fail'; readonly failure: Failure }
  | { readonly kind: 'unknown'; readonly failure: Failure };

/** What a look at the far side found: was the item carried out there? */
export type Verdict =
  | {
      readonly kind: 'there';
      readonly result?: unknown;
      /** What the item causes, which its unanswered attempt could not say any more. */
      readonly followUps?: readonly FollowUp[];
    }
  | { readonly kind: 'not-there' }
  | { readonly kind: 'unknown'; readonly failure: Failure };

/** One attempt at one item, as a connector sees it. A connector never sees a queue. */
export interface Delivery {
  /** Also the idempotency key: the same at every attempt. */
  readonly queueId: number;
  readonly instruction: string;
  readonly entry: CatalogueEntry;
  /** In plain words: "Add product to Cape Shopify". */
  readonly description: string;
  readonly mode: 'blocking' | 'non-blocking';
  readonly client: string | null;
  readonly source: string | null;
  readonly channel: string | null;
  readonly entity: { readonly kind: string; readonly key: string } | null;
  /** 1 for the first start of this item; grows with every start, also after a crash or an operator's retry. */
  readonly attempt: number;
  /** Grows with every claim in the fleet: a receiver may refuse anything below the highest it has seen. */
  readonly fence: number;
  /** ISO 8601, UTC. */
  readonly enqueuedAt: string;
  readonly data: JsonObject;
  /** What earlier attempts reported part by part: send only what is not done yet. */
  readonly parts: readonly PartOfItem[];
  /** Aborts when the item's lock was lost or the process stops: end the exchange at once. */
  readonly signal: AbortSignal;
  /** Adds a line to the item's log. */
  log(line: string): void;
  /** How far it is: a share from 0 to 100, or anything that says more. */
  progress(value: number | JsonObject): void;
  /** Stores what became of one part, at once: a crash right after it does not forget it. */
  report(part: PartOfItem): Promise<void>;
}

/** What carries items out at one source, channel or service. */
export interface Connector {
  deliver(delivery: Delivery): Promise<Outcome>;
  /** What a delivery asks of the far side, in a few words for people: "POST to shop.example". No secrets. */
  asks?(delivery: Delivery): string;
  /** Is the far side there? Resolves when it is. Without it, a held queue tries its head again. */
  ping?(signal: AbortSignal): Promise<void>;
  /** Asked before an item is sent again whose last attempt ended unknown. Changes nothing there. */
  verify?(delivery: Delivery): Promise<Verdict>;
}

/** Makes connectors of one type from the settings stored with an endpoint. */
export interface ConnectorType<
  Settings = unknown,
  Made extends Connector | Promise<Connector> = Connector,
> {
  readonly type: string;
  /** Checks settings as a user wrote them and fills defaults; throws `InvalidInput`, pointers below `/connector`. */
  parse(settings: unknown): Settings;
  /** Names of settings that are secret: stored apart, never returned by the API. */
  readonly secrets: readonly string[];
  /** @param endpoint whose it is, `channel.12`, for what connectors keep between deliveries. */
  create(settings: Settings, endpoint?: string): Made;
}

/** A type whose connectors may take time to make. */
export type AnyConnectorType = ConnectorType<unknown, Connector | Promise<Connector>>;
