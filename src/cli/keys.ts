import { type Command, InvalidArgumentError } from 'commander';
import { collect } from '../client/client.js';
import { type NewKey, type Scope, scopes } from '../client/shapes.js';
import { id, ids } from './checks.js';
import type { Io } from './io.js';
import { printable } from './output.js';
import { addCommand, sessionOf } from './session.js';
import { age } from './words.js';

interface CreateOptions {
  scope: Scope[];
  description?: string;
  client?: string;
  channel?: string[];
  source?: string[];
}

/** `andon keys`: API keys for programs and people. */
export function addKeys(program: Command, io: Io): void {
  const group = program.command('keys').description('create, list and revoke API keys');

  addCommand(group, 'create', 'create a key; it is shown once', [
    'keys create --scope enqueue --client acme --description "ERP of Acme"',
    'keys create --scope read,operate --channel 12 --channel 13',
  ])
    .requiredOption(
      '--scope <scopes>',
      `${scopes.join(', ')}; several with commas (required)`,
      scopeList,
    )
    .option('--description <text>', 'who uses it')
    .option('--client <id>', 'only for what is of this client', id)
    .option('--channel <id>', 'only for this channel; may be repeated', ids)
    .option('--source <id>', 'only for this source; may be repeated', ids)
    .action(async (options: CreateOptions, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const settings: NewKey = {
        scopes: options.scope,
        description: options.description,
        client: options.client,
        channels: options.channel,
        sources: options.source,
      };
      const created = await client.createKey(settings);
      // The key alone on stdout, so that a script can take it.
      output.print(created, () => created.key);
      output.note(`This is the only time that the secret of key ${created.id} is shown.`);
    });

  addCommand(group, 'list', 'list keys, without their secrets', ['keys list']).action(
    async (_: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const items = await collect(client.keys());
      const rows = items.map((key) => [
        key.id,
        key.scopes.join(' '),
        key.client ?? '',
        key.lastUsedAt ? `${age(key.lastUsedAt)} ago` : 'never',
        printable(key.description ?? ''),
      ]);
      const headings = ['ID', 'SCOPES', 'CLIENT', 'LAST USED', 'DESCRIPTION'];
      output.print({ items }, () => output.table(headings, rows));
    },
  );

  addCommand(group, 'revoke', 'make a key worthless at once', ['keys revoke k7f3a'])
    .argument('<id>', 'id of the key, the part before its dot', id)
    .action(async (given: string, _: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      await client.revokeKey(given);
      output.print({ id: given, revoked: true }, () => `Key ${given} is revoked.`);
    });
}

function scopeList(text: string, before: Scope[] = []): Scope[] {
  const given = text.split(',').map((each) => each.trim());
  const isScope = (each: string): each is Scope => (scopes as readonly string[]).includes(each);
  if (!given.every(isScope)) throw new InvalidArgumentError(`Scopes are ${scopes.join(', ')}.`);
  return [...new Set([...before, ...given])];
}
