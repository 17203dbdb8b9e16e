import { type Command, InvalidArgumentError, Option } from 'commander';
import { collect } from '../client/client.js';
import type { Incident, IncidentDetails } from '../client/shapes.js';
import type { Io } from './io.js';
import { type Output, printable } from './output.js';
import { addCommand, sessionOf } from './session.js';
import { age } from './words.js';

/** `andon incidents`: failures of one cause, who was told, who looks after them. */
export function addIncidents(program: Command, io: Io): void {
  const group = program
    .command('incidents')
    .description('failures of one cause: look, claim, snooze');

  addCommand(group, 'list', 'list incidents, newest first', ['incidents list --state open'])
    .addOption(new Option('--state <state>', 'open or over').choices(['open', 'over']))
    .action(async ({ state }: { state?: 'open' | 'over' }, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const items = await collect(client.incidents(state));
      output.print({ items, nextCursor: null }, () => listing(output, items));
    });

  addCommand(group, 'show', 'one incident: what stands, who was told', ['incidents show 17'])
    .argument('<id>', 'number of the incident', number)
    .action(async (given: number, _: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const incident = await client.incident(given);
      output.print(incident, () => page(output, incident));
    });

  addCommand(group, 'claim', 'you look after it: reminders and escalation stop', [
    'incidents claim 17',
  ])
    .argument('<id>', 'number of the incident', number)
    .action(async (given: number, _: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const incident = await client.claimIncident(given);
      output.print(incident, () => `Incident ${given} is claimed by ${incident.claimedBy}.`);
    });

  addCommand(group, 'release', 'give it back: reminders go on', ['incidents release 17'])
    .argument('<id>', 'number of the incident', number)
    .action(async (given: number, _: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const incident = await client.releaseIncident(given);
      output.print(incident, () => `Nobody looks after incident ${given} now.`);
    });

  addCommand(group, 'snooze', 'no mails about it for a while, unless it is over', [
    'incidents snooze 17 --minutes 90',
  ])
    .argument('<id>', 'number of the incident', number)
    .requiredOption('--minutes <n>', 'for how long (required)', number)
    .action(async (given: number, { minutes }: { minutes: number }, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const until = new Date(Date.now() + minutes * 60_000).toISOString();
      const incident = await client.snoozeIncident(given, until);
      output.print(incident, () => `No mails about incident ${given} before ${until}.`);
    });
}

function number(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('That is a whole number.');
  return Number(text);
}

function listing(output: Output, incidents: readonly Incident[]): string {
  const rows = incidents.map((one) => [
    String(one.id),
    one.state,
    `${one.open} of ${one.failures}`,
    age(one.since),
    printable(one.farSide),
    one.claimedBy ?? '',
    printable(one.error),
  ]);
  const headings = ['INCIDENT', 'STATE', 'STAND', 'AGE', 'FAR SIDE', 'CLAIMED BY', 'ERROR'];
  return rows.length === 0 ? 'No incidents.' : output.table(headings, rows);
}

function page(output: Output, incident: IncidentDetails): string {
  const told = (incident.told ?? []).flatMap(({ address, mails }) =>
    mails.map(({ stage, at, queueId }) => [
      address,
      stage,
      at ?? '',
      queueId === null ? '' : String(queueId),
    ]),
  );
  const items = incident.items.map((one) => [
    String(one.queueId),
    one.queue,
    one.kind,
    age(one.since),
    printable(one.error),
  ]);
  return [
    listing(output, [incident]),
    ...(items.length > 0
      ? [output.table(['QUEUE ID', 'QUEUE', 'STATE', 'AGE', 'ERROR'], items)]
      : []),
    ...(told.length > 0 ? [output.table(['TOLD', 'MAIL', 'AT', 'QUEUE ID'], told)] : []),
  ].join('\n\n');
}
