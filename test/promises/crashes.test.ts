import { describe, expect, it } from '@jest/globals';
import { DemoFarSide } from '../../src/connectors/demo/server.js';
import { pause } from '../../src/lifecycle.js';
import type { Endpoint } from '../../src/queues/registry.js';
import { FarSide } from '../support/far-side.js';
import { accept, Line } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { kill, startWorker } from '../support/workers.js';

/** `ANDON_CRASHES=100 npx jest test/promises/crashes` for a long look. */
const CRASHES = Number(process.env['ANDON_CRASHES'] ?? 3);
/** `ANDON_FOLLOW_UPS=5000 ANDON_FOLLOW_UP_KILLS=20` likewise. */
const FOLLOW_UPS = Number(process.env['ANDON_FOLLOW_UPS'] ?? 300);
const KILLS = Number(process.env['ANDON_FOLLOW_UP_KILLS'] ?? 3);

const LOCK_MS = 500;
const redis = await startTestRedis();
const range = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('a worker that is killed in the middle of add_order', () => {
  const order = (orderNumber: string) => accept('add_order', { source: 'erp' }, { orderNumber });

  async function lineTo(connector: Endpoint['connector']): Promise<Line> {
    const line = await new Line(redis).ready();
    await line.put('source', 'erp', { firstDelayMs: 20, maxDelayMs: 20 }, connector);
    return line;
  }

  it(
    `leaves exactly one order at the ERP, in ${CRASHES} of ${CRASHES} runs`,
    async () => {
      const demo = new DemoFarSide({ port: 0 });
      await demo.start();
      await fetch(`${demo.url}/fault`, {
        method: 'POST',
        body: JSON.stringify({ mode: 'slow', delayMs: 60 }), // booked at once, answered late
      });
      const erp = async () =>
        (await (await fetch(`${demo.url}/erps/erp`)).json()) as {
          orders: Record<string, unknown>;
          received: { key: string; status: number }[];
        };
      const line = await lineTo({ type: 'demo', url: demo.url });
      let found = 0;
      for (const run of range(CRASHES)) {
        const worker = await startWorker(line, redis.url, LOCK_MS);
        const [ticket] = await line.enqueuer.enqueue([order(`o${run}`)]);
        const { queueId } = ticket!;
        // Every third at any moment; the others when the order is booked and its answer under way.
        if (run % 3 !== 2)
          await until('the order to be booked', async () => (await erp()).orders[`o${run}`]);
        await pause(Math.random() * 60);
        await kill(worker);
        const heir = await startWorker(line, redis.url, LOCK_MS);
        const item = await line.untilState(queueId, 'completed');
        if (item.history.some(({ action }) => action === 'found')) found += 1;
        await kill(heir);
      }
      const { orders, received } = await erp();
      expect(Object.keys(orders)).toHaveLength(CRASHES);
      // Each was sent once; had one been sent again, the ERP would have answered 409 "already done".
      expect(received.map(({ status }) => status)).toEqual(range(CRASHES).map(() => 200));
      expect(found).toBeGreaterThan(0);
      if (CRASHES > 3) console.info(`${CRASHES} runs, ${CRASHES} orders, ${found} found by a look`);
      await demo.stop();
    },
    30_000 + CRASHES * 8_000,
  );

  it('leaves it to a person where the ERP cannot be asked, and sends nothing meanwhile', async () => {
    const erp = await FarSide.start();
    erp.answer = () => new Promise(() => {});
    const line = await lineTo({ type: 'http', url: erp.url, timeoutMs: 30_000 });
    const worker = await startWorker(line, redis.url, LOCK_MS);
    const [ticket] = await line.enqueuer.enqueue([order('o1')]);
    await until('the order to arrive', () => erp.deliveries.length === 1);
    await kill(worker);
    await startWorker(line, redis.url, LOCK_MS);
    const { error } = await line.untilState(ticket!.queueId, 'failed');
    expect(error?.message).toMatch(/^Nobody knows whether order o1 reached source erp: the worker/);
    expect(erp.deliveries).toHaveLength(1);
    erp.answer = () => ({ status: 200 });
    await line.transitions.retry(ticket!, 'vera');
    await line.untilState(ticket!.queueId, 'completed');
  }, 30_000);
});

describe('workers that are killed while an item fans out', () => {
  it(
    `${FOLLOW_UPS} follow-ups are each there once and in order after ${KILLS} kills`,
    async () => {
      const channels = ['1', '2', '3', '4', '5'];
      const parents = range(5).map((n) => `p${n}`);
      const each = FOLLOW_UPS / parents.length;
      const titles = (parent: string) => range(each).map((n) => `${parent}-${n}`);
      const channelOf = (n: number) => channels[n % channels.length]!;

      const side = await FarSide.start();
      side.answer = async ({ body: { instruction, data } }) => {
        if (instruction !== 'sync_products') return { status: 200 };
        await pause(20);
        const followUps = titles(String(data['parent'])).map((title, n) => ({
          instruction: 'add_product',
          channel: channelOf(n),
          data: { sku: title, title },
        }));
        return { status: 200, body: { followUps } };
      };
      const line = await new Line(redis).ready();
      const connector = { type: 'http', url: side.url, timeoutMs: 30_000 };
      await line.put('source', 'erp', null, connector);
      for (const id of channels) await line.put('channel', id, null, connector);
      const tickets = await line.enqueuer.enqueue(
        parents.map((parent) => accept('sync_products', { source: 'erp' }, { parent })),
      );
      const arrived = (what: string) =>
        side.deliveries.filter(({ body }) => body.instruction === what).length;
      const parentsSeen = () =>
        new Set(side.deliveries.flatMap(({ body }) => body.data['parent'] ?? [])).size;

      const crew = () => Promise.all([1, 2].map(() => startWorker(line, redis.url, LOCK_MS)));
      let workers = await crew();
      let met = 0;
      for (const _ of range(KILLS)) {
        // First around the success of each parent, then anywhere in what it caused.
        const before = arrived('add_product');
        // A parent that no kill has met yet: the third death of one would rightly block its queue.
        if (met < parents.length) await until('another parent', () => parentsSeen() > met, 30_000);
        else
          await until('children', () => {
            const now = arrived('add_product');
            return now >= FOLLOW_UPS || now - before > (Math.random() * FOLLOW_UPS) / KILLS;
          });
        await pause(Math.random() * 150);
        await Promise.all(workers.map((worker) => kill(worker)));
        met = parentsSeen();
        workers = await crew();
      }
      const last = channels.map((id) => `channel.${id}`);
      await until(
        'all to be done',
        async () => {
          const done = await Promise.all(last.map((name) => line.status(name)));
          return done.reduce((sum, { counts }) => sum + counts.completed, 0) === FOLLOW_UPS;
        },
        60_000,
      );
      const children = [];
      for await (const item of line.finder.all({ instruction: 'add_product' })) children.push(item);
      expect(children).toHaveLength(FOLLOW_UPS);
      expect(new Set(children.map(({ title }) => title)).size).toBe(FOLLOW_UPS);
      const causes = new Set(children.map(({ causedBy }) => causedBy));
      expect(causes).toEqual(new Set(tickets.map(({ queueId }) => queueId)));
      for (const [at, id] of channels.entries()) {
        const seen = side.deliveries.filter(({ body }) => body.channel === id);
        const firsts = [...new Set(seen.map(({ body }) => body.data['title']))];
        const wanted = parents.flatMap((parent) =>
          titles(parent).filter((_, n) => n % channels.length === at),
        );
        expect(firsts).toEqual(wanted);
      }
    },
    120_000 + KILLS * 5_000,
  );
});
