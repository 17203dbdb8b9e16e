import { z } from 'zod';
import { errorTypeOf, QUEUE_ERROR } from './types.js';

/** Failures of the same kind at the same place: they are routed alike. */
const scopeSchema = z.object({
  client: z.string().nullable(),
  channel: z.string().nullable(),
  source: z.string().nullable(),
  instruction: z.string(),
  queue: z.string(),
  /** It stopped its queue, by failing or by a hold that lasts. */
  blocks: z.boolean(),
  kind: z.enum(['failed', 'held']),
  /** Failures so far, and those that stand. */
  total: z.number(),
  open: z.number(),
});
export type Scope = z.infer<typeof scopeSchema>;

export const stages = ['first', 'digest', 'reminder', 'escalation', 'recovery'] as const;
export type Stage = (typeof stages)[number];

const mailSchema = z.object({
  /** `first`, `digest-2` …: each at most once for an incident and recipient. */
  stage: z.string(),
  at: z.number(),
  /** Queue id of the `send_email` item; null until it is enqueued. */
  queueId: z.number().nullable(),
});

/** What one recipient knows of an incident. */
const viewSchema = z.object({
  name: z.string(),
  firstAt: z.number(),
  lastAt: z.number(),
  /** Failures that the mails so far told of. */
  told: z.number(),
  /** Digests and reminders so far; `step` counts the digests since it was last calm. */
  digests: z.number(),
  step: z.number(),
  reminders: z.number(),
  over: z.boolean(),
  /** The newest mails, at most 50. */
  mails: z.array(mailSchema),
});
export type View = z.infer<typeof viewSchema>;

/** Times are milliseconds since 1970. */
export const incidentSchema = z.object({
  id: z.number(),
  fingerprint: z.string(),
  cause: z.string(),
  farSide: z.string(),
  /** The far side itself is the matter, not one instruction. */
  away: z.boolean(),
  /** The first failure's words, and these without what differs from item to item. */
  message: z.string(),
  pattern: z.string(),
  instruction: z.string(),
  openedAt: z.number(),
  /** When its first failure was, which may be long before somebody looked. */
  since: z.number(),
  /** When its last failure was. */
  until: z.number(),
  /** When the last failure was found and added. */
  lastAt: z.number(),
  /** Since when everything is dealt with. */
  calmSince: z.number().nullable(),
  closedAt: z.number().nullable(),
  /** Clients whose second list was told. */
  escalated: z.array(z.string().nullable()),
  scopes: z.record(z.string(), scopeSchema),
  /** By address. */
  views: z.record(z.string(), viewSchema),
});
export type Incident = z.infer<typeof incidentSchema>;

/** One item that somebody has to deal with, or whose far side has been away for long. */
export const troubleSchema = z.object({
  queueId: z.number(),
  incident: z.number(),
  /** Key of its scope in the incident. */
  scope: z.string(),
  /** When it failed, or since when it is held. */
  at: z.number(),
  kind: z.enum(['failed', 'held']),
  queue: z.string(),
  message: z.string(),
});
export type Trouble = z.infer<typeof troubleSchema>;

export const claimSchema = z.object({
  /** Who looks after it; null when it is only snoozed. */
  by: z.string().nullable(),
  at: z.number(),
  /** No digests, reminders or escalation before; null for none. */
  snoozedUntil: z.number().nullable(),
  snoozedBy: z.string().nullable(),
});
export type Claim = z.infer<typeof claimSchema>;

/** What tells of a failure there: its own type, and `queueError` when a queue stands. */
export function typesOf({
  kind,
  blocks,
  instruction,
}: Pick<Scope, 'kind' | 'blocks' | 'instruction'>): string[] {
  if (kind === 'held' && blocks) return [QUEUE_ERROR];
  return blocks ? [errorTypeOf(instruction), QUEUE_ERROR] : [errorTypeOf(instruction)];
}

export const scopesOf = (incident: Incident): Scope[] => Object.values(incident.scopes);

export const openIn = (incident: Incident): number =>
  scopesOf(incident).reduce((sum, scope) => sum + scope.open, 0);
