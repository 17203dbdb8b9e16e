import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ApiKeys } from '../../src/api/api-keys.js';
import { type Config, loadConfig } from '../../src/config/load.js';
import { Keys } from '../../src/redis/keys.js';
import { firstKey } from '../../src/start/first-key.js';
import { Line } from '../support/line.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';

const redis = await startTestRedis();
const directories = [await temporaryDirectory(), await temporaryDirectory()];

async function keysAnd(environment: Record<string, string>): Promise<[ApiKeys, Config]> {
  const line = await new Line(redis).ready();
  const config = loadConfig({ ANDON_CONFIG: 'test/support/empty.yaml', ...environment });
  return [new ApiKeys(line.redis, new Keys(line.prefix, 1)), config];
}

describe('the first admin key', () => {
  it('is made at the first start, kept beside the data, and shown once', async () => {
    const [keys, config] = await keysAnd({ ANDON_DATA_DIR: directories[0]! });
    const { made, file } = await firstKey(keys, config);
    expect((await keys.verify(made!))?.may('admin')).toBe(true);
    expect((await readFile(file!, 'utf8')).trim()).toBe(made);
    expect(await firstKey(keys, config)).toEqual({ file, made: null });
    expect(await keys.count()).toBe(1);
  });

  it('of another installation is never overwritten: it opens the new one as well', async () => {
    const file = join(directories[1]!, 'admin-key');
    await writeFile(file, 'older.0123456789abcdef0123\n');
    const [keys, config] = await keysAnd({ ANDON_DATA_DIR: directories[1]! });
    expect(await firstKey(keys, config)).toEqual({ file, made: null });
    expect(await readFile(file, 'utf8')).toBe('older.0123456789abcdef0123\n');
    expect((await keys.verify('older.0123456789abcdef0123'))?.may('admin')).toBe(true);
  });

  it('does not exist before it is kept, where nothing can be written', async () => {
    const directory = join(directories[0]!, 'admin-key'); // a file
    const [keys, config] = await keysAnd({ ANDON_DATA_DIR: directory });
    await expect(firstKey(keys, config)).rejects.toThrow(/give one in ANDON_BOOTSTRAP_KEY/);
    expect(await keys.count()).toBe(0);
  });

  it('is ANDON_BOOTSTRAP_KEY where that is given, and then no file is written', async () => {
    const [keys, config] = await keysAnd({ ANDON_BOOTSTRAP_KEY: 'boot.0123456789abcdef0123' });
    expect(await firstKey(keys, config)).toEqual({ file: null, made: null });
    expect((await keys.verify('boot.0123456789abcdef0123'))?.may('admin')).toBe(true);
  });
});
