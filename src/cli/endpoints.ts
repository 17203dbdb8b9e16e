import type { Command } from 'commander';
import { type AndonClient, collect } from '../client/client.js';
import { ApiProblem } from '../client/problem.js';
import {
  type Endpoint,
  type EndpointKind,
  type EndpointSettings,
  endpointKinds,
  type RateLimit,
  type RetrySettings,
} from '../client/shapes.js';
import type { JsonObject } from '../json.js';
import { count, header, id, rateLimit, retry, yesOrNo } from './checks.js';
import { UsageError } from './exit.js';
import { readObject, readText } from './input.js';
import type { Io } from './io.js';
import { type Output, printable } from './output.js';
import { addCommand, sessionOf } from './session.js';

interface PutOptions {
  description?: string;
  connectorType?: string;
  connector?: string;
  url?: string;
  secret?: string;
  header?: Record<string, string>;
  timeout?: number;
  retry?: RetrySettings | false;
  rateLimit?: RateLimit | 'none';
  pingUrl?: string;
  verifyUrl?: string;
  resendUnknown?: boolean;
  /** False: is to have none any more. */
  client?: string | false;
  recordUrl?: string | false;
}

/** The same four commands for channels, sources and services. */
export function addEndpoints(program: Command, io: Io): void {
  for (const kind of endpointKinds) {
    const group = program.command(kind).description(`put, list, show and delete ${kind}s`);
    addPut(group, kind, io);
    addCommand(group, 'list', `list ${kind}s`, [`${kind} list`]).action(
      async (_: unknown, command: Command) => {
        const { client, output } = sessionOf(command, io);
        const items = await collect(client.endpoints(kind));
        output.print({ items, nextCursor: null }, () => listing(output, items));
      },
    );
    addCommand(group, 'show', `show one ${kind}`, [`${kind} show 12`])
      .argument('<id>', `id of the ${kind}`, id)
      .action(async (given: string, _: unknown, command: Command) => {
        const { client, output } = sessionOf(command, io);
        const endpoint = await client.endpoint(kind, given);
        // Settings of a connector are JSON to people as well.
        output.print(endpoint, () => JSON.stringify(endpoint, null, 2));
      });
    const free = kind === 'service' ? '' : ' that has no open items';
    const kept = kind === 'service' ? '' : '; its finished items can still be looked up';
    addCommand(group, 'delete', `delete a ${kind}${free}`, [`${kind} delete 12`])
      .argument('<id>', `id of the ${kind}`, id)
      .action(async (given: string, _: unknown, command: Command) => {
        const { client, output } = sessionOf(command, io);
        await client.deleteEndpoint(kind, given);
        output.print({ id: given, deleted: true }, () => `${kind} ${given} is deleted${kept}.`);
      });
  }
}

