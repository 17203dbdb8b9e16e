import { z } from 'zod';
import { alertsSchema } from './alerts-schema.js';
import { endpointSchema, idSchema, ratePeriods, retrySettingsSchema } from './endpoint-schema.js';

/** What waits when the far side is away. Times in milliseconds. */
export const holdSchema = z.strictObject({
  /** How long a hold lasts before the far side is asked for the first time; doubles each time it is away. */
  firstMs: z.int().min(10).max(3_600_000).default(5_000),
  /** The longest time between two such looks. A far side that throttles without naming a time gets it at once. */
  maxMs: z.int().min(10).max(3_600_000).default(60_000),
  /** How long an answer to a ping may take. */
  pingTimeoutMs: z.int().min(10).max(60_000).default(5_000),
  /** How long a hold may last before it is an incident that a person hears of. */
  graceMs: z.int().min(0).max(604_800_000).default(900_000),
  /** When the automatic tries are used up and the far side cannot be reached: hold, or block (false). */
  outages: z.boolean().default(true),
});
export type HoldPolicy = Readonly<z.infer<typeof holdSchema>>;
export const standardHold: HoldPolicy = holdSchema.parse({});

/** Requests to the API in any period, over all its processes; 0 for no limit. */
const requestLimitSchema = (max: number) =>
  z
    .strictObject({
      max: z.int().min(0).max(100_000_000).default(max),
      per: z.enum(Object.keys(ratePeriods) as (keyof typeof ratePeriods)[]).default('minute'),
    })
    .prefault({});
export type RequestLimitSettings = Readonly<z.infer<ReturnType<typeof requestLimitSchema>>>;

/** A host name, or one part of it. */
const hostName = z
  .string()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?$/, 'must be a host name');

const mailSchema = z.strictObject({
  /** Sender, as `Andon <andon@shop.example>`. Without one, the user of `ANDON_SMTP_URL` when that is an address. */
  from: z.string().trim().min(3).max(320).optional(),
  /** Where answers go, when not to the sender. */
  replyTo: z.string().trim().min(3).max(320).optional(),
  /**
   * Encryption to a smtp:// server (smtps:// always encrypts). Without a word here: required when there
   * is a password and the server is another machine, else used when the server offers it.
   */
  tls: z.enum(['required', 'offered', 'off']).optional(),
  /** Signs mails, so that receivers know whose they are. */
  dkim: z
    .strictObject({
      domain: hostName,
      selector: hostName,
      /** PEM file of the private key. */
      keyFile: z.string().trim().min(1),
    })
    .optional(),
  /** For one whole mail, from the connection to the server's last word. Milliseconds. */
  timeoutMs: z.int().min(1_000).max(600_000).default(120_000),
  /** Connections to the mail server that a worker keeps at the most. */
  connections: z.int().min(1).max(100).default(5),
});
export type MailSettings = z.infer<typeof mailSchema>;

const endpoints = z.record(idSchema, endpointSchema).default({});

const DAY_MS = 86_400_000;

/** How many items of one outcome a queue keeps, and for how long; what is beyond either goes, the oldest first. */
const keptSchema = (count: number, days: number) =>
  z
    .preprocess(
      // As it was written before there were ages.
      (value) => (typeof value === 'number' ? { count: value } : value),
      z.strictObject({
        count: z.int().min(0).max(10_000_000).default(count),
        ageMs: z
          .int()
          .min(60_000)
          .max(3_650 * DAY_MS)
          .default(days * DAY_MS),
      }),
    )
    .prefault({});

/** What is kept of that which was dealt with. What failed or waits is never removed. */
export const retentionSchema = z.strictObject({
  completed: keptSchema(10_000, 90),
  /** Besides, a skipped item stays for a week whatever the number: a person may take the skip back. */
  skipped: keptSchema(10_000, 365),
  resolved: keptSchema(10_000, 365),
  /** Who did what: lines a shard. */
  audit: keptSchema(500_000, 730),
});
export type Retention = Readonly<z.infer<typeof retentionSchema>>;

