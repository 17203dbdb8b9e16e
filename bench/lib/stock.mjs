import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { countQueues } from './counts.mjs';
import { dataOf, INSTRUCTION, numberOf } from './item.mjs';
import { inFlight } from './numbers.mjs';

/**
 * One stock BullMQ Worker a queue, concurrency 1.
 * @param {{ shared: boolean }} how `shared`: all workers send their commands over one connection, as
 *   BullMQ allows; each still needs one of its own to wait on
 */
export async function openStock(url, prefix, { shared }) {
  const redis = new Redis(url, { maxRetriesPerRequest: null, connectionName: 'bench' });
  const queues = new Map();
  const queueOf = (n) => {
    if (!queues.has(n)) queues.set(n, new Queue(`q${n}`, { connection: redis, prefix }));
    return queues.get(n);
  };

  return {
    redis,

    register: (count) => inFlight(count, 50, (queue) => queueOf(queue).waitUntilReady()),

    add(queue, from, count) {
      if (count === 1) return queueOf(queue).add(INSTRUCTION, dataOf(queue, from));
      return queueOf(queue).addBulk(
        Array.from({ length: count }, (_, n) => ({
          name: INSTRUCTION,
          data: dataOf(queue, from + n),
        })),
      );
    },

    workers(count, { begin, settle }) {
      const { hostname: host, port, password } = new URL(url);
      const options = { host, port: Number(port), password, maxRetriesPerRequest: null };
      const common = shared ? new Redis(options) : null;
      let workers = [];
      const make = (autorun) => {
        workers = Array.from({ length: count }, (_, queue) =>
          new Worker(`q${queue}`, async (job) => begin(queue, numberOf(job.data)), {
            connection: common ?? options,
            prefix,
            concurrency: 1,
            autorun,
          })
            .on('completed', settle)
            .on('failed', (_, error) => console.error('bullmq:', error))
            .on('error', (error) => console.error('bullmq:', error.message)),
        );
      };
      return {
        async ready() {
          make(false);
          await Promise.all(workers.map((worker) => worker.waitUntilReady()));
        },
        async run() {
          if (workers.length === 0) make(true);
          else for (const worker of workers) void worker.run();
        },
        async stop() {
          await Promise.all(workers.map((worker) => worker.close(true)));
          common?.disconnect();
        },
      };
    },

    counts: (count) => countQueues(redis, count, (queue, part) => `${prefix}:q${queue}:${part}`),

    async close() {
      for (const queue of queues.values()) await queue.close();
      redis.disconnect();
    },
  };
}
