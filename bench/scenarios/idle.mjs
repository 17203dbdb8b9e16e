import { Ledger } from '../lib/ledger.mjs';
import { callsOf, startMeter } from '../lib/meter.mjs';
import { inFlight } from '../lib/numbers.mjs';

export const title = 'Idle: every queue has run one item, then nothing happens for 10 s';

/** Memory is measured, so nothing runs before: no warm-up. */
const warmUp = null;

export const entries = [
  {
    contender: 'andon',
    size: { queues: 10_000, seconds: 10 },
    quick: { queues: 1_000, seconds: 3 },
    warmUp,
  },
  {
    contender: 'bullmq',
    size: { queues: 1_000, seconds: 10 },
    quick: { queues: 100, seconds: 3 },
    warmUp,
  },
  {
    contender: 'bullmq-shared',
    size: { queues: 1_000, seconds: 10 },
    quick: { queues: 100, seconds: 3 },
    warmUp,
  },
];

/** No ratios here: the sizes differ. */
export const figures = [
  { name: 'queues', title: 'queues', better: null },
  { name: 'connections', title: 'connections', better: null },
  { name: 'rssMiB', title: 'RSS MiB', better: null },
  { name: 'workerCpu', title: 'CPU % worker', better: null, digits: 2 },
  { name: 'redisCpu', title: 'CPU % Redis', better: null, digits: 2 },
  { name: 'sentPerSecond', title: 'sent/s', better: null, digits: 1 },
  { name: 'commandsPerSecond', title: 'commands/s', better: null, digits: 1 },
];

export async function prepare(line, { queues }) {
  await line.register(queues);
  await inFlight(queues, 50, (queue) => line.add(queue, 0, 1));
}

export async function measure(line, { queues, seconds }, { sent }) {
  const ledger = new Ledger(queues, 1);
  const workers = line.workers(queues, {
    begin: (queue, n) => ledger.begin(queue, n),
    settle: () => ledger.settle(),
  });
  await workers.run();
  await ledger.done();
  await ledger.check(line);
  await sleep(2_000);
  globalThis.gc?.();
  const meter = await startMeter(line.redis);
  const before = sent();
  await sleep(seconds * 1000);
  const made = sent() - before;
  const use = await meter.stop();
  const clients = (await line.redis.client('LIST')).trim().split('\n');
  const connections = clients.filter((client) => !/ name=bench /.test(client)).length;
  const rssMiB = process.memoryUsage().rss / 2 ** 20;
  await workers.stop();
  return {
    queues,
    connections,
    rssMiB,
    sentPerSecond: made / use.seconds,
    commandsPerSecond: callsOf(use.commands) / use.seconds,
    ...use,
  };
}

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
