import type { Response } from 'express';
import type { z } from 'zod';
import type { Caller, Scope } from '../accounts/caller.js';

/** What a handler gets: everything checked before. */
export interface Call<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly caller: Caller;
  readonly idempotencyKey: string | null;
  /** For status and headers; the body is what the handler returns. */
  readonly response: Response;
}

/** One call of the API: validation, permission, documentation and handler in one row. */
export interface Route {
  readonly method: 'get' | 'put' | 'post' | 'patch' | 'delete';
  /** In express's form: `/v1/items/:queueId`. */
  readonly path: string;
  /** What programs call it: the operation of the OpenAPI document. */
  readonly name: string;
  readonly scope: Scope;
  /** Only for keys that are limited to no client, channel or source. */
  readonly unlimitedOnly: boolean;
  readonly summary: string;
  /** Status of success; 200 unless said. */
  readonly status: number;
  /** May also answer 201. */
  readonly mayCreate: boolean;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** What success answers; `answers/` has them all. */
  readonly answer: z.ZodType;
  /** Refusals that come of what is asked for rather than of how. */
  readonly refuses: readonly (404 | 409 | 422)[];
  /** Takes the header `Idempotency-Key`. */
  readonly takesKey: boolean;
  /** Bytes that the body may have. */
  readonly bodyLimit: number;
  /** The body may be left out. */
  readonly bodyOptional: boolean;
  readonly handle: (call: Call<unknown, unknown, unknown>) => Promise<unknown>;
}

export const MIB = 1024 * 1024;

type Defined<S> = S extends z.ZodType ? z.infer<S> : undefined;

/** Writes a row of the table; the handler's types follow from its schemas. */
export function route<
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(row: {
  method: Route['method'];
  path: string;
  name: string;
  scope: Scope;
  unlimitedOnly?: boolean;
  summary: string;
  status?: number;
  mayCreate?: boolean;
  params?: P;
  query?: Q;
  body?: B;
  answer: z.ZodType;
  refuses?: Route['refuses'];
  takesKey?: boolean;
  bodyLimit?: number;
  bodyOptional?: boolean;
  handle: (call: Call<Defined<P>, Defined<Q>, Defined<B>>) => Promise<unknown>;
}): Route {
  return {
    ...row,
    unlimitedOnly: row.unlimitedOnly ?? false,
    status: row.status ?? 200,
    mayCreate: row.mayCreate ?? false,
    refuses: row.refuses ?? [],
    takesKey: row.takesKey ?? false,
    bodyLimit: row.bodyLimit ?? MIB,
    bodyOptional: row.bodyOptional ?? false,
    handle: row.handle as Route['handle'],
  };
}
