/**
 * `andon/connector`: everything that a module of one's own needs. See docs/connectors.md.
 */
import type { z } from 'zod';
import type { JsonObject } from '../../json.js';
import type { FollowUp, PartOfItem } from '../connector.js';
import type { Found } from './outcomes.js';

export { z } from 'zod';
export type { Json, JsonObject } from '../../json.js';
export type { Cause, FollowUp, PartOfItem } from '../connector.js';
export type { Found, HoldWhy, Why } from './outcomes.js';
export { alreadyDone, fail, hold, notThere, retry, unknown } from './outcomes.js';

/** The item as it was enqueued. */
export interface ModuleItem {
  readonly queueId: number;
  readonly instruction: string;
  /** In plain words: "Add product to Cape Shopify". */
  readonly description: string;
  readonly mode: 'blocking' | 'non-blocking';
  readonly client: string | null;
  readonly source: string | null;
  readonly channel: string | null;
  readonly entity: { readonly kind: string; readonly key: string } | null;
  /** ISO 8601, UTC. */
  readonly enqueuedAt: string;
  /** Grows with every claim: a far side may refuse anything below the highest it has seen. */
  readonly fence: number;
  /** As it was enqueued, before the schema of the instruction read it. */
  readonly data: JsonObject;
}

/** `reads`: it changes nothing there, whatever its method (a search by POST, a login). */
export type ModuleRequest = RequestInit & { readonly reads?: boolean };

/** What is there in every call, also in `ping`. */
export interface Surroundings<Options, Secrets> {
  /** Aborts at the deadline, and when the lock was lost or Andon stops: end everything at once. */
  readonly signal: AbortSignal;
  readonly options: Options;
  readonly secrets: Secrets;
  /** Adds a line to the item's log; in `ping`, to Andon's own. */
  log(line: string): void;
  /**
   * Node's `fetch` with `signal` and without redirects. A network that does not answer becomes the right
   * outcome: `retry` when nothing was sent or the call only reads, otherwise `unknown`.
   */
  fetch(url: string | URL, init?: ModuleRequest): Promise<Response>;
}

export interface LookContext<Data, Options, Secrets> extends Surroundings<Options, Secrets> {
  readonly item: ModuleItem;
  /** The item's data as the schema of the instruction reads it. */
  readonly data: Data;
  /** The same at every attempt: the queue id as a text. */
  readonly idempotencyKey: string;
  /** 1 for the first start of this item; grows with every start. */
  readonly attempt: number;
  /** What earlier attempts reported, part by part. */
  readonly parts: readonly PartOfItem[];
  /** An item that this one causes: enqueued exactly once, in order, when this one is done or found to be. */
  enqueue(followUp: FollowUp): void;
}

export interface RunContext<Data, Options, Secrets> extends LookContext<Data, Options, Secrets> {
  /** A share from 0 to 100, or anything that says more. */
  progress(value: number | JsonObject): void;
  /** Stores what became of one part. Await it: then a crash right after it does not forget it. */
  report(part: PartOfItem): Promise<void>;
  /** Did an earlier attempt, or this one, report this part as done? */
  isDone(kind: string, key: string): boolean;
}

export interface InstructionOf<Schema extends z.ZodType, Options, Secrets> {
  /** What the data must be; anything else fails the item before `run`, with a message that says where. */
  readonly data: Schema;
  /** Carries it out. Returns what is to be remembered as result, or `alreadyDone(…)`; throws an outcome. */
  run(ctx: RunContext<z.output<Schema>, Options, Secrets>): unknown;
  /** Like the connector's `verify`, for this instruction, with its data typed. */
  verify?(ctx: LookContext<z.output<Schema>, Options, Secrets>): Promise<Found> | Found;
}

export interface ConnectorDefinition<
  Schemas extends Record<string, z.ZodType>,
  Options extends z.ZodType,
  Secrets extends z.ZodType,
> {
  /** What `connector.options` of the endpoint must be. */
  readonly options?: Options;
  /** What `connector.secrets` of the endpoint must be. */
  readonly secrets?: Secrets;
  /** Is the far side there? Returns when it is, throws when it is not. */
  ping?(ctx: Surroundings<z.output<Options>, z.output<Secrets>>): unknown;
  /**
   * Looks, and changes nothing: was the item carried out? `alreadyDone(what)` or `notThere()`; throw
   * `unknown(…)` when it cannot be told. For every instruction without a `verify` of its own.
   */
  verify?(
    ctx: LookContext<JsonObject, z.output<Options>, z.output<Secrets>>,
  ): Promise<Found> | Found;
  readonly instructions: {
    readonly [Name in keyof Schemas]: InstructionOf<
      Schemas[Name],
      z.output<Options>,
      z.output<Secrets>
    >;
  };
}

/** Any connector that a module may export. */
export type AnyDefinition = ConnectorDefinition<Record<string, z.ZodType>, z.ZodType, z.ZodType>;

type Free = z.ZodRecord<z.ZodString, z.ZodAny>;
type FreeSecrets = z.ZodRecord<z.ZodString, z.ZodString>;

const DEFINED = Symbol.for('andon.connector');

/** The default export of a connector module. */
export function defineConnector<
  Schemas extends Record<string, z.ZodType>,
  Options extends z.ZodType = Free,
  Secrets extends z.ZodType = FreeSecrets,
>(
  definition: ConnectorDefinition<Schemas, Options, Secrets>,
): ConnectorDefinition<Schemas, Options, Secrets> {
  return Object.freeze({ ...definition, [DEFINED]: true });
}

export const isDefinition = (value: unknown): value is AnyDefinition =>
  typeof value === 'object' && value !== null && DEFINED in value;
