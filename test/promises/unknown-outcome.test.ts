import { describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../src/connectors/connector.js';
import type { Endpoint } from '../../src/queues/registry.js';
import { accept, done, Line, type LineOptions } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();

const unknown: Outcome = {
  kind: 'unknown',
  failure: { message: 'it gave no answer within 30 s', cause: 'connection' },
};
const quick = { attempts: 3, firstDelayMs: 10, maxDelayMs: 10 };

/** A line with one ERP, at which every delivery ends unknown until told otherwise. */
async function erpLine(more: Partial<Endpoint> = {}, options: LineOptions = {}): Promise<Line> {
  const line = await new Line(redis, options).ready();
  await line.put('source', 'erp', quick, undefined, null, { description: 'Sage', ...more });
  line.script = () => unknown;
  return line;
}

async function addOrder(line: Line, orderNumber = '1001'): Promise<number> {
  const order = accept('add_order', { source: 'erp' }, { orderNumber });
  const [ticket] = await line.enqueuer.enqueue([order]);
  return ticket!.queueId;
}

describe('when nobody knows whether an order arrived', () => {
  it('it is not sent again: it fails and says where to look and what to do', async () => {
    const line = await erpLine();
    await line.startFleet();
    const item = await line.untilState(await addOrder(line), 'failed');
    expect(item.error).toMatchObject({
      cause: 'connection',
      message:
        'Nobody knows whether order 1001 reached Sage: it gave no answer within 30 s. Look there. If it is ' +
        'there, resolve this item with its number; if not, retry: then it is sent.',
    });
    expect(line.started).toEqual(['1001']);
  });

  it('a person’s retry sends it', async () => {
    const line = await erpLine();
    await line.startFleet();
    const queueId = await addOrder(line);
    await line.untilState(queueId, 'failed');
    line.script = () => done;
    await line.transitions.retry({ queue: 'parallel', queueId }, 'vera');
    await line.untilState(queueId, 'completed');
    expect(line.started).toEqual(['1001', '1001']);
  });

  it('a retry stands for one sending: unknown once more fails once more', async () => {
    const line = await erpLine();
    await line.startFleet();
    const queueId = await addOrder(line);
    await line.untilState(queueId, 'failed');
    await line.transitions.retry({ queue: 'parallel', queueId }, 'vera');
    await until('the second sending', () => line.started.length === 2);
    await line.untilState(queueId, 'failed');
  });

  it('a far side that is set to take it twice gets it again', async () => {
    const line = await erpLine({ resendUnknown: true });
    line.script = ({ attempt }) => (attempt < 3 ? unknown : done);
    await line.startFleet();
    await line.untilState(await addOrder(line), 'completed');
    expect(line.started).toHaveLength(3);
  });

  it('and it is found there, it is done, with what was found', async () => {
    const line = await erpLine();
    line.verify = async ({ entity }) => ({
      kind: 'there',
      result: { invoice: `INV-${entity?.key}` },
    });
    await line.startFleet();
    const item = await line.untilState(await addOrder(line), 'completed');
    expect(item.outcome).toEqual({
      result: { alreadyDone: true, result: { invoice: 'INV-1001' } },
    });
    expect(item.history).toContainEqual(
      expect.objectContaining({ action: 'found', actor: 'the fleet' }),
    );
    expect(line.started).toEqual(['1001']);
  });

  it('and it is found there, what it causes is enqueued all the same', async () => {
    const line = await erpLine();
    await line.put('channel', '12');
    line.verify = async () => ({
      kind: 'there',
      followUps: [{ instruction: 'update_product', channel: '12', data: { sku: 'sold' } }],
    });
    await line.startFleet();
    const order = await line.untilState(await addOrder(line), 'completed');
    expect(order.caused).toBe(1);
    await line.untilStarted(2);
    expect((await line.finder.search({ queue: 'channel.12' }, 5)).items).toMatchObject([
      { instruction: 'update_product', causedBy: order.queueId },
    ]);
  });

  it('and it is found there, but was changed here since, a person is told instead of it being done', async () => {
    const line = await erpLine();
    await line.startFleet();
    const queueId = await addOrder(line);
    await line.untilState(queueId, 'failed');
    line.verify = async () => ({ kind: 'there' });
    const address = { queue: 'parallel', queueId } as const;
    const data = { orderNumber: '1001', note: 'blue' };
    const entity = { kind: 'order', key: '1001' };
    await line.transitions.edit(address, { actor: 'vera', data, title: '1001', entity });
    await line.transitions.retry(address, 'vera');
    const told = await until('the second failure', async () => {
      const { state, error } = await line.item(queueId);
      return state === 'failed' && error?.cause === 'conflict' ? error.message : undefined;
    });
    expect(told).toContain('It arrived before its data was changed here');
    line.verify = async () => ({ kind: 'not-there' });
    line.script = () => done;
    await line.transitions.retry(address, 'vera');
    await line.untilState(queueId, 'completed');
    expect(line.started).toEqual(['1001', '1001']);
  });

  it('and it is not there, it is sent', async () => {
    const line = await erpLine();
    line.verify = async () => ({ kind: 'not-there' });
    line.script = ({ attempt }) => (attempt === 1 ? unknown : done);
    await line.startFleet();
    await line.untilState(await addOrder(line), 'completed');
    expect(line.started).toHaveLength(2);
  });

  it('and nobody can tell, it is asked again, never sent, and in the end a person is called', async () => {
    const line = await erpLine({}, { hold: { outages: false } });
    let asked = 0;
    line.verify = async () => {
      asked += 1;
      return { kind: 'unknown', failure: { message: 'the search is down', cause: 'connection' } };
    };
    await line.startFleet();
    const item = await line.untilState(await addOrder(line), 'failed');
    expect(item.error?.message).toContain(
      'Nobody knows whether order 1001 reached Sage: the search',
    );
    expect(asked).toBe(2);
    expect(line.started).toEqual(['1001']);
  });

  it('and the look itself breaks, that is no reason to send', async () => {
    const line = await erpLine();
    line.verify = async () => {
      throw new TypeError('rows is undefined');
    };
    await line.startFleet();
    const item = await line.untilState(await addOrder(line), 'failed');
    expect(item.error?.message).toContain('rows is undefined');
    expect(line.started).toEqual(['1001']);
  });

  it('a time-out of the network, a stop in mid-delivery and a lost worker are all the same', async () => {
    const line = await erpLine();
    line.script = () => new Promise(() => {});
    const fleet = await line.startFleet();
    const queueId = await addOrder(line);
    await until('the delivery', () => line.started.length === 1);
    await fleet.stop();
    expect((await line.item(queueId)).state).toBe('waiting');
    await line.startFleet();
    const item = await line.untilState(queueId, 'failed');
    expect(item.error?.message).toContain('the worker that was sending it stopped');
    expect(line.started).toEqual(['1001']);
  });

  it('what was known of an earlier attempt is not doubted: a refusal is retried as ever', async () => {
    const line = await erpLine();
    line.script = ({ attempt }) =>
      attempt === 1 ? { kind: 'retry', failure: { message: 'busy', cause: 'conflict' } } : done;
    let asked = 0;
    line.verify = async () => {
      asked += 1;
      return { kind: 'not-there' };
    };
    await line.startFleet();
    await line.untilState(await addOrder(line), 'completed');
    expect(asked).toBe(0);
  });
});

describe('when nobody knows whether a product arrived', () => {
  it('it is sent again, as twice is the same as once, and nothing overtakes it', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', quick);
    line.script = ({ attempt }) => (attempt === 1 ? unknown : done);
    await line.startFleet();
    const [, b] = await line.add('12', 'a', 'b');
    await line.untilState(b!.queueId, 'completed');
    expect(line.started).toEqual(['a', 'a', 'b', 'b']);
  });

  it('a connector that can look is asked first, also after the worker was stopped', async () => {
    const line = await new Line(redis).ready('12');
    line.verify = async () => ({ kind: 'there' });
    line.script = () => new Promise(() => {});
    const fleet = await line.startFleet();
    const [a] = await line.add('12', 'a');
    await until('the delivery', () => line.started.length === 1);
    await fleet.stop();
    await line.startFleet();
    await line.untilState(a!.queueId, 'completed');
    expect(line.started).toEqual(['a']);
  });
});
