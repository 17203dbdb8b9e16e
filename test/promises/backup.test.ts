import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { done, fail, Line } from '../support/line.js';
import { endShapes, type RedisProcess, startStandalone } from '../support/redis-shapes.js';
import { until } from '../support/until.js';

afterAll(endShapes);

const lineOn = (server: RedisProcess, prefix: string) =>
  new Line({ url: server.url, dataDir: '', freshPrefix: () => prefix }).ready();

/** As docs/backup.md says it: no rewrite while the directory is copied. */
async function copyAof(server: RedisProcess, to: string): Promise<void> {
  await server.call('CONFIG', 'SET', 'auto-aof-rewrite-percentage', '0');
  await until('no rewrite', async () => (await server.info('aof_rewrite_in_progress')) === '0');
  await cp(join(server.directory, 'appendonlydir'), join(to, 'appendonlydir'), { recursive: true });
  await server.call('CONFIG', 'SET', 'auto-aof-rewrite-percentage', '100');
}

async function copyRdb(server: RedisProcess, to: string): Promise<void> {
  const before = await server.call('LASTSAVE');
  await until(
    'another second',
    async () => ((await server.call('TIME')) as string[])[0]! > String(before),
  );
  await server.call('BGSAVE');
  await until('the snapshot', async () => (await server.call('LASTSAVE')) !== before);
  await cp(join(server.directory, 'dump.rdb'), join(to, 'dump.rdb'));
}

/** A new server on another machine, as it were, with nothing but the copy. */
async function restore(from: string, kind: 'AOF' | 'RDB'): Promise<RedisProcess> {
  const server = await startStandalone();
  await server.kill();
  await rm(join(server.directory, 'appendonlydir'), { recursive: true });
  await cp(from, server.directory, { recursive: true });
  if (kind === 'AOF') {
    await server.start();
    return server;
  }
  server.launch('--appendonly', 'no');
  await until('Redis with its snapshot', () => server.call('PING'), 20_000);
  await server.call('CONFIG', 'SET', 'appendonly', 'yes');
  await until('its append-only file', async () => {
    const busy = [
      await server.info('aof_rewrite_in_progress'),
      await server.info('aof_rewrite_scheduled'),
    ];
    return busy.every((text) => text === '0');
  });
  await server.restart();
  return server;
}

it.each(['AOF', 'RDB'] as const)(
  'Redis is lost and restored from an older copy (%s): what was blocked is blocked, the rest goes on in order, no id comes twice',
  async (kind) => {
    const copy = await mkdtemp(join(tmpdir(), 'andon-copy-'));
    const first = await startStandalone();
    const prefix = `backup${kind}`;
    const line = await lineOn(first, prefix);
    await line.put('channel', '12');
    await line.put('channel', '13');
    const fences: number[] = [];
    line.script = ({ data, fence }) => {
      fences.push(fence);
      return data['title'] === 'bad' ? fail : done;
    };
    await line.startFleet();
    const [, bad] = await line.add('12', 'good', 'bad', 'behind 1', 'behind 2');
    await line.untilState(bad!.queueId, 'failed');
    await line.transitions.pause('channel.13', 'Thandi');
    await line.add('13', 'x', 'y', 'z');

    await (kind === 'AOF' ? copyAof : copyRdb)(first, copy);

    // Later than the copy, so the restored Redis knows nothing of it; the shop has seen the ids.
    const late = await line.add('12', 'late 1', 'late 2');
    await line.transitions.retry(bad!, 'Thandi');
    await until('it to fail anew', () => fences.length >= 3);
    await line.untilState(bad!.queueId, 'failed');
    const [before] = [Math.max(...fences)];
    await first.kill();
    await line.stopFleets();

    const second = await restore(copy, kind);
    const again = await lineOn(second, prefix);
    const newFences: number[] = [];
    again.script = ({ fence }) => {
      newFences.push(fence);
      return done;
    };
    await again.startFleet();
    const [fresh] = await again.add('13', 'new');
    expect(fresh!.queueId).toBeGreaterThan(Math.max(...late.map(({ queueId }) => queueId)));
    expect(await again.status('channel.12')).toMatchObject({
      blocked: true,
      blockedBy: { queueId: bad!.queueId },
      counts: { waiting: 2, failed: 1, completed: 1 },
    });
    expect(await again.status('channel.13')).toMatchObject({ paused: true });
    await again.transitions.resume('channel.13', 'Thandi');
    await again.untilState(fresh!.queueId, 'completed');
    expect(again.started).toEqual(['x', 'y', 'z', 'new']);
    await again.transitions.retry(bad!, 'Thandi');
    await again.untilStarted(7);
    expect(again.started.slice(4)).toEqual(['bad', 'behind 1', 'behind 2']);
    expect(Math.min(...newFences)).toBeGreaterThan(before);
    await again.close();
    await rm(copy, { recursive: true });
  },
  60_000,
);
