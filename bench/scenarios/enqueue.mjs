import { startMeter } from '../lib/meter.mjs';
import { inFlight } from '../lib/numbers.mjs';

export const title =
  'Enqueue: 20,000 single requests (64 under way) and 1,000 batches of 100 (4 under way)';

const single = { queues: 1_000, requests: 20_000, batch: 1, inFlight: 64 };
const batch = { queues: 1_000, requests: 1_000, batch: 100, inFlight: 4 };
const less = (size) => ({ ...size, queues: 100, requests: size.requests / 10 });

export const entries = [
  { contender: 'andon', note: 'single', size: single, quick: less(single), group: 'single' },
  {
    contender: 'bullmq',
    note: 'single',
    size: single,
    quick: less(single),
    group: 'single',
    peer: true,
  },
  { contender: 'andon', note: 'batches of 100', size: batch, quick: less(batch), group: 'batch' },
  {
    contender: 'bullmq',
    note: 'addBulk of 100',
    size: batch,
    quick: less(batch),
    group: 'batch',
    peer: true,
  },
];

export const figures = [
  { name: 'itemsPerSecond', title: 'items/s', better: 'more' },
  { name: 'usProducer', title: 'µs an item: producer', better: 'less', digits: 1 },
  { name: 'usRedis', title: 'µs an item: Redis', better: 'less', digits: 1 },
];

export const prepare = (line, { queues }) => line.register(queues);

/** Each request goes to one queue, the next request to the next queue; no worker runs. */
export async function measure(line, { queues, requests, batch: count, inFlight: width }) {
  const meter = await startMeter(line.redis);
  await inFlight(requests, width, (request) =>
    line.add(request % queues, Math.floor(request / queues) * count, count),
  );
  const use = await meter.stop();
  const total = requests * count;
  const stored = (await line.counts(queues)).reduce((sum, { left }) => sum + left, 0);
  if (stored !== total) throw new Error(`wrong result: ${stored} of ${total} items stored`);
  return {
    itemsPerSecond: total / use.seconds,
    usProducer: ((use.workerCpu / 100) * use.seconds * 1e6) / total,
    usRedis: ((use.redisCpu / 100) * use.seconds * 1e6) / total,
    ...use,
  };
}
