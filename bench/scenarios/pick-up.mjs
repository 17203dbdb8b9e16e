import { Ledger } from '../lib/ledger.mjs';
import { startMeter } from '../lib/meter.mjs';
import { percentile } from '../lib/numbers.mjs';

export const title = 'Pick-up: a steady 500 items/s over 1,000 queues';

const size = { queues: 1_000, perSecond: 500, seconds: 10 };
const quick = { queues: 100, perSecond: 500, seconds: 2 };

export const entries = [
  { contender: 'andon', size, quick },
  { contender: 'bullmq', size, quick, peer: true },
  { contender: 'bullmq-shared', size, quick },
];

export const figures = [
  { name: 'p50', title: 'p50 ms', better: 'less', digits: 2 },
  { name: 'p99', title: 'p99 ms', better: 'less', digits: 2 },
  { name: 'worst', title: 'worst ms', better: null, digits: 1 },
  { name: 'workerCpu', title: 'CPU % worker', better: 'less', digits: 1 },
  { name: 'redisCpu', title: 'CPU % Redis', better: 'less', digits: 1 },
];

export const prepare = (line, { queues }) => line.register(queues);

/**
 * From the moment the item is handed to the enqueue to the first line of its delivery. Producer and
 * worker share a process, and so a clock; the CPU of both is in the figure of the worker.
 */
export async function measure(line, { queues, perSecond, seconds }) {
  const total = perSecond * seconds;
  const each = total / queues;
  const ledger = new Ledger(queues, each);
  const handedAt = new Float64Array(total);
  const waits = [];
  const workers = line.workers(queues, {
    begin(queue, n) {
      waits.push(performance.now() - handedAt[n * queues + queue]);
      ledger.begin(queue, n);
    },
    settle: () => ledger.settle(),
  });
  await workers.ready();
  await workers.run();
  await sleep(1_000);
  const meter = await startMeter(line.redis);
  const adds = [];
  const startedAt = performance.now();
  for (let next = 0; next < total; await sleep(1)) {
    const due = Math.min(total, ((performance.now() - startedAt) / 1000) * perSecond);
    for (; next < due; next++) {
      handedAt[next] = performance.now();
      adds.push(line.add(next % queues, Math.floor(next / queues), 1));
    }
  }
  await Promise.all(adds);
  await ledger.done();
  const use = await meter.stop();
  await ledger.check(line);
  await workers.stop();
  return {
    p50: percentile(waits, 0.5),
    p99: percentile(waits, 0.99),
    worst: percentile(waits, 1),
    ...use,
  };
}

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
