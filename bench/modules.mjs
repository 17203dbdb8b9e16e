/**
 * What a thread of a `module` connector costs: `node bench/modules.mjs [threads]`. Memory of the process,
 * time to the first answer, time of a call beside the same function called directly.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { moduleType } from '../dist/connectors/module/module.js';
import { ModuleThreads } from '../dist/connectors/module/threads.js';
import { deliveryOf } from '../dist/testing/delivery.js';

const count = Number(process.argv[2] ?? 20);
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const threads = new ModuleThreads(
  { directory: 'test/support/modules', memoryMb: 256, keptThreads: count },
  silent,
);
const type = moduleType(threads);
const settings = type.parse({ type: 'module', path: 'tricks.js' });
const delivery = () => deliveryOf({ instruction: 'add_product', data: { sku: 'A', title: 'ok' } });
const mb = (bytes) => (bytes / 1024 / 1024).toFixed(1);
const median = (times) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)].toFixed(2);

const before = process.memoryUsage.rss();
const starts = [];
const connectors = [];
for (let n = 0; n < count; n += 1) {
  const start = performance.now();
  const connector = await type.create(settings, `channel.${n}`);
  await connector.deliver(delivery());
  starts.push(performance.now() - start);
  connectors.push(connector);
}
await wait(500);
console.log(`${count} threads: ${mb((process.memoryUsage.rss() - before) / count)} MB each`);
console.log(`first answer of a new thread: ${median(starts)} ms (median)`);

const calls = [];
for (let n = 0; n < 2_000; n += 1) {
  const start = performance.now();
  await connectors[n % count].deliver(delivery());
  calls.push(performance.now() - start);
}
console.log(
  `a call: ${median(calls)} ms (median), ${calls[Math.floor(calls.length * 0.99)].toFixed(2)} ms (99 %)`,
);
const start = performance.now();
await Promise.all(
  Array.from({ length: 5_000 }, (_, n) => connectors[n % count].deliver(delivery())),
);
console.log(`5,000 calls at once: ${Math.round(5_000_000 / (performance.now() - start))} a second`);
await threads.stop();
