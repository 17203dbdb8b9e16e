import type { CatalogueEntry } from '../instructions/catalogue.js';
import type { JsonObject } from '../json.js';

/** Why an attempt did not succeed, in the classes that operators search and filter by. */
export type Cause =
  | 'connection'
  | 'throttled'
  | 'credentials'
  | 'data'
  | 'duplicate'
  | 'conflict'
  | 'bug';

/** What went wrong in an attempt, in words that an operations person understands. */
export interface Failure {
  readonly message: string;
  readonly cause: Cause;
  /** HTTP status of the far side, where there was one. */
  readonly status?: number;
}

/**
 * What a connector answers. The fleet alone decides what follows from it:
 * - `done`: carried out (or found carried out already); the next item may run;
 * - `retry`: it may work in a moment; the item keeps the head and backs off;
 * - `hold`: the far side is down or throttles; the queue waits `forMs` milliseconds, no attempt is counted;
 * - `fail`: a person must act; a blocking queue blocks;
 * - `unknown`: nobody knows whether it was carried out; it is not sent again on a guess.
 */
export type Outcome =
  | { readonly kind: 'done'; readonly result?: unknown; readonly alreadyDone?: boolean }
  | { readonly kind: 'retry'; readonly failure: Failure }
  | { readonly kind: 'hold'; readonly failure: Failure; readonly forMs: number }
  | { readonly kind: 'fail'; readonly failure: Failure }
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
  /** Aborts when the item's lock was lost or the process stops: end the exchange at once. */
  readonly signal: AbortSignal;
  /** Adds a line to the item's log. */
  log(line: string): void;
}

/** What carries items out at one source, channel or service. */
export interface Connector {
  deliver(delivery: Delivery): Promise<Outcome>;
}

/** Makes connectors of one type from the settings stored with an endpoint. */
export interface ConnectorType<Settings = unknown> {
  readonly type: string;
  /** Checks settings as a user wrote them and fills defaults; throws `InvalidInput`, pointers below `/connector`. */
  parse(settings: unknown): Settings;
  /** Names of settings that are secret: stored apart, never returned by the API. */
  readonly secrets: readonly string[];
  create(settings: Settings): Connector;
}
