import { z } from 'zod';
import type { JsonObject } from '../../json.js';
import type { Delivery } from '../connector.js';

/** What a thread is started with. */
export interface Birth {
  /** Absolute path of the module. */
  readonly file: string;
  readonly options: JsonObject;
  readonly secrets: Readonly<Record<string, string>>;
  /** Only to see whether it loads: options and secrets are not asked for, and it need not be a connector. */
  readonly trial?: boolean;
}

export type What = 'run' | 'verify' | 'ping';

/** A delivery without what cannot be copied into a thread. */
export type Parcel = Omit<Delivery, 'entry' | 'signal' | 'log' | 'progress' | 'report'>;

/** Main thread → module's thread. */
export type ToThread =
  | {
      readonly kind: 'call';
      readonly call: number;
      readonly what: What;
      readonly parcel: Parcel | null;
    }
  | { readonly kind: 'abort'; readonly call: number; readonly why: string; readonly late: boolean }
  | { readonly kind: 'reported'; readonly ask: number; readonly problem: string | null };

const cause = z.enum([
  'connection',
  'throttled',
  'credentials',
  'data',
  'duplicate',
  'conflict',
  'bug',
]);
const failure = z.object({ message: z.string(), cause, status: z.int().optional() });

export const partSchema = z.object({
  kind: z.string().min(1).max(64),
  key: z.string().min(1).max(2_048),
  state: z.enum(['done', 'failed']),
  message: z.string().max(2_000).optional(),
});

const id = z.string().min(1).max(64);
export const followUpSchema = z.strictObject({
  instruction: z.string().min(1),
  channel: id.optional(),
  source: id.optional(),
  client: id.optional(),
  data: z.record(z.string(), z.json()),
  entity: z.strictObject({ kind: z.string().min(1), key: z.string().min(1) }).optional(),
  title: z.string().optional(),
});

const result = z.json().optional();
const followUps = z.array(followUpSchema).optional();

/** What became of a call: an outcome, a verdict, or that somebody is there. */
const answerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('done'), result, followUps }),
  z.object({ kind: z.literal('already-done'), result, followUps }),
  z.object({ kind: z.literal('retry'), failure }),
  z.object({ kind: z.literal('hold'), failure, forMs: z.number().min(0).optional() }),
  z.object({ kind: z.literal('fail'), failure }),
  z.object({ kind: z.literal('unknown'), failure }),
  z.object({ kind: z.literal('not-there') }),
  z.object({ kind: z.literal('pong') }),
]);
export type ModuleAnswer = z.infer<typeof answerSchema>;

const call = z.int();

/** Module's thread → main thread. What a module hands over comes as JSON text, so it is JSON for certain. */
export const fromThreadSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('ready'),
    instructions: z.array(z.string()),
    pings: z.boolean(),
    verifies: z.boolean(),
  }),
  z.object({ kind: z.literal('refused'), message: z.string(), stack: z.string() }),
  z.object({ kind: z.literal('began'), call }),
  z.object({ kind: z.literal('log'), call: call.nullable(), line: z.string() }),
  z.object({ kind: z.literal('progress'), call, value: z.string() }),
  z.object({ kind: z.literal('report'), call, ask: z.int(), part: partSchema }),
  z.object({
    kind: z.literal('settled'),
    call,
    answer: z.string(),
    /** Where in the module it broke: for Andon's log, not for the person. */
    stack: z.string().optional(),
  }),
]);
export type FromThread = z.infer<typeof fromThreadSchema>;

export const readAnswer = (text: string): ModuleAnswer => answerSchema.parse(JSON.parse(text));
