import type { Command } from 'commander';
import { queueName } from './checks.js';
import type { Io } from './io.js';
import { addCommand, sessionOf } from './session.js';
import { queueTable } from './words.js';

/** What an operator does with a queue by hand: pause, resume, clear. */
export function addSteering(program: Command, io: Io): void {
  addCommand(program, 'pause', 'let nothing of a queue start', [
    'pause channel.12 --reason "the shop is being rebuilt"',
  ])
    .argument('<queue>', 'channel.ID, source.ID or parallel', queueName)
    .option('--reason <text>', 'why; others see it')
    .action(async (given: string, { reason }: { reason?: string }, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const queue = await client.pause(given, reason);
      output.print(queue, () => queueTable(output, [queue]));
    });

  addCommand(program, 'resume', 'lift a pause; never a block', ['resume channel.12'])
    .argument('<queue>', 'channel.ID, source.ID or parallel', queueName)
    .action(async (given: string, _: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const queue = await client.resume(given);
      output.print(queue, () => queueTable(output, [queue]));
    });

  addCommand(program, 'clear', 'skip everything that waits in a queue', [
    'clear channel.12 --reason "the shop was closed"',
  ])
    .argument('<queue>', 'channel.ID, source.ID or parallel', queueName)
    .requiredOption('--reason <text>', 'why, for the record (required)')
    .action(async (queue: string, { reason }: { reason: string }, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const answer = await client.clear(queue, reason);
      output.print(answer, () => `${answer.cleared} that waited in ${queue} were skipped.`);
    });
}
