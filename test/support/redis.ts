import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { EmbeddedRedis } from '../../src/redis/embedded.js';
import { aclUser } from './acl.js';

/** Commands of tests alone. */
const looks = ['keys', 'scan', 'dump', 'config', 'client', 'acl', 'script'].map((one) => `+${one}`);

export interface TestRedis {
  readonly url: string;
  readonly dataDir: string;
  /** A value for `ANDON_PREFIX` that no other test has. */
  freshPrefix(): string;
}

/** An empty directory, removed when the tests of the file are done. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'andon-test-'));
  afterAll(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A Redis for one test file, gone when its tests are done: `const redis = await startTestRedis()` at its top. */
export async function startTestRedis(): Promise<TestRedis> {
  const dataDir = await mkdtemp(join(tmpdir(), 'andon-test-'));
  const redis = new EmbeddedRedis({ dataDir });
  afterAll(async () => {
    await redis.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  await redis.start();
  // `ANDON_TEST_ACL=1`: the product with no more rights than config/redis/users.acl gives it, and the tests' own looks.
  const url = process.env['ANDON_TEST_ACL'] ? await aclUser(redis.url, ...looks) : redis.url;
  return {
    url,
    dataDir,
    freshPrefix: () => `t${randomBytes(6).toString('hex')}`,
  };
}
