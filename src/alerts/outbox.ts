import { z } from 'zod';
import type { JsonObject } from '../json.js';
import type { Accepted } from '../queues/enqueue.js';
import { PARALLEL } from '../redis/keys.js';
import { wayOf } from './ways.js';

const letterSchema = z.object({
  /** 0 for one about successes. */
  incident: z.number(),
  /** `first`, `digest-2` … */
  stage: z.string(),
  address: z.string(),
  name: z.string(),
  mail: z.object({
    subject: z.string(),
    text: z.string(),
    html: z.string(),
    /** Tokens of its links, sealed. */
    acts: z.string().optional(),
    message: z
      .object({
        event: z.string(),
        data: z.record(z.string(), z.unknown()).transform((data) => data as JsonObject),
        bare: z.boolean(),
      })
      .optional(),
  }),
});

/** A mail that was decided on: whole, so that sending it again is the same request. */
export type Letter = z.infer<typeof letterSchema>;

const BATCH = 100;

/** Unique to an incident, a stage of it and a recipient; stages are numbered, so it never comes again. */
export const keyOf = ({
  incident,
  stage,
  address,
}: Pick<Letter, 'incident' | 'stage' | 'address'>): string =>
  `alert:${incident}:${stage}:${address}`;

/** A mail, or what a webhook is told in its place, as what the fleet carries out. */
export function asItem(letter: Letter): Accepted {
  const { incident, mail } = letter;
  const way = wayOf(letter.address);
  const told = way && mail.message;
  return {
    queue: PARALLEL,
    instruction: told ? 'send_webhook' : 'send_email',
    data: told ? { endpoint: way.endpoint, ...told } : mailData(letter),
    title: mail.subject,
    entity: incident > 0 ? { kind: 'incident', key: String(incident) } : null,
    barrier: 'other',
    channel: null,
    source: null,
    // Not the client's own item: who else is told is not for the client to read.
    client: null,
    idempotencyKey: keyOf(letter),
  };
}

function mailData({ incident, address, name, mail }: Letter): JsonObject {
  return {
    to: name ? [{ address, name }] : [address],
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    ...(mail.acts ? { acts: mail.acts } : {}),
    ...(incident > 0 ? { thread: `incident-${incident}` } : {}),
  };
}

/** Mails that were written down and are perhaps not enqueued yet. */
export class Outbox {
  private readonly letters = new Map<string, Letter>();

  constructor(stored: Readonly<Record<string, string>>) {
    for (const [key, text] of Object.entries(stored)) this.add(key, text);
  }

  add(key: string, text: string): void {
    this.letters.set(key, letterSchema.parse(JSON.parse(text)));
  }

  *batches(): Generator<{ key: string; letter: Letter }[]> {
    const all = [...this.letters].map(([key, letter]) => ({ key, letter }));
    for (let at = 0; at < all.length; at += BATCH) yield all.slice(at, at + BATCH);
  }

  sent(keys: readonly string[]): void {
    for (const key of keys) this.letters.delete(key);
  }
}
