/**
 * What an item takes of Redis' memory: while it waits, when it is completed, by the size of its data; and
 * what a queue, an idempotency key and a line of the audit take.
 *   node bench/bytes.mjs [--items 5000]
 * Measured as the growth of `used_memory` of a private Redis, so indexes and overheads are in it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { Deliveries } from '../dist/blocking/deliveries.js';
import { Audit } from '../dist/queues/audit.js';
import { Enqueuer } from '../dist/queues/enqueue.js';
import { Registry } from '../dist/queues/registry.js';
import { EmbeddedRedis } from '../dist/redis/embedded.js';
import { Keys } from '../dist/redis/keys.js';
import { Scripts } from '../dist/redis/script.js';

const { values } = parseArgs({ options: { items: { type: 'string', default: '5000' } } });
const ITEMS = Number(values.items);
const directory = await mkdtemp(join(tmpdir(), 'andon-bytes-'));
const server = new EmbeddedRedis({ dataDir: directory });
await server.start();
const redis = new Redis(server.url);

async function used() {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))[1]);
}

/** Growth a piece while `work` runs. */
async function grows(pieces, work) {
  const before = await used();
  await work();
  return Math.round(((await used()) - before) / pieces);
}

function product(n, bytes, key) {
  const data = { sku: `SKU-${n}`, title: `Shirt ${n}`, html: '' };
  data.html = 'x'.repeat(Math.max(0, bytes - JSON.stringify(data).length));
  return {
    queue: 'channel.12',
    instruction: 'update_product',
    data,
    title: `SKU-${n}`,
    entity: { kind: 'sku', key: `SKU-${n}` },
    barrier: 'none',
    channel: '12',
    source: null,
    client: 'cape',
    idempotencyKey: key ? `update-${n}-2026-11-21` : null,
  };
}

async function measure(bytes, key) {
  await redis.flushall();
  const keys = new Keys('bytes', 1);
  const scripts = new Scripts(redis, keys);
  const enqueuer = new Enqueuer(redis, scripts, keys);
  const deliveries = new Deliveries(scripts, keys, {
    lockMs: 60_000,
    worker: 'bench',
    keepFinished: ITEMS,
  });
  await new Registry(redis, scripts, keys).spreadIds('channel.12');
  const first = product(0, bytes, key);
  await enqueuer.enqueue([{ ...first, idempotencyKey: null }]);
  const shard = keys.shardOf('channel.12');
  const waiting = await grows(ITEMS, async () => {
    for (let at = 1; at <= ITEMS; at += 500)
      await enqueuer.enqueue(Array.from({ length: 500 }, (_, n) => product(at + n, bytes, key)));
  });
  const more = await grows(ITEMS, async () => {
    let [claim] = await deliveries.claim(shard, 'blocking', 1, 'bench:1');
    while (claim) {
      const settled = await deliveries.complete(claim, { id: 'gid://shop/Product/123456' }, true);
      claim = settled.next;
    }
  });
  return { waiting, completed: waiting + more };
}

console.log(`${ITEMS} items each, Redis ${/redis_version:(\S+)/.exec(await redis.info())[1]}`);
console.log('data of an item    waiting    completed   (bytes an item)');
for (const bytes of [200, 1_000, 4_000, 16_000, 64_000]) {
  const { waiting, completed } = await measure(bytes, false);
  console.log(`${bytes} bytes`.padEnd(18), String(waiting).padEnd(10), completed);
}
const [plain, keyed] = [await measure(200, false), await measure(200, true)];
console.log(`an idempotency key, 7 days: ${keyed.waiting - plain.waiting} bytes`);

await redis.flushall();
const keys = new Keys('bytes', 1);
const audit = new Audit(redis, keys);
const line = await grows(10_000, async () => {
  for (let n = 0; n < 10_000; n++)
    await audit.write('thandi@cape.example', 'retry', { queueId: n, reason: 'the shop is back' });
});
console.log(`a line of the audit: ${line} bytes`);

await redis.flushall();
const registry = new Registry(redis, new Scripts(redis, keys), keys);
const queue = await grows(500, async () => {
  const enqueuer = new Enqueuer(redis, new Scripts(redis, keys), keys);
  for (let n = 0; n < 500; n++) {
    const endpoint = {
      kind: 'channel',
      id: `c${n}`,
      description: `Shop number ${n}`,
      client: null,
      connector: { type: 'http', url: `https://connect.example.com/${n}` },
      retry: null,
      rateLimit: null,
      resendUnknown: false,
      recordUrl: null,
    };
    await registry.put(endpoint, {});
    await enqueuer.enqueue([{ ...product(n, 200), queue: `channel.c${n}`, channel: `c${n}` }]);
  }
});
console.log(`a queue with one item of 200 bytes: ${queue} bytes`);

redis.disconnect();
await server.stop();
await rm(directory, { recursive: true, force: true });
