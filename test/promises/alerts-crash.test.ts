import { describe, expect, test } from '@jest/globals';
import { LeaseLost } from '../../src/alerts/ledger.js';
import { MINUTE, Watch } from '../support/alerts.js';
import { fail, Line } from '../support/line.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();

class Killed extends Error {}

/** Dies before or after its n-th call to the outside; what it holds in memory is gone with it. */
function dying<T extends object>(target: T, methods: readonly string[], at: { left: number }): T {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name);
      if (typeof value !== 'function') return value;
      if (!methods.includes(String(name))) return value.bind(object);
      return async (...args: unknown[]) => {
        at.left -= 1;
        if (at.left === 0) throw new Killed('before');
        const answer = await value.apply(object, args);
        at.left -= 1;
        if (at.left === 0) throw new Killed('after');
        return answer;
      };
    },
  });
}

describe('an alerter that is killed', () => {
  test('at any step leaves one record and one mail for each stage', async () => {
    let steps = 0;
    for (let kill = 1; ; kill += 1) {
      const line = await new Line(redis).ready();
      await line.put('channel', '1', null, { type: 'http', url: 'https://shops.example/1' });
      await line.put('service', 'email');
      const watch = new Watch(line, { gatherMs: 0, calmMs: 0 });
      await watch.recipients.putList({
        recipients: ['ann@x.example', 'ben@x.example'].map((address) => ({ address, name: '' })),
      });
      watch.deliver = () => fail;
      await line.startFleet();
      const [item] = await line.add('1', 'a');
      await line.untilState(item!.queueId, 'failed');

      const at = { left: kill };
      const doomed = watch.another(
        dying(line.enqueuer, ['enqueue'], at),
        dying(watch.ledger, ['write', 'nextIncident', 'lead'], at),
      );
      const died = await doomed.turn().then(
        () => false,
        () => true,
      );
      // As a killed process leaves it, the lease has to run out first.
      await line.redis.del(line.keys.alerts.lease);

      await watch.look();
      await watch.delivered();
      watch.deliver = () => ({ kind: 'done' });
      await line.transitions.retry({ queue: 'channel.1', queueId: item!.queueId }, 'ann');
      await line.untilState(item!.queueId, 'completed');
      await watch.pass(2 * MINUTE, MINUTE);
      await watch.pass(2 * MINUTE, MINUTE);
      await watch.delivered();

      const mails = await watch.mailItems();
      expect([kill, mails.map((mail) => `${mail.to} ${mail.title.split(' ')[0]}`).sort()]).toEqual([
        kill,
        ['ann@x.example Item', 'ann@x.example Over:', 'ben@x.example Item', 'ben@x.example Over:'],
      ]);
      expect(watch.sent).toHaveLength(4);
      expect(await line.redis.hlen(line.keys.alerts.outbox)).toBe(0);
      expect(await line.redis.hlen(line.keys.alerts.troubles)).toBe(0);
      await line.close();
      if (!died) break;
      steps += 1;
    }
    expect(steps).toBeGreaterThan(8);
  }, 60_000);

  test('and a second one beside it cannot write once its lease was taken', async () => {
    const line = await new Line(redis).ready('1');
    const watch = new Watch(line);
    expect(await watch.ledger.lead('one', 60_000)).toBe('won');
    expect(await watch.ledger.lead('two', 60_000)).toBe('no');
    await line.redis.del(line.keys.alerts.lease);
    expect(await watch.ledger.lead('two', 60_000)).toBe('won');
    await expect(watch.ledger.write('one', [['notice', 'x', 'y']])).rejects.toThrow(LeaseLost);
    expect(await line.redis.hlen(line.keys.alerts.notices)).toBe(0);
  });

  test('two alerters side by side tell once', async () => {
    const line = await new Line(redis).ready('1');
    await line.put('service', 'email');
    const watch = new Watch(line, { gatherMs: 0 });
    await watch.recipients.putList({ recipients: [{ address: 'ann@x.example', name: '' }] });
    watch.deliver = () => fail;
    await line.startFleet();
    const [item] = await line.add('1', 'a');
    await line.untilState(item!.queueId, 'failed');
    const other = watch.another();
    for (let n = 0; n < 10; n += 1) await Promise.all([watch.alerter.turn(), other.turn()]);
    await watch.delivered();
    expect(await watch.mailItems()).toHaveLength(1);
  });
});
