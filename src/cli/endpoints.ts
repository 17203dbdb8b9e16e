import type { Command } from 'commander';
import { collect } from '../client/client.js';
import {
  type Endpoint,
  type EndpointKind,
  type EndpointSettings,
  endpointKinds,
} from '../client/shapes.js';
import type { JsonObject } from '../json.js';
import { header, id } from './checks.js';
import { UsageError } from './exit.js';
import { readObject, readText } from './input.js';
import type { Io } from './io.js';
import { type Output, printable } from './output.js';
import { addCommand, sessionOf } from './session.js';

interface PutOptions {
  description: string;
  connectorType?: string;
  connector?: string;
  url?: string;
  secret?: string;
  header?: Record<string, string>;
  client?: string;
  recordUrl?: string;
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
    addCommand(group, 'delete', `delete a ${kind} that has no items`, [`${kind} delete 12`])
      .argument('<id>', `id of the ${kind}`, id)
      .action(async (given: string, _: unknown, command: Command) => {
        const { client, output } = sessionOf(command, io);
        await client.deleteEndpoint(kind, given);
        output.print({ id: given, deleted: true }, () => `${kind} ${given} is deleted.`);
      });
  }
}

function addPut(group: Command, kind: EndpointKind, io: Io): void {
  const examples = [
    `${kind} put 12 --description "Cape Shopify" --connector-type http --url https://shop.example/andon`,
    `--url http://andon.example ${kind} put 12 …   (another Andon: its --url stands first)`,
  ];
  addCommand(group, 'put', `create or change a ${kind}`, examples, { ownUrl: true })
    .argument('<id>', `id of the ${kind}`, id)
    .requiredOption('--description <text>', 'what operators read')
    .option('--connector-type <type>', 'http, email, webhook, demo …')
    .option('--url <url>', 'http: where items are posted to')
    .option('--secret <secret>', 'http: signs the posts; text, @file, or - for stdin')
    .option('--header <name: value>', 'http: one more header; may be repeated', header)
    .option('--connector <json>', 'all settings of the connector: JSON, @file, or - for stdin')
    .option('--client <id>', 'business that owns it', id)
    .option('--record-url <url>', 'where a record can be seen, with {sku} or {orderNumber}')
    .action(async (given: string, options: PutOptions, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const settings: EndpointSettings = {
        description: options.description,
        connector: await connectorOf(options, io),
        client: options.client,
        recordUrl: options.recordUrl,
      };
      const endpoint = await client.putEndpoint(kind, given, settings);
      output.print(endpoint, () => listing(output, [endpoint]));
      if (endpoint.secret)
        output.note(`Signing secret, shown only now: ${printable(endpoint.secret)}`);
    });
}

async function connectorOf(options: PutOptions, io: Io): Promise<EndpointSettings['connector']> {
  const whole: JsonObject =
    options.connector === undefined ? {} : await readObject('--connector', options.connector, io);
  const type = options.connectorType ?? whole['type'];
  if (typeof type !== 'string')
    throw new UsageError('Say how items get there, with --connector-type http --url URL.');
  if (type === 'http' && !URL.canParse(String(options.url ?? whole['url'])))
    throw new UsageError('A connector of type http needs --url, as https://shop.example/andon.');
  return {
    ...whole,
    type,
    ...(options.url && { url: options.url }),
    ...(options.secret && { secret: (await readText(options.secret, io)).trim() }),
    ...(options.header && { headers: options.header }),
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
