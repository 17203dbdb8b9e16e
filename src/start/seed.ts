import type { Redis } from 'ioredis';
import { putEndpoint } from '../api/endpoints.js';
import type { Services } from '../api/services.js';
import { calledAs } from '../cli/io.js';
import type { EndpointInput } from '../config/endpoint-schema.js';
import type { Config } from '../config/load.js';
import type { ConnectorTypes } from '../connectors/registry.js';
import { BadConfig, InvalidInput } from '../errors.js';
import type { Recipients } from '../incidents/recipients.js';
import type { Log } from '../log.js';
import type { Endpoint, EndpointKind } from '../queues/registry.js';
import type { Keys } from '../redis/keys.js';

/** What of the settings file counts at the first start only; afterwards the API rules. */
type Seeds = Pick<Config, 'file' | 'configFile'>;

interface Named {
  readonly kind: EndpointKind;
  readonly id: string;
  readonly input: EndpointInput;
}

function endpointsOf({ file }: Seeds): Named[] {
  const kinds = [
    ['channel', file.channels],
    ['source', file.sources],
    ['service', file.services],
  ] as const;
  return kinds.flatMap(([kind, endpoints]) =>
    Object.entries(endpoints).map(([id, input]) => ({ kind, id, input })),
  );
}

/** Sentences about connectors of the settings file that cannot be, each with file and place. */
export function wrongConnectors(config: Seeds, types: ConnectorTypes): string[] {
  return endpointsOf(config).flatMap(({ kind, id, input }) => {
    try {
      types.get(input.connector.type).parse(input.connector);
      return [];
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      return error.errors.map(({ pointer, detail }) =>
        `${config.configFile}: ${kind}s.${id}${pointer.replaceAll('/', '.')}: ${detail}`.replace(
          /[^.?]$/,
          '$&.',
        ),
      );
    }
  });
}

/** Reads the endpoints of the settings file in, once; later it is said what of the file is not read in. @throws BadConfig */
export async function seed(
  redis: Redis,
  keys: Keys,
  services: Services,
  config: Config,
  log: Log,
): Promise<void> {
  if (await redis.exists(keys.registry.seeded)) {
    const sentence = await unread(services, services.recipients, config);
    if (sentence) log.warn({}, sentence);
    return;
  }
  await seedEndpoints(services, config, log);
  await redis.set(keys.registry.seeded, new Date().toISOString());
}

/** Reads the endpoints in. @throws BadConfig before the first of them, when one cannot be */
async function seedEndpoints(
  services: Pick<Services, 'registry' | 'connectorTypes'>,
  config: Seeds,
  log: Log,
): Promise<void> {
  const wrong = wrongConnectors(config, services.connectorTypes);
  if (wrong.length > 0) throw new BadConfig(wrong);
  for (const { kind, id, input } of endpointsOf(config)) {
    if (await services.registry.get(kind, id)) continue;
    await putEndpoint(services, kind, id, input);
    log.info({ kind, id }, `read from ${config.configFile}`);
  }
}

/** What the file says otherwise than it is, in one sentence that says how to change it; null when they agree. */
async function unread(
  { registry, connectorTypes }: Pick<Services, 'registry' | 'connectorTypes'>,
  recipients: Recipients,
  config: Seeds,
): Promise<string | null> {
  const places = await recipients.unlike(config.file.alerts);
  for (const { kind, id, input } of endpointsOf(config)) {
    const stored = await registry.get(kind, id);
    if (!stored || !isLike(stored, input, connectorTypes)) places.push(`${kind}s.${id}`);
  }
  if (places.length === 0) return null;
  const andon = calledAs(process);
  const subject = places.length === 1 ? 'this is' : 'these are';
  return `${config.configFile} says otherwise than it is set: ${places.join(', ')}. Recipients and endpoints are read from the file at the first start of these data only, so ${subject} not read in. Change them with ${andon} recipients set and ${andon} channel put, at the desk, or over HTTP.`;
}

/** Secrets are not compared: they are sealed, and one may have been made. */
function isLike(stored: Endpoint, input: EndpointInput, types: ConnectorTypes): boolean {
  const settings = settingsOf(input, types);
  return (
    stored.description === input.description &&
    stored.client === (input.client ?? null) &&
    settings !== null &&
    Object.entries(settings).every(
      ([name, value]) => JSON.stringify(value) === JSON.stringify(stored.connector[name]),
    )
  );
}

/** The open settings of a connector as they would be stored; null when they cannot be. */
function settingsOf({ connector }: EndpointInput, types: ConnectorTypes): object | null {
  try {
    const type = types.get(connector.type);
    const parsed = Object.entries(type.parse(connector) as Record<string, unknown>);
    return Object.fromEntries(parsed.filter(([name]) => !type.secrets.includes(name)));
  } catch (error) {
    if (error instanceof InvalidInput) return null;
    throw error;
  }
}
