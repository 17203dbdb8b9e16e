/**
 * How the console gets another page. Write a file in `pages/` with a function that answers rows, and add
 * it to the list in `routes.ts`; permission, validation, layout, flash messages and the role table test
 * come with it.
 *
 *   export const queuePages = ({ status, transitions }: ConsoleServices): ConsoleRoute[] => [
 *     page('/queues', {
 *       permission: 'read',                       // a scope, or 'anyone' for the login's own pages
 *       query: z.object({ state: z.string().optional().catch(undefined) }),
 *       render: async ({ query, caller, token }) => ({
 *         title: 'Queues',
 *         body: <Live name="queues"><Table … /></Live>,   // what stands in <Live> refreshes itself
 *       }),
 *     }),
 *     action('/queues/:name/pause', {
 *       permission: 'operate',
 *       params: z.object({ name: z.string() }),
 *       body: z.object({ reason: optionalText(500) }),
 *       run: async ({ params, body, caller }) => {
 *         await transitions.pause(params.name, caller.actor, body.reason);
 *         return { to: '/queues', say: `${params.name} is paused.` };
 *       },
 *     }),
 *   ];
 *
 * - Show and change only what `visit.caller` sees (`seesItem`, `seesEndpoint`, `seesClient`, `unlimited`);
 *   throw NotFound for the rest: what one may not see does not exist.
 * - A form is `<Form action token={visit.token}>` from `view/form.tsx`: it carries the token without which every
 *   action is refused. With `stay` the script sends it, shows what was said, and refreshes the page in place.
 * - An action that throws an `AndonError` leads back to the page it came from, with the sentence shown.
 * - A page appears in the navigation once its path stands in `view/nav.ts`.
 * - No inline script or style: the CSP refuses both. Behaviour is a `data-…` attribute that
 *   `static/console.js` knows; looks are classes of `static/console.css`.
 * - `view/` has: Ago (times), Table (becomes cards on a phone), Empty, Badge, Dialog and Form, Live, Pager.
 */
import type { Request, Response } from 'express';
import type { ComponentChildren } from 'preact';
import { z } from 'zod';
import type { Caller, Scope } from '../accounts/caller.js';
import type { Visitor } from '../accounts/guard.js';

/** One request of a page or form, everything checked before. */
export interface Visit<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly visitor: Visitor;
  readonly caller: Caller;
  /** For the forms on the page. */
  readonly token: string;
  readonly request: Request;
  readonly response: Response;
}

/** A page as it is rendered into the layout. */
export interface Sight {
  readonly title: string;
  readonly body: ComponentChildren;
  readonly status?: number;
  /** Without navigation, as the login is. */
  readonly bare?: boolean;
}

/** Where an action leads, and what is said there. */
export interface Done {
  readonly to: string;
  readonly say?: string;
  /** Queue id of an item that was skipped just now: its skip can be taken back from where this leads to. */
  readonly undo?: number;
  /** Drawn as a failure. */
  readonly bad?: boolean;
}

export interface ConsoleRoute {
  readonly method: 'get' | 'post';
  readonly path: string;
  /** What the visitor's role must allow. `anyone` need not even be logged in. */
  readonly permission: Scope | 'anyone';
  /** Only for users who see all clients. */
  readonly unlimitedOnly: boolean;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** How long a form may be, where that is not 100 kB: "4mb". */
  readonly longest?: string;
  /** `null` says that the handler has answered by itself. */
  readonly handle: (visit: Visit<unknown, unknown, unknown>) => Promise<Sight | Done | null>;
}

type Defined<S> = S extends z.ZodType ? z.infer<S> : undefined;

interface Row<P, Q, B> {
  permission: Scope | 'anyone';
  unlimitedOnly?: boolean;
  params?: P;
  query?: Q;
  body?: B;
  longest?: string;
}

type Schema = z.ZodType | undefined;
type VisitOf<P, Q, B> = Visit<Defined<P>, Defined<Q>, Defined<B>>;

/** A page to look at; it changes nothing. */
export function page<P extends Schema = undefined, Q extends Schema = undefined>(
  path: string,
  row: Row<P, Q, undefined> & {
    render: (visit: VisitOf<P, Q, undefined>) => Promise<Sight | Done | null> | Sight | Done;
  },
): ConsoleRoute {
  const { render, ...rest } = row;
  const handle = async (visit: Visit<unknown, unknown, unknown>) =>
    render(visit as VisitOf<P, Q, undefined>);
  return { method: 'get', path, unlimitedOnly: false, ...rest, handle };
}

/** Something that a form does. */
export function action<
  P extends Schema = undefined,
  Q extends Schema = undefined,
  B extends Schema = undefined,
>(
  path: string,
  row: Row<P, Q, B> & { run: (visit: VisitOf<P, Q, B>) => Promise<Sight | Done | null> },
): ConsoleRoute {
  const { run, ...rest } = row;
  const handle = (visit: Visit<unknown, unknown, unknown>) => run(visit as VisitOf<P, Q, B>);
  return { method: 'post', path, unlimitedOnly: false, ...rest, handle };
}

/** A field that may be left empty. */
export const optionalText = (longest: number) =>
  z
    .string()
    .trim()
    .max(longest)
    .optional()
    .transform((text) => text || undefined);

/** A short text in a query that may be missing, empty or nonsense. */
export const shortText = z
  .string()
  .trim()
  .max(100)
  .optional()
  .transform((text) => text || undefined)
  .catch(undefined);

/** A field that may come several times, as checkboxes of one name do. */
export const severalOf = <T extends z.ZodType>(one: T) =>
  z.preprocess(
    (given) => (given === undefined ? [] : Array.isArray(given) ? given : [given]),
    z.array(one),
  );
