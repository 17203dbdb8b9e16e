import type { Command } from 'commander';
import type { AndonClient } from '../client/client.js';
import type { Queue } from '../client/shapes.js';
import { queueName } from './checks.js';
import type { Io } from './io.js';
import { addCommand, sessionOf } from './session.js';
import { queueTable } from './words.js';

/** What an operator does with a queue by hand: pause, resume, clear. */
export function addSteering(program: Command, io: Io): void {
  const verb = (
    name: string,
    summary: string,
    act: (client: AndonClient, queue: string) => Promise<Queue>,
  ) =>
    addCommand(program, name, summary, [`${name} channel.12`])
      .argument('<queue>', 'channel.ID, source.ID or parallel', queueName)
      .action(async (given: string, _: unknown, command: Command) => {
        const { client, output } = sessionOf(command, io);
        const queue = await act(client, given);
        output.print(queue, () => queueTable(output, [queue]));
      });

  verb('pause', 'let nothing of a queue start', (client, queue) => client.pause(queue));
  verb('resume', 'lift a pause; never a block', (client, queue) => client.resume(queue));

  addCommand(program, 'clear', 'skip everything that waits in a queue', [
    'clear channel.12 --reason "the shop was closed"',
  ])
    .argument('<queue>', 'channel.ID, source.ID or parallel', queueName)
    .requiredOption('--reason <text>', 'why, for the record')
    .action(async (queue: string, { reason }: { reason: string }, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const answer = await client.clear(queue, reason);
      output.print(answer, () => `${answer.cleared} that waited in ${queue} were skipped.`);
    });
}
