import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { System } from '../../src/system.js';
import { Api } from '../support/api.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';

const redis = await startTestRedis();
const directory = await temporaryDirectory();
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** With what a start of everything ends; it never gets anywhere. */
async function refusal(environment: Record<string, string>): Promise<string> {
  const config = loadConfig({ ANDON_CONFIG: 'test/support/empty.yaml', ...environment });
  const system = new System(config, { roles: ['api'], log: silent, giveUp() {} });
  try {
    await system.start();
    return 'it started';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await system.stop();
  }
}

describe('a start that cannot be says at once what to do', () => {
  test('where another Andon listens, and where another program does', async () => {
    const first = await Api.start(redis);
    const { port } = new URL(first.url);
    await expect(Api.start(redis, { environment: { ANDON_PORT: port } })).rejects.toThrow(
      `Another Andon listens at 127.0.0.1:${port}: stop it, or set ANDON_PORT.`,
    );
    const other = createServer((_, response) => response.end('hello'));
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    const taken = String((other.address() as AddressInfo).port);
    await expect(Api.start(redis, { environment: { ANDON_PORT: taken } })).rejects.toThrow(
      `Another program listens at 127.0.0.1:${taken}`,
    );
    other.closeAllConnections();
    other.close();
  });

  test('where the data directory cannot be written', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    const said = await refusal({ ANDON_DATA_DIR: join(file, 'data') });
    expect(said).toContain(`The data directory ${file}/data cannot be written (ENOTDIR)`);
    expect(said).toContain('or set ANDON_DATA_DIR');
  });

  test('without a key that seals secrets, also while Redis is away', async () => {
    const began = Date.now();
    expect(await refusal({ REDIS_URL: 'redis://127.0.0.1:1' })).toContain('ANDON_SECRET_KEY');
    expect(Date.now() - began).toBeLessThan(5_000);
  });
});

test('an image is made in a directory that was named, and nothing else is', () => {
  const cwd = fileURLToPath(new URL('../../', import.meta.url));
  const program = ['--import', './test/faults/typescript.mjs', 'test/deploy/by-hand.ts'];
  for (const [args, code] of [
    [['--help'], 0],
    [[], 2],
  ] as const) {
    const options = { cwd, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } } as const;
    const { status, stderr } = spawnSync(process.execPath, [...program, ...args], options);
    expect({ status, stderr }).toEqual({
      status: code,
      stderr: expect.stringMatching(/^Usage: npm run image/),
    });
    expect(existsSync(join(cwd, '--help'))).toBe(false);
  }
});
