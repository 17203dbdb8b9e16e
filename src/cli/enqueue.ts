import { type Command, InvalidArgumentError, Option } from 'commander';
import type { NewItem } from '../client/shapes.js';
import { parseEntity } from '../instructions/entity.js';
import { entity, id, instruction } from './checks.js';
import { readObject } from './input.js';
import type { Io } from './io.js';
import { addCommand, sessionOf } from './session.js';

interface EnqueueOptions {
  channel?: string;
  source?: string;
  client?: string;
  data: string;
  title?: string;
  entity?: string;
  idempotencyKey?: string;
}

/** `andon enqueue`: one item. */
export function addEnqueue(program: Command, io: Io): void {
  addCommand(program, 'enqueue', 'enqueue one item', [
    `enqueue add_product --channel 12 --data '{"sku":"TSH-RED-M","title":"Red T-shirt"}'`,
    'enqueue add_order --source sage --data @order.json --idempotency-key order-1001',
  ])
    .argument('<instruction>', 'what is to be done, as add_product', instruction)
    .option('--channel <id>', 'the channel it is for', id)
    .addOption(
      new Option('--source <id>', 'the source it is for').argParser(id).conflicts('channel'),
    )
    .option('--client <id>', 'the client, for an item with neither', id)
    .requiredOption('--data <json>', 'JSON, @file, or - for stdin (required)')
    .option('--title <text>', 'what operators read')
    .option('--entity <kind:key>', 'business key, unless the data tells it', entity)
    .option('--idempotency-key <key>', 'the same key enqueues once, within 7 days', idempotencyKey)
    .action(async (name: string, options: EnqueueOptions, command: Command) => {
      const { client, output } = sessionOf(command, io);
      const accepted = await client.enqueue(await itemOf(name, options, io), {
        idempotencyKey: options.idempotencyKey,
      });
      const { queueId, queue, replayed, position } = accepted;
      output.print(accepted, () =>
        replayed
          ? `${queueId} was enqueued already, in ${queue}.`
          : `${queueId} is enqueued in ${queue}${position > 0 ? `, position ${position}` : ''}.`,
      );
    });
}

async function itemOf(name: string, options: EnqueueOptions, io: Io): Promise<NewItem> {
  const named = options.entity === undefined ? null : parseEntity(options.entity);
  return {
    instruction: name,
    channel: options.channel,
    source: options.source,
    client: options.client,
    data: await readObject('--data', options.data, io),
    ...(named && { entity: named }),
    ...(options.title && { title: options.title }),
  };
}

function idempotencyKey(text: string): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(text))
    throw new InvalidArgumentError('A key has 1 to 255 visible ASCII characters, no blanks.');
  return text;
}
