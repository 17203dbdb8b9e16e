import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { BadConfig } from '../../src/errors.js';
import { Api, product, SECRET_KEY } from '../support/api.js';
import { canMakeCertificates, makeCertificates } from '../support/certificates.js';
import { FarSide } from '../support/far-side.js';
import { freePort } from '../support/free-port.js';
import { startTestRedis } from '../support/redis.js';
import { endShapes, RedisProcess, startStandalone } from '../support/redis-shapes.js';
import { until } from '../support/until.js';

const plain = await startTestRedis();
afterAll(endShapes);

const made = canMakeCertificates ? await makeCertificates() : null;

(canMakeCertificates ? describe : describe.skip)('Redis over TLS', () => {
  const speaksTls = (port: number, clients: 'no' | 'yes'): string[] => {
    const { ca, server } = made!;
    return [
      `tls-port ${port}`,
      `tls-cert-file ${server.cert}`,
      `tls-key-file ${server.key}`,
      `tls-ca-cert-file ${ca}`,
      `tls-auth-clients ${clients}`,
    ];
  };

  /** A Redis that speaks TLS at `url`, and plainly to the test. */
  async function secured(clients: 'no' | 'yes'): Promise<{ server: RedisProcess; url: string }> {
    const port = await freePort();
    const redis = await startStandalone({ conf: speaksTls(port, clients) });
    return {
      server: redis,
      url: redis.url.replace('redis:', 'rediss:').replace(/\d+$/, `${port}`),
    };
  }

  const start = (server: RedisProcess, url: string, environment: Record<string, string> = {}) =>
    Api.start({ ...plain, url: server.url }, { url, environment, roles: ['api', 'worker'] });

  test('carries everything: each connection of every role, with a CA of one’s own', async () => {
    const { server, url } = await secured('no');
    const { ca } = made!;
    const api = await start(server, url, { ANDON_REDIS_CA_FILE: ca });
    const shop = await FarSide.start();
    await api.put('channel', '12', shop.url);
    const { queueId } = await api.ok('POST', '/v1/items', product('12', 'a'));
    await api.untilState(queueId, 'completed');
    const port = new URL(url).port;
    const ours = String(await api.redis.client('LIST'))
      .split('\n')
      .filter((line) => /name=andon/.test(line));
    expect(ours.length).toBeGreaterThanOrEqual(4);
    for (const line of ours) expect(line).toContain(`laddr=127.0.0.1:${port}`);
    await api.stop();
  });

  test('carries what the Sentinels are asked, too: who is master, and who might take over', async () => {
    const [master, replica, watcher] = [await freePort(), await freePort(), await freePort()];
    const tls = (port: number) => [...speaksTls(port, 'no'), 'tls-replication yes'];
    const server = await startStandalone({ conf: tls(master) });
    const other = await startStandalone({
      conf: [...tls(replica), `replicaof 127.0.0.1 ${master}`],
    });
    await until('it to follow', async () => (await other.info('master_link_status')) === 'up');
    const { password } = new URL(server.url);
    const conf = [
      `sentinel monitor shop 127.0.0.1 ${master} 1`,
      `sentinel auth-pass shop ${password}`,
    ];
    const sentinel = await RedisProcess.create('sentinel', { conf: [...tls(watcher), ...conf] });
    await until('it to know the replica', async () => {
      const replicas = (await sentinel.call('SENTINEL', 'REPLICAS', 'shop')) as unknown[];
      return replicas.length === 1;
    });
    const url = `rediss+sentinel://:${password}@127.0.0.1:${watcher}/shop`;
    const { ca } = made!;
    const api = await start(server, url, {
      ANDON_REDIS_CA_FILE: ca,
      ANDON_DURABILITY: 'replicated',
    });
    await api.put('channel', '12');
    expect((await api.call('POST', '/v1/items', { body: product('12', 'a') })).status).toBe(202);
    await api.stop();
  });

  test('carries what each command asks that goes to Redis by itself, also where it proves who we are', async () => {
    const { server, url } = await secured('yes');
    const { ca, client } = made!;
    const trusted = {
      ANDON_REDIS_CA_FILE: ca,
      ANDON_REDIS_CERT_FILE: client.cert,
      ANDON_REDIS_KEY_FILE: client.key,
    };
    const api = await start(server, url, trusted);
    const run = promisify(execFile);
    const andon = (...words: string[]) =>
      run(process.execPath, ['dist/cli.js', ...words], {
        env: {
          PATH: process.env['PATH'],
          REDIS_URL: url,
          ANDON_PREFIX: api.prefix,
          ANDON_CONFIG: 'test/support/empty.yaml',
          ANDON_SECRET_KEY: SECRET_KEY,
          ...trusted,
        },
      }).catch((failed: { stdout: string; stderr: string }) => failed);
    expect((await andon('migrate')).stdout).toContain('the newest: nothing to do');
    expect((await andon('secrets', 'rotate')).stderr).toBe('');
    expect((await andon('check')).stdout).toContain('ok   Redis: version');
    expect((await andon('doctor')).stdout).toMatch(/ok +Redis/);
    await api.stop();
  }, 60_000);

  test('is refused at once, with what to do, when nobody we trust has signed its certificate', async () => {
    const { server, url } = await secured('no');
    const { otherCa } = made!;
    for (const environment of [{}, { ANDON_REDIS_CA_FILE: otherCa }] as Record<string, string>[]) {
      const before = performance.now();
      await expect(start(server, url, environment)).rejects.toThrow(
        /the certificate of Redis is not trusted \(.+\): ANDON_REDIS_CA_FILE names/,
      );
      expect(performance.now() - before).toBeLessThan(15_000);
    }
  });

  test('proves who we are where Redis asks for it', async () => {
    const { server, url } = await secured('yes');
    const { ca, client } = made!;
    const trusted = { ANDON_REDIS_CA_FILE: ca };
    await expect(start(server, url, trusted)).rejects.toThrow(/set ANDON_REDIS_CERT_FILE and/);
    const api = await start(server, url, {
      ...trusted,
      ANDON_REDIS_CERT_FILE: client.cert,
      ANDON_REDIS_KEY_FILE: client.key,
    });
    expect((await api.call('GET', '/readyz')).status).toBe(200);
    await api.stop();
  });

  test('settings that do not fit together are refused: nobody is to believe in encryption', async () => {
    const { ca, client } = made!;
    const problems = (environment: Record<string, string>): readonly string[] => {
      try {
        loadConfig({ ANDON_CONFIG: 'test/support/empty.yaml', ...environment });
      } catch (error) {
        if (error instanceof BadConfig) return error.problems;
        throw error;
      }
      return [];
    };
    const tls = { REDIS_URL: 'rediss://redis.example' };
    expect(problems({ ...tls, ANDON_REDIS_CA_FILE: ca })).toEqual([]);
    expect(problems({ REDIS_URL: 'redis://redis.example', ANDON_REDIS_CA_FILE: ca })).toEqual([
      expect.stringContaining('write rediss:// for redis://'),
    ]);
    expect(problems({ ...tls, ANDON_REDIS_CERT_FILE: client.cert })).toEqual([
      expect.stringContaining('belong together'),
    ]);
    expect(problems({ ...tls, ANDON_REDIS_CA: 'no PEM' })).toEqual([
      expect.stringContaining('ANDON_REDIS_CA holds no certificate in PEM form'),
    ]);
    for (const url of ['rediss+sentinel://h:1/m', 'rediss+cluster://h:1'])
      expect(problems({ REDIS_URL: url, ANDON_REDIS_CA_FILE: ca })).toEqual([]);
  });
});
