import type { Command } from 'commander';
import type { AndonClient } from '../client/client.js';
import { ApiProblem } from '../client/problem.js';
import type { Fleet } from '../client/shapes.js';
import { UsageError } from './exit.js';
import type { Io } from './io.js';
import { printable } from './output.js';
import { addCommand, sessionOf } from './session.js';
import { age } from './words.js';

/** How often it is looked whether the last deliveries are through, in milliseconds. */
const LOOK_MS = 500;

/** `andon fleet`: everything stops, for maintenance, and goes on where it stood. */
export function addFleet(program: Command, io: Io): void {
  const group = program.command('fleet').description('stop and start all queues together');

  addCommand(group, 'pause', 'let nothing start anywhere; what comes is accepted and waits', [
    'fleet pause --reason "new Redis" --wait',
  ])
    .requiredOption('--reason <text>', 'why; others see it (required)')
    .option('--wait', 'until what runs now is finished')
    .action(async ({ reason, wait }: { reason: string; wait?: boolean }, command: Command) => {
      const { client, output } = sessionOf(command, io);
      let fleet = await client.pauseFleet(reason);
      if (wait && fleet.running > 0) {
        output.note(`${fleet.running} deliveries run still; waiting for them.`);
        fleet = await untilQuiet(client);
      }
      output.print(fleet, () => fleetInWords(fleet));
    });

  addCommand(group, 'resume', 'let the fleet go on; lifts no block and no pause of a queue', [
    'fleet resume',
  ]).action(async (_: unknown, command: Command) => {
    const { client, output } = sessionOf(command, io);
    const fleet = await client.resumeFleet();
    output.print(fleet, () => fleetInWords(fleet));
  });

  addCommand(group, 'status', 'whether the fleet is paused, and what runs', [
    'fleet status',
  ]).action(async (_: unknown, command: Command) => {
    const { client, output } = sessionOf(command, io);
    const fleet = await client.fleet();
    output.print(fleet, () => fleetInWords(fleet));
  });
}

async function untilQuiet(client: AndonClient): Promise<Fleet> {
  for (;;) {
    const fleet = await client.fleet();
    if (!fleet.paused) throw new UsageError('somebody resumed the fleet meanwhile');
    if (fleet.running === 0) return fleet;
    await new Promise((wake) => setTimeout(wake, LOOK_MS));
  }
}

/** Null when the Andon that answers is an older one, which knows no such thing. */
export async function fleetOf(client: AndonClient): Promise<Fleet | null> {
  try {
    return await client.fleet();
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return null;
    throw error;
  }
}

export function fleetInWords({ paused, running }: Fleet): string {
  const now = running === 1 ? '1 delivery runs' : `${running} deliveries run`;
  if (!paused) return `The fleet runs; ${now} now.`;
  const { by, at, reason } = paused;
  const rest = running > 0 ? ` ${now} still.` : ' Nothing runs.';
  return `The fleet is paused for ${age(at)}, by ${printable(by)}: ${printable(reason)}.${rest} Go on with andon fleet resume.`;
}
