import { loadConfig } from '../../dist/config/load.js';
import { Fleet } from '../../dist/fleet/fleet.js';
import { loadCatalogue } from '../../dist/instructions/catalogue.js';
import { entityOf, titleOf } from '../../dist/instructions/entity.js';
import { Enqueuer } from '../../dist/queues/enqueue.js';
import { Registry } from '../../dist/queues/registry.js';
import { closeRedis, connectRedis, untilReady } from '../../dist/redis/connect.js';
import { Keys } from '../../dist/redis/keys.js';
import { Scripts } from '../../dist/redis/script.js';
import { countQueues } from '../lib/counts.mjs';
import { dataOf, INSTRUCTION, numberOf } from '../lib/item.mjs';
import { inFlight } from '../lib/numbers.mjs';

export const title = "Andon's fleet";

const catalogue = loadCatalogue();
const entry = catalogue.get(INSTRUCTION);

/** @param prefix keeps a warm-up apart from what is measured */
export async function open(url, prefix) {
  const config = loadConfig({ ANDON_PREFIX: prefix });
  const keys = new Keys(prefix, config.shards);
  const redis = connectRedis(url, { name: 'bench', kind: 'fleet' });
  await untilReady(redis, 5_000);
  const scripts = new Scripts(redis, keys);
  const registry = new Registry(redis, scripts, keys);
  const enqueuer = new Enqueuer(redis, scripts, keys);

  return {
    redis,

    register: (queues) =>
      inFlight(queues, 50, (queue) =>
        registry.put(
          {
            kind: 'channel',
            id: `c${queue}`,
            description: `Channel ${queue}`,
            client: null,
            connector: { type: 'bench' },
            retry: null,
            recordUrl: null,
          },
          {},
        ),
      ),

    /** One request: the items `from` … `from + count - 1` of a queue. */
    add: (queue, from, count) =>
      enqueuer.enqueue(Array.from({ length: count }, (_, n) => accepted(queue, from + n))),

    /** Workers for queues 0 to `queues` - 1; `begin` and `settle` as in the ledger. */
    workers(_queues, { begin, settle }) {
      const connector = {
        deliver: async (delivery) => {
          begin(Number(delivery.channel.slice(1)), numberOf(delivery.data));
          return { kind: 'done' };
        },
      };
      const fleet = new Fleet({
        config,
        keys,
        catalogue,
        // The fleet says "done" when the result is stored: what the clock waits for.
        log: {
          debug: (_, text) => text === 'done' && settle(),
          info() {},
          warn: tell,
          error: tell,
        },
        giveUp: tell,
        open: (kind, name) => connectRedis(url, { name, kind }),
        close: (connection) => closeRedis(connection, 1_000),
        connect: async () => connector,
      });
      return {
        // Its start is three connections; there is nothing to have ready.
        ready: async () => {},
        run: () => fleet.start(),
        stop: () => fleet.stop(),
      };
    },

    counts: (queues) =>
      countQueues(redis, queues, (queue, part) => keys.queue(`channel.c${queue}`, part)),

    close: () => closeRedis(redis, 1_000),
  };
}

function accepted(queue, n) {
  const data = dataOf(queue, n);
  const entity = entityOf(entry, data);
  return {
    queue: `channel.c${queue}`,
    instruction: INSTRUCTION,
    data,
    title: titleOf(entity, data),
    entity,
    barrier: entry.barrier,
    channel: `c${queue}`,
    source: null,
    client: null,
    idempotencyKey: null,
  };
}

const tell = (...what) => console.error('andon:', ...what);
