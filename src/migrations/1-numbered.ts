import { PARALLEL } from '../redis/keys.js';
import { isSealed } from '../secrets/vault.js';
import type { Ground, Migration } from './migration.js';

/** Items that one script looks at: it holds Redis while it runs. */
const CHUNK = 500;

/**
 * The data of Andon 0.1 before layouts had numbers. Secrets could lie there plainly; lists over all queues,
 * the counters of kinds and the index of entities came later than the items, and only short queues were ever
 * put right on the way.
 */
export const numbered: Migration = {
  to: 1,
  does: 'seals secrets that lie plainly; counts every queue anew and indexes every item by its entity',

  async look({ redis, keys, registry }) {
    const secrets = Object.values(await redis.hgetall(keys.registry.secrets));
    const plain = secrets.filter((text) => !isSealed(text)).length;
    const queues = await registry.everyQueueName();
    const items = await Promise.all(
      keys.shards.map((shard) => redis.hlen(keys.ours(shard, 'items'))),
    );
    const all = items.reduce((sum, one) => sum + one, 0);
    return `${plain} of ${secrets.length} secrets, ${queues.length} queues, ${all} items`;
  },

  async run(ground, say) {
    const { sealed } = await ground.registry.sealAll({ plainOnly: true });
    say(`${sealed} secrets sealed`);
    const queues = new Set([PARALLEL, ...(await ground.registry.everyQueueName())]);
    for (const queue of queues)
      await ground.scripts.run('recount', ground.keys.shardOf(queue), [queue]);
    say(`${queues.size} queues counted`);
    say(`${await reindex(ground)} items indexed`);
  },
};

async function reindex({ redis, keys, scripts }: Ground): Promise<number> {
  let items = 0;
  for (const shard of keys.shards) {
    let cursor = '0';
    do {
      const [next, found] = await redis.hscan(
        keys.ours(shard, 'items'),
        cursor,
        'COUNT',
        String(CHUNK),
      );
      cursor = next;
      // A hash of few is given whole, however many were asked for.
      for (let at = 0; at < found.length; at += CHUNK * 2) {
        const pairs = found.slice(at, at + CHUNK * 2);
        items += Number(await scripts.run('reindex', shard, pairs));
      }
    } while (cursor !== '0');
  }
  return items;
}
