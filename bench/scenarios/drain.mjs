import { Ledger } from '../lib/ledger.mjs';
import { startMeter } from '../lib/meter.mjs';
import { inFlight } from '../lib/numbers.mjs';

export const title = 'Drain: 1,000 queues × 20 no-op items';

const size = { queues: 1_000, each: 20 };
const quick = { queues: 100, each: 20 };

export const entries = [
  { contender: 'andon', size, quick },
  { contender: 'bullmq', size, quick, peer: true },
  { contender: 'bullmq-shared', size, quick },
  {
    contender: 'bullmq',
    note: 'without start-up',
    size: { ...size, ready: true },
    quick: { ...quick, ready: true },
  },
  {
    contender: 'bullmq-shared',
    note: 'without start-up',
    size: { ...size, ready: true },
    quick: { ...quick, ready: true },
  },
];

export const figures = [
  { name: 'itemsPerSecond', title: 'items/s', better: 'more' },
  { name: 'ms', title: 'ms', better: null },
  { name: 'usWorker', title: 'µs an item: worker', better: 'less', digits: 1 },
  { name: 'usRedis', title: 'µs an item: Redis', better: 'less', digits: 1 },
];

export async function prepare(line, { queues, each }) {
  await line.register(queues);
  await inFlight(queues, 20, (queue) => line.add(queue, 0, each));
}

/** The clock starts with everything enqueued and stops when the last item is stored as done. */
export async function measure(line, { queues, each, ready }) {
  const ledger = new Ledger(queues, each);
  const workers = line.workers(queues, {
    begin: (queue, n) => ledger.begin(queue, n),
    settle: () => ledger.settle(),
  });
  if (ready) await workers.ready();
  const meter = await startMeter(line.redis);
  await workers.run();
  await ledger.done();
  const use = await meter.stop();
  await ledger.check(line);
  await workers.stop();
  return {
    itemsPerSecond: ledger.total / use.seconds,
    ms: use.seconds * 1000,
    usWorker: ((use.workerCpu / 100) * use.seconds * 1e6) / ledger.total,
    usRedis: ((use.redisCpu / 100) * use.seconds * 1e6) / ledger.total,
    ...use,
  };
}