function addPut(group: Command, kind: EndpointKind, io: Io): void {
  const examples = [
    `${kind} put 12 --description "Cape Shopify" --connector-type http --url https://shop.example/andon`,
    `${kind} put 12 --timeout 60000 --retry attempts=3,firstDelayMs=5000   (only what is given changes)`,
    `--url http://andon.example ${kind} put 12 …   (another Andon: its --url stands first)`,
  ];
  addCommand(group, 'put', `create a ${kind}, or change what is given of it`, examples, {
    ownUrl: true,
  })
    .argument('<id>', `id of the ${kind}`, id)
    .option('--description <text>', `what operators read (required for a new ${kind})`)
    .option('--connector-type <type>', 'how items get there: http, demo')
    .option('--url <url>', 'http: where items are posted to')
    .option('--secret <secret>', 'http: signs the posts; text, @file, or - for stdin')
    .option(
      '--header <name: value>',
      'http: may be repeated; those given before stay while the address is the same',
      header,
    )
    .option('--timeout <ms>', 'http: milliseconds for a whole answer', count)
    .option('--retry <settings>', 'as attempts=3,firstDelayMs=5000,maxDelayMs=60000', retry)
    .option('--no-retry', 'as the settings file has it for all')
    .option('--rate-limit <max/per>', 'how many items may start, as 100/minute, or none', rateLimit)
    .option('--ping-url <url>', 'http: asked whether it is back after it was away')
    .option('--verify-url <url>', 'http: asked whether an item was carried out, when nobody knows')
    .option('--resend-unknown <yes|no>', 'send orders again too when nobody knows', yesOrNo)
    .option('--connector <json>', 'all settings of the connector: JSON, @file, or - for stdin')
    .option('--client <id>', 'business that owns it', id)
    .option('--no-client', 'belongs to nobody (any more)')
    .option('--record-url <url>', 'where a record can be seen, with {sku} or {orderNumber}')
    .option('--no-record-url', 'its records are nowhere to be seen (any more)')
    .action(async (own: string, options: PutOptions, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const before = await present(client, kind, own);
      const description = options.description ?? before?.description;
      if (description === undefined)
        throw new UsageError(`A new ${kind} needs --description, which is what operators read.`);
      const settings: EndpointSettings = {
        description,
        connector: await connectorOf(options, before?.connector, io),
        client: given(options.client, before?.client),
        retry:
          options.retry !== false && (options.retry || before?.retry)
            ? { ...before?.retry, ...options.retry }
            : undefined,
        rateLimit: limitOf(options.rateLimit ?? before?.rateLimit),
        resendUnknown: options.resendUnknown ?? before?.resendUnknown ?? undefined,
        recordUrl: given(options.recordUrl, before?.recordUrl),
      };
      const endpoint = await client.putEndpoint(kind, own, settings);
      output.print(endpoint, () => listing(output, [endpoint]));
      if (endpoint.secret)
        output.note(`Signing secret, shown only now: ${printable(endpoint.secret)}`);
    });
}

/** What was said, false to clear it; what was there when nothing was. */
const given = <T>(said: T | false | undefined, before: T | null | undefined): T | undefined =>
  said === false ? undefined : (said ?? before ?? undefined);

const limitOf = (limit: RateLimit | 'none' | null | undefined): RateLimit | undefined =>
  limit === 'none' || !limit ? undefined : limit;

/** The endpoint as it is, if there is one. */
async function present(client: AndonClient, kind: EndpointKind, given: string) {
  try {
    return await client.endpoint(kind, given);
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return undefined;
    throw error;
  }
}

type Connector = EndpointSettings['connector'];

/** What is given, on top of what is there; another type of connector starts anew. */
async function connectorOf(
  options: PutOptions,
  before: Connector | undefined,
  io: Io,
): Promise<Connector> {
  const whole: JsonObject | undefined =
    options.connector === undefined
      ? undefined
      : await readObject('--connector', options.connector, io);
  const type = options.connectorType ?? whole?.['type'] ?? before?.type;
  if (typeof type !== 'string')
    throw new UsageError('Say how items get there, with --connector-type http --url URL.');
  const base = whole ?? (before?.type === type ? before : {});
  if (type === 'http' && !URL.canParse(String(options.url ?? base['url'])))
    throw new UsageError('A connector of type http needs --url, as https://shop.example/andon.');
  return {
    ...base,
    type,
    ...(options.url && { url: options.url }),
    ...(options.secret && { secret: (await readText(options.secret, io)).trim() }),
    ...(options.header && { headers: options.header }),
    ...(options.pingUrl && { pingUrl: options.pingUrl }),
    ...(options.verifyUrl && { verifyUrl: options.verifyUrl }),
    ...(options.timeout && { timeoutMs: options.timeout }),
  };
}

function listing(output: Output, endpoints: readonly Endpoint[]): string {
  const rows = endpoints.map(({ id: own, description, client, connector }) => [
    own,
    printable(description),
    client ?? '',
    connector.type,
    printable(String(connector['url'] ?? '')),
  ]);
  return output.table(['ID', 'DESCRIPTION', 'CLIENT', 'CONNECTOR', 'URL'], rows);
}
