import { z } from 'zod';

/** Ids of clients, channels and sources; `schema.ts` has the same, and imports this file. */
const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "_" or "-"');

/** What may turn a line into two, or show it as another than it is: line ends, controls, writing direction. */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** A registered webhook, told in its own way. */
const way = z
  .string()
  .trim()
  .regex(/^(webhook|slack|teams):[A-Za-z0-9_-]{1,64}$/);

/** Simpler than RFC 5321 allows, and all that people have. */
const mailbox = z
  .string()
  .trim()
  .max(320)
  .regex(
    /^[^\s@<>()[\]\\,;:"]{1,64}@[^\s@<>()[\]\\,;:"]{1,255}$/u,
    'must be a plain mail address such as ann@shop.example',
  )
  .refine((text) => !hidden.test(text), 'must not hold line ends or hidden characters')
  .transform((text) => text.toLowerCase());

/** Where somebody is told: a mail address, or `webhook:ID`, `slack:ID`, `teams:ID`. */
const address = z.string().transform((text, context) => {
  const isWay = /^\s*(webhook|slack|teams):/.test(text);
  const result = (isWay ? way : mailbox).safeParse(text);
  if (result.success) return result.data;
  for (const { message } of result.error.issues)
    context.addIssue({
      code: 'custom',
      message: isWay ? 'must name a registered webhook, such as slack:ops' : message,
    });
  return z.NEVER;
});

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 22:00');

const timeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, 'must be a time zone such as Africa/Johannesburg');

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/** When a person is not to be disturbed. Nothing is lost: what waits is sent when the hours are over. */
const quietSchema = z.strictObject({
  from: clock,
  to: clock,
  timeZone: timeZone.default('UTC'),
  /** What waits: reminders; digests too; or everything, the first mail of an incident included. */
  holds: z.enum(['reminders', 'digests', 'everything']).default('reminders'),
});

const recipientObject = z.strictObject({
  address,
  name: z
    .string()
    .trim()
    .max(200)
    .refine((text) => !hidden.test(text), 'must not hold line ends or hidden characters')
    .default(''),
  quiet: quietSchema.optional(),
});

/** Who gets mails: `ann@shop.example`, or `{address, name?, quiet?}`. */
export const recipientSchema = z.union([
  address.transform((text): Recipient => ({ address: text, name: '' })),
  recipientObject,
]);

/** Somebody who is told. Addresses are compared in small letters. */
export interface Recipient {
  readonly address: string;
  readonly name: string;
  readonly quiet?: z.infer<typeof quietSchema> | undefined;
}

const recipients = z.array(recipientSchema).max(100);

/** The top level of a client: who gets every notification that no override takes away. */
export const listSchema = z.strictObject({
  /** Whose items; left out for those that belong to no client. */
  client: id.optional(),
  recipients,
  /** Whether these are told of successes too, or only of what fails. */
  successes: z.boolean().default(true),
  /** Told as well when an incident still stands, unclaimed, after a time. */
  escalation: z
    .strictObject({
      afterMs: z.int().min(60_000).max(2_592_000_000),
      recipients: recipients.min(1),
    })
    .optional(),
});
export type ListInput = z.input<typeof listSchema>;

/** Gets the notifications of these types, and takes them away from the top level of its client. */
export const overrideSchema = z.strictObject({
  client: id.optional(),
  types: z.array(z.string().max(64)).min(1).max(100),
  /** Only for these channels; for all when left out. */
  channels: z.array(id).max(200).default([]),
  sources: z.array(id).max(200).default([]),
  recipients: recipients.min(1),
});
export type OverrideInput = z.infer<typeof overrideSchema>;

const DAY = 86_400_000;
const ms = (fallback: number, min: number, max: number) =>
  z.int().min(min).max(max).default(fallback);
const steps = (fallback: readonly number[]) =>
  z
    .array(
      z
        .int()
        .min(60_000)
        .max(30 * DAY),
    )
    .min(1)
    .max(20)
    .default([...fallback]);

/** Times of the alerts, in milliseconds. */
export const timingsSchema = z.strictObject({
  /** How often one process looks for what is to be told. */
  lookMs: ms(2_000, 100, 600_000),
  /** The first mail of an incident waits until its failures pause, but never longer than this. */
  gatherMs: ms(10_000, 0, 600_000),
  /** Failures of one cause belong together while the incident stands and they come no farther apart. */
  windowMs: ms(DAY, 60_000, 30 * DAY),
  /** Digests of new failures: so long after the mail before; the last one repeats. */
  digestsMs: steps([300_000, 900_000, 3_600_000]),
  /** Reminders while it stands: so long after the mail before; the last one repeats. */
  remindersMs: steps([4 * 3_600_000, DAY]),
  /** Successes are gathered for so long, so that a busy day is no flood. */
  successesMs: ms(900_000, 0, 7 * DAY),
  /** An incident is over when everything has been dealt with for so long. */
  calmMs: ms(120_000, 0, DAY),
});
export type Timings = Readonly<z.infer<typeof timingsSchema>>;

/** `alerts:` in config/andon.yaml. Lists and overrides are read in once; afterwards the API changes them. */
export const alertsSchema = z.strictObject({
  lists: z.array(listSchema).max(10_000).default([]),
  overrides: z.array(overrideSchema).max(10_000).default([]),
  timings: timingsSchema.prefault({}),
  /** Mails bear links by which their recipient may retry, skip or claim, without a login. */
  actions: z.boolean().default(true),
  /** For so long. */
  actionsMs: ms(3 * DAY, 60_000, 30 * DAY),
});
export type AlertsConfig = z.infer<typeof alertsSchema>;
