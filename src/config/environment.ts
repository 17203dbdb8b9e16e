import { z } from 'zod';

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
