import type { Command } from 'commander';
import { collect } from '../client/client.js';
import type { Recipient } from '../client/shapes.js';
import { id, ids } from './checks.js';
import { UsageError } from './exit.js';
import type { Io } from './io.js';
import { printable } from './output.js';
import { addCommand, sessionOf } from './session.js';

interface Where {
  client?: string;
  channel?: string[];
  source?: string[];
}

/** `andon recipients`: who is told of what. */
export function addRecipients(program: Command, io: Io): void {
  const group = program.command('recipients').description('who is told by mail of which failures');

  addCommand(group, 'list', 'top level of each client, overrides, and what is amiss', [
    'recipients list',
  ]).action(async (_: unknown, command: Command) => {
    const { client, output } = sessionOf(command, io);
    const [lists, overrides, warnings] = await Promise.all([
      collect(client.alertLists()),
      collect(client.overrides()),
      collect(client.alertWarnings()),
    ]);
    const rows = [
      ...lists.map((list) => ['', list.client ?? '', 'everything', '', named(list.recipients)]),
      ...lists.flatMap(({ client: own, escalation }) =>
        escalation
          ? [
              [
                '',
                own ?? '',
                `after ${escalation.afterMs / 60_000} min`,
                '',
                named(escalation.recipients),
              ],
            ]
          : [],
      ),
      ...overrides.map((one) => [
        one.id,
        one.client ?? '',
        one.types.join(' '),
        narrowing(one.channels, one.sources),
        named(one.recipients),
      ]),
    ];
    output.print({ lists, overrides, warnings }, () =>
      rows.length === 0
        ? `Nobody is set yet: ${output.andon} recipients set ADDRESS`
        : output.table(['OVERRIDE', 'CLIENT', 'GETS', 'ONLY FOR', 'WHO'], rows),
    );
    for (const { detail } of warnings) output.note(printable(detail));
  });

  addCommand(group, 'set', 'set the top level of a client as a whole', [
    'recipients set --client acme ann@acme.example "Ben <ben@acme.example>"',
    'recipients set ops@andon.example   (for what belongs to no client)',
  ])
    .argument('[addresses...]', 'who gets everything that no override takes away')
    .option('--client <id>', 'whose; left out for what belongs to no client', id)
    .option('--only-errors', 'not of orders created and products fetched')
    .option('--none', 'nobody any more')
    .action(
      async (
        given: string[],
        options: Where & { none?: boolean; onlyErrors?: boolean },
        command: Command,
      ) => {
        if (given.length === 0 && !options.none)
          throw new UsageError('Give the addresses, or --none for nobody.');
        const { client, output } = sessionOf(command, io);
        const before = (await collect(client.alertLists())).find(
          (one) => one.client === (options.client ?? null),
        );
        const list = await client.putAlertList({
          client: options.client,
          recipients: given.map(recipientOf),
          successes: !options.onlyErrors,
          escalation: before?.escalation ?? undefined,
        });
        output.print(
          list,
          () =>
            `${named(list.recipients) || 'nobody'} ${given.length > 1 ? 'get' : 'gets'} everything.`,
        );
      },
    );

  addCommand(group, 'escalate', 'who is told as well when something stands unclaimed', [
    'recipients escalate --client acme --after 120 boss@acme.example',
  ])
    .argument('<addresses...>', 'who')
    .requiredOption('--after <minutes>', 'minutes that it stands (required)', Number)
    .option('--client <id>', 'whose; left out for what belongs to no client', id)
    .action(async (given: string[], options: Where & { after: number }, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const before = (await collect(client.alertLists())).find(
        (one) => one.client === (options.client ?? null),
      );
      const list = await client.putAlertList({
        client: options.client,
        recipients: before?.recipients ?? [],
        successes: before?.successes,
        escalation: { afterMs: options.after * 60_000, recipients: given.map(recipientOf) },
      });
      output.print(
        list,
        () =>
          `${named(given.map(recipientOf))} ${given.length > 1 ? 'are' : 'is'} told after ${options.after} minutes.`,
      );
    });

  narrowed(
    addCommand(group, 'override', 'these notifications go to others than the top level', [
      'recipients override queueError support@acme.example --client acme',
      'recipients override addSourceOrderError,syncOrderError sales@acme.example --channel 12',
    ])
      .argument('<types>', 'names of notifications, with commas between')
      .argument('<addresses...>', 'who gets them'),
  ).action(async (types: string, given: string[], options: Where, command: Command) => {
    const { client, output } = sessionOf(command, io);
    const made = await client.createOverride({
      client: options.client,
      types: types.split(',').map((each) => each.trim()),
      channels: options.channel,
      sources: options.source,
      recipients: given.map(recipientOf),
    });
    output.print(made, () => made.id);
    output.note(
      `The top level does not get these any more; andon recipients remove ${made.id} undoes it.`,
    );
  });

  addCommand(group, 'remove', 'remove an override', ['recipients remove o1a2b3c4'])
    .argument('<id>', 'id of the override', id)
    .action(async (given: string, _: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      await client.deleteOverride(given);
      output.print({ id: given, deleted: true }, () => `Override ${given} is removed.`);
    });

  addCommand(group, 'types', 'the notifications there are', ['recipients types']).action(
    async (_: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const items = await collect(client.notificationTypes());
      const rows = items.map((one) => [
        one.name,
        one.kind,
        one.narrowedBy.join(' '),
        one.description,
      ]);
      output.print({ items }, () => output.table(['NAME', 'KIND', 'NARROWED BY', 'TELLS'], rows));
    },
  );

  addCommand(group, 'test', 'who would be told of a notification, and who lost it', [
    'recipients test queueError --channel 12',
  ])
    .argument('<type>', 'name of a notification')
    .option('--client <id>', 'whose; left out, that of the channel or source', id)
    .option('--channel <id>', 'of which channel', id)
    .option('--source <id>', 'of which source', id)
    .action(
      async (
        type: string,
        where: { client?: string; channel?: string; source?: string },
        command: Command,
      ) => {
        const { client, output } = sessionOf(command, io);
        const verdict = await client.alertRoute({ type, ...where });
        const rows = [
          ...verdict.told.map((one) => [
            'told',
            named([one]),
            one.because.map(({ through }) => through).join(', '),
          ]),
          ...verdict.lost.map(({ address, override }) => [
            'lost it',
            address,
            `override ${override}`,
          ]),
        ];
        output.print(verdict, () => output.table(['', 'WHO', 'THROUGH'], rows));
        if (verdict.told.length === 0) output.note('Nobody would be told.');
      },
    );
}

const narrowed = (command: Command): Command =>
  command
    .option('--client <id>', 'whose; left out for what belongs to no client', id)
    .option('--channel <id>', 'only for this channel; may be repeated', ids)
    .option('--source <id>', 'only for this source; may be repeated', ids);

/** `Ben <ben@acme.example>` or an address alone; whether it is one, the API says. */
function recipientOf(text: string): Recipient {
  const [, name, address] = /^\s*(.*?)\s*<([^<>]*)>\s*$/.exec(text) ?? [];
  return address === undefined ? { address: text.trim(), name: '' } : { address, name: name ?? '' };
}

const named = (recipients: readonly Recipient[]): string =>
  recipients
    .map(({ address, name }) => printable(name ? `${name} <${address}>` : address))
    .join(', ');

const narrowing = (channels: readonly string[], sources: readonly string[]): string =>
  [...channels.map((one) => `channel ${one}`), ...sources.map((one) => `source ${one}`)].join(', ');
