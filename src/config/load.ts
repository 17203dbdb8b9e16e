import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import { parse as parseYaml } from 'yaml';
import type { z } from 'zod';
import { BadConfig, messageOf } from '../errors.js';
import { environmentSchema, secretNames } from './environment.js';
import { inWords } from './in-words.js';
import { type MailServer, mailServer } from './mail-server.js';
import { type RedisTls, redisTls } from './redis-tls.js';
import { REFERENCE_PREFIX, type ReferenceRoom } from './reference-room.js';
import { type FileConfig, fileSchema } from './schema.js';
import { strangeVariables } from './strange-variables.js';

/** Everything that can be set, read once, checked whole, frozen. */
export interface Config {
  readonly port: number;
  readonly host: string;
  /** Unset: a private Redis is started under `dataDir`. */
  readonly redisUrl: string | undefined;
  /** Null: Redis is spoken to without TLS. */
  readonly redisTls: RedisTls | null;
  readonly prefix: string;
  readonly dataDir: string;
  readonly configFile: string;
  readonly bootstrapKey: string | undefined;
  /** Of the user "admin", when it is to exist from the first start on. */
  readonly adminPassword: string | undefined;
  /** Where people may log in besides; null when nowhere. */
  readonly oidc: {
    readonly issuer: string;
    readonly clientId: string;
    readonly clientSecret: string;
  } | null;
  /** Proxies in front whose `X-Forwarded-…` headers are believed. */
  readonly trustProxy: number;
  readonly shards: number;
  readonly durability: 'local' | 'replicated';
  readonly replicas: number;
  readonly replicasWaitMs: number;
  readonly lockMs: number;
  readonly concurrency: number;
  readonly parallelConcurrency: number;
  /** Private networks that connectors may reach, as CIDRs. */
  readonly connectorNetworks: readonly string[];
  /** Where people reach it with a browser, without a slash at its end; null: mails bear no links. */
  readonly publicUrl: string | null;
  /** As they are written; the first seals, the others open what was sealed before. */
  readonly secretKeys: readonly string[];
  /** What connectors' settings may name as `env:` and `file:`. */
  readonly references: ReferenceRoom;
  /** Null: no mail server is set. */
  readonly mail: MailServer | null;
  /** Where this process tells how it is, besides the API; null: nowhere. */
  readonly health: { readonly host: string; readonly port: number } | null;
  /** Whether traces are sent; OpenTelemetry itself reads from the environment where to. */
  readonly tracing: boolean;
  readonly logLevel: string;
  readonly file: FileConfig;
  /** Sentences about what was set and means nothing; it starts all the same. */
  readonly warnings: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads environment and settings file.
 * @throws BadConfig with all problems at once, one sentence each.
 */
export function loadConfig(environment: Environment = process.env): Config {
  const problems: string[] = [];
  const env = environmentSchema.safeParse(withFiles(environment, problems), { error: inWords });
  if (!env.success) problems.push(...sentences(env.error, (path) => String(path[0])));
  const file = readFile(
    environment['ANDON_CONFIG'] || 'config/andon.yaml',
    Boolean(environment['ANDON_CONFIG']),
    problems,
  );
  const networks = splitNetworks(environment, problems);
  const oidc = env.success ? oidcOf(env.data, problems) : null;
  const from = file?.mail.from ?? env.data?.ANDON_MAIL_FROM;
  const mail = mailServer(env.data?.ANDON_SMTP_URL, file && { ...file.mail, from }, problems);
  const tls = redisTls(
    {
      url: env.data?.REDIS_URL,
      ca: env.data?.ANDON_REDIS_CA,
      cert: env.data?.ANDON_REDIS_CERT,
      key: env.data?.ANDON_REDIS_KEY,
    },
    problems,
  );
  if (!env.success || !file || problems.length > 0) throw new BadConfig(problems);
  return deepFreeze({
    port: env.data.ANDON_PORT,
    host: env.data.ANDON_HOST,
    redisUrl: env.data.REDIS_URL,
    redisTls: tls,
    prefix: env.data.ANDON_PREFIX,
    dataDir: env.data.ANDON_DATA_DIR,
    configFile: env.data.ANDON_CONFIG,
    bootstrapKey: env.data.ANDON_BOOTSTRAP_KEY,
    adminPassword: env.data.ANDON_ADMIN_PASSWORD,
    oidc,
    trustProxy: env.data.ANDON_TRUST_PROXY,
    shards: env.data.ANDON_SHARDS,
    durability: env.data.ANDON_DURABILITY,
    replicas: env.data.ANDON_REPLICAS,
    replicasWaitMs: env.data.ANDON_REPLICAS_WAIT_MS,
    lockMs: env.data.ANDON_LOCK_MS,
    concurrency: env.data.ANDON_CONCURRENCY,
    parallelConcurrency: env.data.ANDON_PARALLEL_CONCURRENCY,
    connectorNetworks: networks,
    publicUrl: env.data.ANDON_PUBLIC_URL?.replace(/\/+$/, '') ?? null,
    secretKeys: (env.data.ANDON_SECRET_KEY ?? '').split(/[\s,]+/).filter(Boolean),
    references: {
      variables: Object.fromEntries(
        Object.entries(environment).flatMap(([name, value]) =>
          name.startsWith(REFERENCE_PREFIX) && value ? [[name, value]] : [],
        ),
      ),
      directory: resolve(env.data.ANDON_SECRETS_DIR),
      own: secretNames.flatMap((name) => environment[`${name}_FILE`] || []),
    },
    mail,
    health:
      env.data.ANDON_HEALTH_PORT === undefined
        ? null
        : { host: env.data.ANDON_HEALTH_HOST, port: env.data.ANDON_HEALTH_PORT },
    tracing: wantsTraces(env.data),
    logLevel: env.data.ANDON_LOG_LEVEL,
    file,
    warnings: strangeVariables(environment),
  });
}

/** Ours goes before; else as every program with OpenTelemetry decides it, but that off is the standard. */
function wantsTraces(env: z.infer<typeof environmentSchema>): boolean {
  if (env.ANDON_TRACING) return env.ANDON_TRACING === 'otlp';
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  const exporters = env.OTEL_TRACES_EXPORTER?.split(',').map((one) => one.trim());
  if (exporters) return exporters.includes('otlp');
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}

/** All of it or nothing. */
function oidcOf(env: z.infer<typeof environmentSchema>, problems: string[]): Config['oidc'] {
  const [issuer, clientId, clientSecret] = [
    env.ANDON_OIDC_ISSUER,
    env.ANDON_OIDC_CLIENT_ID,
    env.ANDON_OIDC_CLIENT_SECRET,
  ];
  if (!issuer && !clientId && !clientSecret) return null;
  if (issuer && clientId && clientSecret) return { issuer, clientId, clientSecret };
  problems.push(
    'ANDON_OIDC_ISSUER, ANDON_OIDC_CLIENT_ID and ANDON_OIDC_CLIENT_SECRET belong together: set all of them, or none.',
  );
  return null;
}

/** Unset and empty are the same; `NAME_FILE` stands in for a secret's `NAME`. */
function withFiles(environment: Environment, problems: string[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) if (value) values[name] = value;
  for (const name of secretNames) {
    const path = values[`${name}_FILE`];
    if (!path) continue;
    if (values[name]) problems.push(`${name} and ${name}_FILE are both set: set one of them.`);
    try {
      values[name] = readFileSync(path, 'utf8').trim();
    } catch (error) {
      problems.push(`${name}_FILE cannot be read: ${messageOf(error)}.`);
    }
  }
  return values;
}

function readFile(path: string, demanded: boolean, problems: string[]): FileConfig | null {
  if (!existsSync(path)) {
    if (!demanded) return fileSchema.parse({});
    problems.push(`ANDON_CONFIG names ${path}, which does not exist.`);
    return null;
  }
  try {
    const parsed = fileSchema.safeParse(parseYaml(readFileSync(path, 'utf8')) ?? {}, {
      error: inWords,
    });
    if (parsed.success) return parsed.data;
    problems.push(
      ...sentences(parsed.error, (at) =>
        [path, at.map(String).join('.')].filter(Boolean).join(': '),
      ),
    );
  } catch (error) {
    problems.push(`${path} is not YAML: ${messageOf(error)}`);
  }
  return null;
}

/** The embedded set-up runs everything on one machine, so connectors may reach loopback there. */
function splitNetworks(environment: Environment, problems: string[]): string[] {
  const given = environment['ANDON_CONNECTOR_NETWORKS'];
  const embedded = !environment['REDIS_URL'] && !environment['REDIS_URL_FILE'];
  if (!given) return embedded ? ['127.0.0.0/8', '::1/128'] : [];
  const networks = given
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
  for (const network of networks) {
    if (!ipaddr.isValidCIDR(network))
      problems.push(`ANDON_CONNECTOR_NETWORKS: "${network}" is not a network such as 10.0.0.0/8.`);
  }
  return networks;
}

function sentences(error: z.ZodError, name: (path: PropertyKey[]) => string): string[] {
  return error.issues.map((issue) =>
    `${name(issue.path)}: ${issue.message}`.replace(/[^.?]$/, '$&.'),
  );
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value))
    if (inner !== null && typeof inner === 'object') deepFreeze(inner);
  return Object.freeze(value);
}
