import { type Command, InvalidArgumentError } from 'commander';
import { collect } from '../client/client.js';
import { type Role, roles, type UserChange } from '../client/shapes.js';
import { ids } from './checks.js';
import type { Io } from './io.js';
import { printable } from './output.js';
import { addCommand, sessionOf } from './session.js';
import { age } from './words.js';

interface AddOptions {
  role: Role;
  fullName?: string;
  client?: string[];
}

/** `andon users`: the people who log in at the desk. */
export function addUsers(program: Command, io: Io): void {
  const group = program.command('users').description('add, list and change users of the desk');

  addCommand(group, 'add', 'add a user; the first password is shown once', [
    'users add jane --role operator',
    'users add acme --role viewer --client acme --full-name "Acme, accounts"',
  ])
    .argument('<name>', 'for the login', userName)
    .requiredOption('--role <role>', `${roles.join(', ')} (required)`, role)
    .option('--full-name <text>', 'how colleagues call this person')
    .option('--client <id>', 'sees only this client; may be repeated', ids)
    .action(async (name: string, options: AddOptions, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const { role: given, fullName, client: clients } = options;
      const made = await client.addUser({ name, role: given, fullName, clients: clients ?? null });
      // The password alone on stdout, so that a script can take it.
      output.print(made, () => made.password ?? '');
      output.note(`This is the only time that the password of ${name} is shown.`);
    });

  addCommand(group, 'list', 'list users', ['users list']).action(
    async (_: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const items = await collect(client.users());
      const rows = items.map((user) => [
        user.name,
        user.role,
        user.clients?.join(' ') ?? 'all',
        user.lastLoginAt ? `${age(user.lastLoginAt)} ago` : 'never',
        user.disabled ? 'disabled' : '',
        printable(user.fullName),
      ]);
      const headings = ['NAME', 'ROLE', 'CLIENTS', 'LAST LOGIN', 'STATE', 'FULL NAME'];
      output.print({ items }, () => output.table(headings, rows));
    },
  );

  addCommand(group, 'password', 'make a new password; it is shown once', ['users password jane'])
    .argument('<name>', 'of the user', userName)
    .action(async (name: string, _: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const made = await client.newPassword(name);
      output.print(made, () => made.password ?? '');
      output.note(`The old password and all sessions of ${name} count no more.`);
    });

  const changes: readonly [string, string, UserChange, string][] = [
    ['disable', 'log a user out and let nobody in by that name', { disabled: true }, 'disabled'],
    ['enable', 'let a disabled user in again', { disabled: false }, 'enabled'],
  ];
  for (const [verb, summary, change, done] of changes) {
    addCommand(group, verb, summary, [`users ${verb} jane`])
      .argument('<name>', 'of the user', userName)
      .action(async (name: string, _: unknown, command: Command) => {
        const { client, output } = sessionOf(command, io);
        const user = await client.changeUser(name, change);
        output.print(user, () => `User ${name} is ${done}.`);
      });
  }
}

function role(text: string): Role {
  if ((roles as readonly string[]).includes(text)) return text as Role;
  throw new InvalidArgumentError(`Roles are ${roles.join(', ')}.`);
}

function userName(text: string): string {
  const name = text.trim().toLowerCase();
  if (/^[a-z0-9._@+-]{1,64}$/.test(name)) return name;
  throw new InvalidArgumentError('A name has 1 to 64 letters, digits or one of . _ @ + -');
}
