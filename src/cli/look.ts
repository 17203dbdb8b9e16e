import { type Command, Option } from 'commander';
import { type AndonClient, collect } from '../client/client.js';
import { causes, type Item, type ItemFilter, itemStates, type Page } from '../client/shapes.js';
import { count, entity, id, instruction, queueId, queueName, since } from './checks.js';
import { NothingMatched } from './exit.js';
import { fleetInWords, fleetOf } from './fleet.js';
import type { Io } from './io.js';
import { itemPage } from './item-page.js';
import { printable } from './output.js';
import { addCommand, sessionOf } from './session.js';
import { age, itemTable, queueTable, state } from './words.js';

/** The longest page that the API gives. */
const PAGE = 200;

/** Commands that only look: items, item, queues, summary. */
export function addLooking(program: Command, io: Io): void {
  const items = addCommand(program, 'items', 'list items', [
    'items --state failed',
    'items --queue channel.12 --since 2h',
  ]);
  withFilter(items)
    .option('--limit <n>', 'how many at most', count, 50)
    .action(async ({ limit, ...filter }: ItemFilter & { limit: number }, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const page = await search(client, filterOf(filter), limit);
      output.print(page, () => (page.items.length > 0 ? itemTable(output, page.items) : ''));
      if (page.items.length === 0) throw new NothingMatched('No item matches.');
      if (page.nextCursor) output.note(`More match than these ${limit}: raise --limit.`);
    });

  addCommand(program, 'item', 'show one item: state, error, data, history, log', ['item 1042'])
    .argument('<id>', 'queue id', queueId)
    .action(async (given: number, _: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const item = await client.item(given);
      // When a head is tried again is known to its queue, as the queue waits with it.
      const waits = item.state === 'backing-off' && item.mode === 'blocking' && !output.json;
      const queue = waits ? await client.queue(item.queue) : undefined;
      output.print(item, () => itemPage(output, item, queue));
    });

  addCommand(program, 'queues', 'list queues, or show one', ['queues', 'queues channel.12'])
    .argument('[queue]', 'channel.ID, source.ID or parallel', queueName)
    .action(async (name: string | undefined, _: unknown, command: Command) => {
      const { client, output } = sessionOf(command, io);
      if (name) {
        const queue = await client.queue(name);
        output.print(queue, () => queueTable(output, [queue]));
        return;
      }
      const [queues, fleet] = await Promise.all([collect(client.queues()), fleetOf(client)]);
      output.print({ items: queues, nextCursor: null }, () => queueTable(output, queues));
      if (fleet?.paused) output.note(fleetInWords(fleet));
    });

  addCommand(program, 'summary', 'what waits, failed and is blocked, by client and queue', [
    'summary',
  ]).action(async (_: unknown, command: Command) => {
    const { client, output } = sessionOf(command, io);
    const summary = await client.summary();
    const rows = summary.items.map((line) => [
      line.client ?? '',
      line.queue,
      state(output, line.state),
      String(line.waiting),
      String(line.failed),
      line.cause ?? '',
      age(line.oldestWaitingAt),
      printable(line.description),
    ]);
    const headings = [
      'CLIENT',
      'QUEUE',
      'STATE',
      'WAITING',
      'FAILED',
      'CAUSE',
      'OLDEST',
      'DESCRIPTION',
    ];
    output.print(summary, () => output.table(headings, rows));
  });
}

/** The options that choose items, for lists and for verbs over many. */
export function withFilter(command: Command, states: readonly string[] = itemStates): Command {
  return command
    .addOption(new Option('--state <state>', 'only in this state').choices([...states]))
    .option('--queue <queue>', 'only in channel.ID, source.ID or parallel', queueName)
    .option('--entity <kind:key>', 'only of this SKU, order …, as sku:TSH-RED-M', entity)
    .option('--instruction <name>', 'only this instruction', instruction)
    .option('--client <id>', 'only of this client', id)
    .addOption(new Option('--cause <class>', 'only with this class of error').choices([...causes]))
    .option('--error <text>', 'only with this text in the error')
    .option('--since <when>', 'only enqueued since 30m, 2h, 7d or a time', since);
}

/** The filter alone, out of options that hold more. */
export const filterOf = <F extends ItemFilter>(options: F): Pick<F, keyof ItemFilter> => ({
  state: options.state,
  queue: options.queue,
  entity: options.entity,
  instruction: options.instruction,
  client: options.client,
  cause: options.cause,
  error: options.error,
  since: options.since,
});

/** Pages up to the limit as one, with the cursor that goes on behind it. */
async function search(client: AndonClient, filter: ItemFilter, limit: number): Promise<Page<Item>> {
  const found: Item[] = [];
  let cursor: string | null = null;
  do {
    const size: number = Math.min(PAGE, limit - found.length);
    const at = { limit: size, ...(cursor && { cursor }) };
    const page: Page<Item> = await client.searchPage(filter, at);
    found.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor && found.length < limit);
  return { items: found, nextCursor: cursor };
}
