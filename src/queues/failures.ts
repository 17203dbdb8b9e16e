import { parseEntity } from '../instructions/entity.js';
import type { Keys, QueueName } from '../redis/keys.js';
import type { Scripts } from '../redis/script.js';
import { type Item, readError, removedItem } from './item.js';
import type { Standing } from './standing.js';

/** What is known of a failed item without its data and history. */
export type Failure = Pick<
  Item,
  'queueId' | 'queue' | 'instruction' | 'title' | 'entity' | 'channel' | 'source' | 'client'
> & {
  readonly error: Omit<NonNullable<Item['error']>, 'at'>;
  /** When it failed, in milliseconds since 1970. */
  readonly at: number;
};

/** Items that one script reads: it holds Redis while it runs. */
const CHUNK = 500;

/** As `failures.lua` answers; what there is not is false. */
type Field = string | false;
type Row = [id: string, queue: QueueName, ...fields: Field[]];

/** The newest items that failed and were not dealt with; `more` when there are older ones. */
export async function readFailures(
  { scripts, keys, standing }: { scripts: Scripts; keys: Keys; standing: Standing },
  most: number,
): Promise<{ failures: Failure[]; more: boolean }> {
  const noted = await standing.failed(0, most + 1);
  const wanted = noted.slice(0, most);
  const since = new Map(wanted.map((one) => [one.queueId, one.since]));
  const failures: Failure[] = [];
  for (const shard of keys.shards) {
    const ids = wanted.flatMap(({ queueId }) => (keys.shardOfId(queueId) === shard ? queueId : []));
    for (let at = 0; at < ids.length; at += CHUNK) {
      const text = await scripts.run('failures', shard, ids.slice(at, at + CHUNK));
      for (const row of JSON.parse(String(text)) as Row[])
        failures.push(readRow(row, since.get(Number(row[0])) ?? 0));
    }
  }
  return { failures, more: noted.length > most };
}

function readRow([id, queue, ...fields]: Row, since: number): Failure {
  const [name, title, entity, channel, source, client, error, failedReason, errorAt] = fields;
  const removed = !name;
  const [kind, endpoint = null] = queue.split('.', 2);
  const stored = removed
    ? removedItem
    : { error: error || undefined, failedReason: failedReason || undefined };
  const { at: _, ...told } = readError(stored, 'failed') ?? noError;
  return {
    queueId: Number(id),
    queue,
    instruction: name || '',
    title: removed ? removedItem.title : title || '',
    entity: entity ? parseEntity(entity) : null,
    channel: channel || (kind === 'channel' ? endpoint : null),
    source: source || (kind === 'source' ? endpoint : null),
    client: client || null,
    error: told,
    at: errorAt ? Number(errorAt) : since,
  };
}

const noError = { message: 'no error was recorded', cause: 'bug', at: null };