/** `config/andon.yaml`. Channels, sources and services are read in at the first start only. */
export const fileSchema = z.strictObject({
  channels: endpoints,
  sources: endpoints,
  services: endpoints,
  /** Retry policies by instruction; those of a channel or source win. */
  retry: z.record(z.string(), retrySettingsSchema).default({}),
  hold: holdSchema.prefault({}),
  /** How mails leave; the server is `ANDON_SMTP_URL`. */
  mail: mailSchema.prefault({}),
  fleet: z
    .strictObject({
      /** Items of one queue that a worker runs before it gives the queue back. */
      budget: z.int().min(1).max(10_000).default(20),
      /** How often one process looks for queues that nobody announced. Milliseconds. */
      sweepMs: z.int().min(100).max(3_600_000).default(10_000),
      /** How often due holds are released and dead deliveries found. Milliseconds. */
      tendMs: z.int().min(20).max(10_000).default(250),
      /** Worker deaths in one item after which it fails. */
      maxDeaths: z.int().min(1).max(100).default(3),
      /** How long running deliveries may go on after a stop was asked for. Milliseconds. */
      stopGraceMs: z.int().min(0).max(600_000).default(25_000),
      /** Silence of a loop while Redis answers others, after which the process ends. Milliseconds. */
      watchdogMs: z.int().min(15_000).max(3_600_000).default(60_000),
    })
    .prefault({}),
  /** Who is told of failures, and when. */
  alerts: alertsSchema.prefault({}),
  /** What clients of the HTTP API and of the desk may take up. Times in milliseconds. */
  api: z
    .strictObject({
      /** From its first byte on, all headers of a request must be there after this. */
      headersMs: z.int().min(100).max(600_000).default(10_000),
      /** And all of its body after this. */
      requestMs: z.int().min(100).max(3_600_000).default(60_000),
      /** How long a connection is kept for the next request; longer than a proxy in front keeps it. */
      keepAliveMs: z.int().min(100).max(600_000).default(65_000),
      /** A connection on which nothing moves ends after this, also while its answer is not fetched. */
      idleMs: z.int().min(100).max(3_600_000).default(300_000),
      /** Connections of one process at once; more are closed unanswered. */
      connections: z.int().min(10).max(1_000_000).default(2_000),
      /** All headers of a request together. */
      headerBytes: z.int().min(2_048).max(1_048_576).default(16_384),
      /** Requests of one API key, and from one address; more get a 429 that says when to go on. */
      rateLimit: z
        .strictObject({
          key: requestLimitSchema(60_000),
          /** Behind a proxy all come from its address, unless ANDON_TRUST_PROXY says that there is one. */
          address: requestLimitSchema(120_000),
        })
        .prefault({}),
    })
    .refine(({ headersMs, requestMs }) => headersMs <= requestMs, {
      error: 'must not be longer than requestMs',
      path: ['headersMs'],
    })
    .prefault({}),
  modules: z
    .strictObject({
      /** Where the modules of `module` connectors lie; only files below it may be named. */
      directory: z.string().trim().min(1).default('./connectors'),
      /** Heap that the thread of one endpoint may use. Megabytes. */
      memoryMb: z.int().min(32).max(16_384).default(256),
      /** Threads that a process keeps while they have nothing to do, about 15 MB each. */
      keptThreads: z.int().min(1).max(10_000).default(64),
    })
    .prefault({}),
  login: z
    .strictObject({
      /** A session nobody uses ends after this. Milliseconds. */
      idleMs: z.int().min(60_000).max(604_800_000).default(1_800_000),
      /** A session ends after this however much it is used. Milliseconds. */
      absoluteMs: z.int().min(60_000).max(2_592_000_000).default(43_200_000),
      /** What the provider at ANDON_OIDC_ISSUER says of people, and what that makes them here. */
      provider: z
        .strictObject({
          /** On the button of the login page. */
          label: z.string().trim().min(1).max(60).default('Company login'),
          scope: z.string().trim().min(1).default('openid profile email'),
          /** Claim that holds the name for the login here. */
          nameClaim: z.string().min(1).default('email'),
          /** Claim with one value or several. */
          roleClaim: z.string().min(1).default('groups'),
          /** Value of that claim → role; the strongest counts, and without any nobody gets in. */
          roles: z.record(z.string(), z.enum(['viewer', 'operator', 'admin'])).default({}),
          /** Claim that says whose sources and channels are seen; unset, all are. */
          clientsClaim: z.string().min(1).optional(),
          /** Value of that claim → clients; "*" is all of them. */
          clients: z.record(z.string(), z.array(z.union([z.literal('*'), idSchema]))).default({}),
        })
        .prefault({}),
    })
    .prefault({}),
  retention: retentionSchema.prefault({}),
});
export type FileConfig = z.infer<typeof fileSchema>;
