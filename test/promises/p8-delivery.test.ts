import { describe, expect, it } from '@jest/globals';
import type { Delivery } from '../../src/connectors/connector.js';
import { Exchange } from '../../src/connectors/exchange.js';
import { httpType } from '../../src/connectors/http.js';
import { NetworkGuard } from '../../src/connectors/network.js';
import { done, fail, Line, tryAgain } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';
import { Witness } from '../support/witness.js';

const redis = await startTestRedis();
const witness = await new Witness().start();

describe('P8: at least once, always with the same key, and with the attempt number', () => {
  it('sends the queue id, a growing attempt and a growing fence over retries by machine and by hand', async () => {
    const line = await new Line(redis).ready();
    await line.put('channel', '12', { attempts: 2, firstDelayMs: 1, maxDelayMs: 1 });
    const seen: Delivery[] = [];
    line.script = (delivery) => {
      seen.push(delivery);
      return seen.length < 4 ? tryAgain : done;
    };
    const [a] = await line.add('12', 'a');
    await line.startFleet();
    await line.untilState(a!.queueId, 'failed');
    await line.transitions.retry(a!, 'x');
    await line.untilState(a!.queueId, 'completed');
    expect(seen.map((one) => one.queueId)).toEqual(Array(4).fill(a!.queueId));
    expect(seen.map((one) => one.attempt)).toEqual([1, 2, 3, 4]);
    const fences = seen.map((one) => one.fence);
    expect(fences).toEqual([...new Set(fences)].sort((x, y) => x - y));
  });

  it('sends the far side one key and a growing attempt, whatever it answered before', async () => {
    witness.answer = ({ attempt }) => (attempt < 3 ? 500 : 200);
    const http = httpType(new Exchange(new NetworkGuard(['127.0.0.0/8'])));
    const connector = http.create(http.parse({ type: 'http', url: witness.url }));
    const line = await new Line(redis).ready();
    await line.put('channel', '12', { attempts: 5, firstDelayMs: 1, maxDelayMs: 1 });
    line.script = (delivery) => connector.deliver(delivery);
    const [a] = await line.add('12', 'a');
    await line.startFleet();
    await line.untilState(a!.queueId, 'completed');
    const key = String(a!.queueId);
    expect(witness.sightings.map((one) => [one.key, one.attempt])).toEqual([
      [key, 1],
      [key, 2],
      [key, 3],
    ]);
  });

  it('tells the connector whose it is, in plain words', async () => {
    const line = await new Line(redis).ready('12');
    let seen: Delivery | undefined;
    line.script = (delivery) => {
      seen = delivery;
      delivery.log('sent to shelf 4');
      return { kind: 'done', result: { shelf: 4 } };
    };
    await line.startFleet();
    const [a] = await line.add('12', 'a');
    const item = await line.untilState(a!.queueId, 'completed');
    expect(seen).toMatchObject({
      instruction: 'add_product',
      description: 'Add product to channel 12',
      mode: 'blocking',
      channel: '12',
      source: null,
      entity: { kind: 'sku', key: 'a' },
      data: { sku: 'a', title: 'a' },
    });
    expect(item.outcome).toEqual({ result: { shelf: 4 } });
    expect(await line.finder.logs(item)).toEqual(['sent to shelf 4']);
  });

  it('fails, with words for a person, what has no channel, no known instruction, or data that is not whole', async () => {
    const line = await new Line(redis).ready('12', '13');
    await line.startFleet();
    const [unknown] = await line.enqueuer.enqueue([
      {
        queue: 'channel.12',
        instruction: 'paint_shop',
        data: {},
        title: '',
        entity: null,
        barrier: 'other',
        channel: '12',
        source: null,
        client: null,
        idempotencyKey: null,
      },
    ]);
    expect((await line.untilState(unknown!.queueId, 'failed')).error?.message).toBe(
      'there is no instruction "paint_shop" in the catalogue',
    );
    const [gone] = await line.add('gone', 'a');
    expect((await line.untilState(gone!.queueId, 'failed')).error?.message).toBe(
      'channel gone is not registered: put it, then retry',
    );
    const [broken] = await line.enqueuer.enqueue([
      {
        queue: 'channel.13',
        instruction: 'add_product',
        data: { sku: 'X' },
        title: '',
        entity: null,
        barrier: 'add',
        channel: '13',
        source: null,
        client: null,
        idempotencyKey: null,
      },
    ]);
    expect((await line.untilState(broken!.queueId, 'failed')).error?.message).toContain(
      'data.title',
    );
    expect(line.started).toEqual([]);
  });

  it('blocks when a connector breaks, with what it said', async () => {
    const line = await new Line(redis).ready('12');
    line.script = () => {
      throw new TypeError('price is not a function');
    };
    await line.startFleet();
    const [a] = await line.add('12', 'a');
    expect((await line.untilState(a!.queueId, 'failed')).error).toMatchObject({
      message: 'the connector broke: price is not a function',
      cause: 'bug',
    });
    line.script = () => fail;
  });
});
