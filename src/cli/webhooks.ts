import { type Command, InvalidArgumentError } from 'commander';
import { collect } from '../client/client.js';
import type { Webhook, WebhookSettings } from '../client/shapes.js';
import { id } from './checks.js';
import type { Io } from './io.js';
import { type Output, printable } from './output.js';
import { addCommand, sessionOf } from './session.js';

interface PutOptions {
  to: string;
  description: string;
  client?: string;
  event?: string[];
}

/** `andon webhook`: the addresses that send_webhook may send to. */
export function addWebhooks(program: Command, io: Io): void {
  const group = program
    .command('webhook')
    .description('put, list, show, rotate, enable and delete webhooks');

  addCommand(group, 'put', 'create a webhook, or set all of it anew', [
    'webhook put crm --to https://crm.example/hooks --description "CRM of Acme" --event order.created',
  ])
    .argument('<id>', 'id of the webhook', id)
    .requiredOption('--to <url>', 'where events are posted to')
    .requiredOption('--description <text>', 'what operators read')
    .option('--client <id>', 'business that owns it', id)
    .option(
      '--event <name>',
      'takes this event only; may be repeated',
      (one, all: string[] = []) => [...all, one],
    )
    .action(async (given: string, options: PutOptions, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const settings: WebhookSettings = {
        url: options.to,
        description: options.description,
        client: options.client,
        events: options.event,
      };
      const webhook = await client.putWebhook(given, settings);
      output.print(webhook, () => listing(output, [webhook]));
      if (webhook.secret) tellSecret(output, webhook.secret);
    });

  addCommand(group, 'list', 'list webhooks', ['webhook list']).action(
    async (_: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const items = await collect(client.webhooks());
      output.print({ items, nextCursor: null }, () => listing(output, items));
    },
  );

  addCommand(group, 'show', 'show one webhook', ['webhook show crm'])
    .argument('<id>', 'id of the webhook', id)
    .action(async (given: string, _: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const webhook = await client.webhook(given);
      output.print(webhook, () => JSON.stringify(webhook, null, 2));
    });

  addCommand(group, 'rotate', 'make a new signing secret; the old one signs as well for a while', [
    'webhook rotate crm',
    'webhook rotate crm --overlap-hours 72',
  ])
    .argument('<id>', 'id of the webhook', id)
    .option('--overlap-hours <n>', 'how long both sign; 24 unless given', hours)
    .action(async (given: string, options: { overlapHours?: number }, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const webhook = await client.rotateWebhook(given, options.overlapHours);
      output.print(
        webhook,
        () => `The former secret signs as well until ${webhook.formerSignsUntil}.`,
      );
      tellSecret(output, webhook.secret);
    });

  addCommand(group, 'enable', 'send again to one that answered 410 Gone', ['webhook enable crm'])
    .argument('<id>', 'id of the webhook', id)
    .action(async (given: string, _: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const webhook = await client.enableWebhook(given);
      output.print(webhook, () => listing(output, [webhook]));
    });

  addCommand(group, 'delete', 'delete a webhook', ['webhook delete crm'])
    .argument('<id>', 'id of the webhook', id)
    .action(async (given: string, _: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      await client.deleteWebhook(given);
      output.print({ id: given, deleted: true }, () => `webhook ${given} is deleted.`);
    });
}

function tellSecret(output: Output, secret: string): void {
  output.note(`Signing secret, shown only now: ${printable(secret)}`);
}

function hours(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) > 720)
    throw new InvalidArgumentError('Must be a whole number from 0 to 720.');
  return Number(text);
}

function listing(output: Output, webhooks: readonly Webhook[]): string {
  const rows = webhooks.map(({ id: own, description, client, events, disabled, url }) => [
    own,
    printable(description),
    client ?? '',
    disabled ? `disabled: ${printable(disabled.reason)}` : 'on',
    printable(events?.join(' ') ?? 'all'),
    printable(url),
  ]);
  return output.table(['ID', 'DESCRIPTION', 'CLIENT', 'STATE', 'EVENTS', 'URL'], rows);
}
