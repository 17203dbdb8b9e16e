import { type Command, Option } from 'commander';
import {
  type BulkAnswer,
  type BulkRetry,
  type Item,
  type ItemFilter,
  type SkipScope,
  skipScopes,
} from '../client/shapes.js';
import { editsOf } from './changes.js';
import { count, queueId, queueIds } from './checks.js';
import { NothingMatched, UsageError } from './exit.js';
import { readObject } from './input.js';
import { calledAs, type Io } from './io.js';
import { needsHelp } from './item-page.js';
import { filterOf, withFilter } from './look.js';
import { printable } from './output.js';
import { assign, newFields, readAssignment } from './paths.js';
import { addCommand, type Session, sessionOf } from './session.js';
import { itemTable, state } from './words.js';

interface ManyOptions extends Omit<ItemFilter, 'state'> {
  state?: BulkRetry['state'];
  canary?: number;
  dryRun?: boolean;
  reason?: string;
  scope?: SkipScope;
}

/** What an operator does with failed items: retry, skip, resolve, edit. */
export function addOperating(program: Command, io: Io): void {
  const retry = addCommand(program, 'retry', 'run failed items again, before all behind them', [
    'retry 1042',
    'retry --queue channel.12 --error "timed out" --dry-run',
  ]);
  many(
    retry,
    async (session, ids, options) => {
      const { client } = session;
      if (ids.length > 0) await each(session, ids, (id) => client.retry(id));
      else await bulk(session, options, await client.retryMany(requestOf(options)));
    },
    io,
  );

  const skip = addCommand(program, 'skip', 'leave failed items undone and go on', [
    'skip 1042 --reason "deleted in the shop"',
    'skip 1042 --scope entity --reason "no longer sold"',
  ])
    .option('--reason <text>', 'why, for the record')
    .addOption(
      new Option('--scope <scope>', 'also what waits for the same entity').choices(skipScopes),
    );
  many(
    skip,
    async (session, ids, options) => {
      const { client } = session;
      const { reason, scope } = options;
      if (ids.length > 0) await each(session, ids, (id) => client.skip(id, { reason, scope }));
      else
        await bulk(
          session,
          options,
          await client.skipMany({ ...requestOf(options), reason, scope }),
        );
    },
    io,
  );

  addCommand(program, 'resolve', 'record that a failed item was put right by hand', [
    'resolve 1042 --reference INV-7731',
  ])
    .argument('<id>', 'queue id', queueId)
    .option('--reference <text>', 'what it became, as an order number')
    .option('--reason <text>', 'why, for the record')
    .action(async (id: number, how: { reference?: string; reason?: string }, command: Command) => {
      const session = sessionOf(command, io);
      const { reference, reason } = how;
      await each(session, [id], () => session.client.resolve(id, { reference, reason }));
    });

  addCommand(program, 'edit', 'change the data of a waiting or failed item', [
    'edit 1042 --set title="Ocean Blue Shirt" --set variants.0.price=49.5',
    'edit 1042 --data @product.json',
  ])
    .argument('<id>', 'queue id', queueId)
    .option('--set <name=value>', 'one field, may be repeated; := for JSON, as tags:=[]', gather)
    .option('--data <json>', 'all data: JSON, @file, or - for stdin')
    .action(async (id: number, options: { set?: string[]; data?: string }, command: Command) => {
      const session = sessionOf(command, io);
      const assignments = (options.set ?? []).map(readAssignment);
      if (assignments.length === 0 && options.data === undefined)
        throw new UsageError('Say what to change, with --set name=value or --data.');
      const base =
        options.data === undefined
          ? (await session.client.item(id)).data
          : await readObject('--data', options.data, io);
      const item = await session.client.edit(id, assign(base, assignments));
      const { output } = session;
      if (options.data === undefined)
        for (const line of newFields(base, assignments)) output.note(printable(line));
      const changed = [...editsOf(item).values()].at(-1) ?? [];
      output.print(item, () => changed.map(printable).join('\n') || 'Nothing changed.');
      if (needsHelp(item)) output.note(`Now run it again: ${output.andon} retry ${id}`);
    });
}

const gather = (text: string, before: string[] = []): string[] => [...before, text];

type Many = (session: Session, ids: number[], options: ManyOptions) => Promise<void>;

/** A verb takes ids, or a filter over many: never both, never neither. */
function many(command: Command, act: Many, io: Io): void {
  withFilter(command, ['failed', 'backing-off'])
    .argument('[ids...]', 'queue ids', queueIds)
    .option('--canary <n>', 'with a filter: only the first n', count)
    .option('--dry-run', 'with a filter: show what would be done')
    .action(async (ids: number[], options: ManyOptions, self: Command) => {
      const filtered = Object.values(filterOf(options)).some((value) => value !== undefined);
      if (ids.length > 0 === filtered)
        throw new UsageError(
          `Give queue ids or a filter such as --queue: ${calledAs(io)} ${self.name()} --help`,
        );
      if (ids.length > 0 && (options.canary || options.dryRun))
        throw new UsageError('--canary and --dry-run go with a filter, not with queue ids.');
      await act(sessionOf(self, io), ids, options);
    });
}

const requestOf = (options: ManyOptions): BulkRetry => ({
  ...filterOf(options),
  canary: options.canary,
  dryRun: options.dryRun,
});

/** One after another, in the order given; what was done before a refusal is told. */
async function each({ output }: Session, ids: number[], act: (id: number) => Promise<Item>) {
  const done: Item[] = [];
  try {
    for (const id of ids) done.push(await act(id));
  } finally {
    const document = ids.length === 1 ? done[0] : { items: done };
    const line = (item: Item) =>
      `${item.queueId} ${state(output, item.state)}  ${printable([item.description, item.title].filter(Boolean).join(' · '))}`;
    if (done.length > 0) output.print(document, () => done.map(line).join('\n'));
  }
}

async function bulk({ output }: Session, { dryRun }: ManyOptions, answer: BulkAnswer) {
  const { items, remaining } = answer;
  output.print(answer, () => (items.length > 0 ? itemTable(output, items) : ''));
  if (items.length === 0) throw new NothingMatched('No item matches.');
  const left = remaining > 0 ? `, ${remaining} more match` : '';
  output.note(`${items.length} ${dryRun ? 'would be changed' : 'changed'}${left}.`);
}
