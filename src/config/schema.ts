import { z } from 'zod';
import { alertsSchema } from './alerts-schema.js';

/** Ids of channels, sources, services and clients. */
export const idSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "_" or "-"');

/** Automatic retries of an item within one run, as far as somebody sets them. */
export const retrySettingsSchema = z
  .strictObject({
    /** Starts in one run, the first included. */
    attempts: z.int().min(1).max(1_000),
    /** Wait after the first failed attempt; doubles each time. Milliseconds. */
    firstDelayMs: z.int().min(0).max(86_400_000),
    /** No wait is longer. Milliseconds. */
    maxDelayMs: z.int().min(0).max(86_400_000),
  })
  .partial()
  .meta({ description: 'Automatic retries; the default is 5 attempts over about 2 minutes.' });
export type RetrySettings = Readonly<z.infer<typeof retrySettingsSchema>>;
export type RetryPolicy = Required<RetrySettings>;

/** What nobody has set: 8 + 16 + 32 + 64 seconds of waiting between 5 attempts. */
export const standardRetry: RetryPolicy = {
  attempts: 5,
  firstDelayMs: 8_000,
  maxDelayMs: 64_000,
};

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

/** Periods of rate limits, in milliseconds. */
export const ratePeriods = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
} as const;

/** At most `max` items start in any span of a `per`, over all worker processes. */
export const rateLimitSchema = z
  .strictObject({
    max: z.int().min(1).max(10_000),
    per: z.enum(Object.keys(ratePeriods) as (keyof typeof ratePeriods)[]),
  })
  .meta({ description: 'how many items may start, as {"max": 100, "per": "minute"}' });
export type RateLimit = Readonly<z.infer<typeof rateLimitSchema>>;

/** Requests to the API in any period, over all its processes; 0 for no limit. */
const requestLimitSchema = (max: number) =>
  z
    .strictObject({
      max: z.int().min(0).max(100_000_000).default(max),
      per: z.enum(Object.keys(ratePeriods) as (keyof typeof ratePeriods)[]).default('minute'),
    })
    .prefault({});
export type RequestLimitSettings = Readonly<z.infer<ReturnType<typeof requestLimitSchema>>>;

/**
 * Mails and webhooks wait for servers that may be away for a weekend: 3 days at the least, first after
 * 10 seconds, then at most 15 minutes apart, so that they leave soon after such a server is back.
 */
export const patientRetry: RetryPolicy = {
  attempts: 368,
  firstDelayMs: 10_000,
  maxDelayMs: 900_000,
};

/**
 * A channel, source or service as a user writes it, whole; its connector's settings are checked by the connector's
 * type. What is null or not there is not set.
 */
export const endpointSchema = z.strictObject({
  description: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .meta({ description: 'what people read, as Cape Shopify' }),
  client: idSchema.nullish().meta({ description: 'whose it is' }),
  connector: z
    .looseObject({ type: z.string().meta({ description: 'http, module, demo …' }) })
    .meta({ description: 'how it is reached; the settings depend on the type' }),
  retry: retrySettingsSchema.nullish(),
  rateLimit: rateLimitSchema.nullish(),
  /** Orders too are sent again when nobody knows whether they arrived: the far side knows the idempotency key. */
  resendUnknown: z.boolean().optional().meta({
    description:
      'send orders too again when nobody knows whether they arrived: the far side knows the idempotency key',
  }),
  /** Where the record can be seen: `{key}` and `{sku}`, `{orderNumber}` … are filled in from the item. */
  recordUrl: z
    .url({ protocol: /^https?$/ })
    .nullish()
    .meta({ description: 'where the record can be seen; {key}, {sku} … are filled in' }),
});
export type EndpointInput = z.infer<typeof endpointSchema>;

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

