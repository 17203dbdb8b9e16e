import { describe, expect, it } from '@jest/globals';
import { done, fail, Line } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();

describe('P3: after a failure nothing behind it starts until a person has dealt with it', () => {
  it('delivers in order, stops at the failed item and says why', async () => {
    const line = await new Line(redis).ready('12');
    line.script = ({ data }) => (data['title'] === 'c' ? fail : done);
    const [, , c] = await line.add('12', 'a', 'b', 'c', 'd', 'e');
    await line.startFleet();
    const failed = await line.untilState(c!.queueId, 'failed');
    expect(line.started).toEqual(['a', 'b', 'c']);
    expect(failed.error).toMatchObject({ message: 'the shop said no', cause: 'data' });
    expect(await line.status('channel.12')).toMatchObject({
      state: 'blocked',
      blocked: true,
      paused: false,
      blockedBy: { queueId: c!.queueId, title: 'c', error: 'the shop said no' },
      counts: { waiting: 2, failed: 1, completed: 2 },
    });
  });
});