const text = z.string().trim().min(1);
const integer = (fallback: number, min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .default(fallback);

/** What is read from the environment: name, default, meaning. Unset and empty are the same. */
export const environmentSchema = z.object({
  ANDON_PORT: integer(3000, 0, 65_535).describe('port of the HTTP API; 0 picks a free one'),
  ANDON_HOST: text.default('127.0.0.1').describe('address the HTTP API listens on'),
  REDIS_URL: z
    .string()
    // several hosts, as Sentinel has them, are more than a URL parser takes
    .regex(
      /^rediss?(\+sentinel|\+cluster)?:\/\/\S+$/,
      'must be a redis://, redis+sentinel:// or redis+cluster:// URL, or one of these with rediss for TLS',
    )
    .optional()
    .describe('Redis to use; unset starts a private one under ANDON_DATA_DIR'),
  ANDON_REDIS_CA: text
    .optional()
    .describe(
      'PEM of the CA that signs the certificate of Redis (rediss://); unset: those Node trusts',
    ),
  ANDON_REDIS_CERT: text.optional().describe('PEM of our certificate, when Redis asks for one'),
  ANDON_REDIS_KEY: text.optional().describe('PEM of the private key of that'),
  ANDON_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,32}$/, 'must be 1 to 32 letters, digits, "_", "." or "-"')
    .default('andon')
    .describe('first part of every Redis key'),
  ANDON_DATA_DIR: text.default('./data').describe('where the private Redis keeps its data'),
  ANDON_CONFIG: text.default('config/andon.yaml').describe('settings, and the first endpoints'),
  ANDON_BOOTSTRAP_KEY: z
    .string()
    .regex(
      /^[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{16,256}$/,
      'must be id.secret, the secret 16 characters or longer',
    )
    .optional()
    .describe('an admin API key that exists from the first start on, as id.secret'),
  ANDON_ADMIN_PASSWORD: z
    .string()
    .min(12, 'must have 12 characters or more')
    .max(256)
    .optional()
    .describe('password of the user "admin", who exists from the first start on'),
  ANDON_OIDC_ISSUER: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('OpenID Connect provider where people may log in'),
  ANDON_OIDC_CLIENT_ID: text.optional().describe('our id at that provider'),
  ANDON_OIDC_CLIENT_SECRET: text.optional().describe('our secret at that provider'),
  ANDON_TRUST_PROXY: integer(0, 0, 10).describe(
    'proxies in front whose X-Forwarded headers are believed',
  ),
  ANDON_SHARDS: integer(1, 1, 256).describe('key groups; fixed at the first start'),
  ANDON_DURABILITY: z
    .enum(['local', 'replicated'])
    .default('local')
    .describe('when a write is answered with success: Redis has it, or its replicas do too'),
  ANDON_REPLICAS: integer(1, 1, 10).describe('replicas that must have a write (replicated)'),
  ANDON_REPLICAS_WAIT_MS: integer(1_000, 10, 10_000).describe(
    'how long they may take before the answer is 503, ms',
  ),
  ANDON_LOCK_MS: integer(10_000, 500, 600_000).describe(
    'how long a dead worker keeps its item, ms',
  ),
  ANDON_CONCURRENCY: integer(100, 1, 10_000).describe('blocking queues a worker runs at once'),
  ANDON_PARALLEL_CONCURRENCY: integer(50, 1, 10_000).describe(
    'non-blocking items a worker runs at once',
  ),
  ANDON_CONNECTOR_NETWORKS: z
    .string()
    .optional()
    .describe('private networks connectors may reach, as CIDRs with commas between'),
  ANDON_PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as https://andon.example.com' })
    .optional()
    .describe('where people reach this Andon with a browser; links in mails begin with it'),
  ANDON_SMTP_URL: text
    .optional()
    .describe('mail server, as smtp://user:password@host:587 or smtps://…; unset: no mail leaves'),
  ANDON_MAIL_FROM: text
    .optional()
    .describe('sender of mails, when mail.from of the settings file names none'),
  ANDON_SECRET_KEY: text
    .optional()
    .describe(
      'seals the secrets of connectors: 32 bytes in base64; former keys behind it, with commas between',
    ),
  ANDON_SECRETS_DIR: text.default('/run/secrets').describe('where secrets given as file:NAME lie'),
  ANDON_HEALTH_PORT: z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(0).max(65_535))
    .optional()
    .describe(
      'port for /healthz, /readyz and /metrics in any role; unset: none; 0 picks a free one',
    ),
  ANDON_HEALTH_HOST: text.default('127.0.0.1').describe('address that port listens on'),
  ANDON_TRACING: z
    .enum(['off', 'otlp'])
    .optional()
    .describe(
      'where traces go; unset: what OTEL_TRACES_EXPORTER and OTEL_EXPORTER_OTLP_ENDPOINT say',
    ),
  OTEL_TRACES_EXPORTER: z.string().optional().describe('otlp: traces are sent; none: they are not'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .string()
    .optional()
    .describe('where traces are sent, as http://collector:4318'),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.string().optional().describe('the same, the whole URL'),
  OTEL_SDK_DISABLED: z.string().optional().describe('true: no traces whatever else says'),
  ANDON_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('how much is logged'),
});

/** Secrets may also be given as the path of a file that holds them: `NAME_FILE`. */
export const secretNames = [
  'ANDON_BOOTSTRAP_KEY',
  'ANDON_ADMIN_PASSWORD',
  'ANDON_OIDC_CLIENT_SECRET',
  'REDIS_URL',
  'ANDON_REDIS_CA',
  'ANDON_REDIS_CERT',
  'ANDON_REDIS_KEY',
  'ANDON_SMTP_URL',
  'ANDON_SECRET_KEY',
] as const;
