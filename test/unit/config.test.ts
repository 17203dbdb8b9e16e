import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { BadConfig } from '../../src/errors.js';
import { temporaryDirectory } from '../support/redis.js';

const directory = await temporaryDirectory();

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

const emptyFile = await file('empty.yaml', '');

function load(environment: Record<string, string>) {
  return loadConfig({ ANDON_CONFIG: emptyFile, ...environment });
}

function problems(environment: Record<string, string>): readonly string[] {
  try {
    load(environment);
  } catch (error) {
    if (error instanceof BadConfig) return error.problems;
    throw error;
  }
  return [];
}

describe('retention', () => {
  test('takes a number of completed items as it always did', async () => {
    const path = await file(
      'kept.yaml',
      'retention: { completed: 500, skipped: { ageMs: 60000 } }',
    );
    expect(load({ ANDON_CONFIG: path }).file.retention).toMatchObject({
      completed: { count: 500, ageMs: 7_776_000_000 },
      skipped: { count: 10_000, ageMs: 60_000 },
    });
  });
});

describe('the environment', () => {
  test('has a default for everything', () => {
    expect(load({})).toMatchObject({
      port: 3000,
      host: '127.0.0.1',
      redisUrl: undefined,
      prefix: 'andon',
      dataDir: './data',
      bootstrapKey: undefined,
      shards: 1,
      durability: 'local',
      replicas: 1,
      replicasWaitMs: 1_000,
      lockMs: 10_000,
      concurrency: 100,
      parallelConcurrency: 50,
      connectorNetworks: ['127.0.0.0/8', '::1/128'],
      logLevel: 'info',
      file: {
        channels: {},
        sources: {},
        services: {},
        fleet: { budget: 20, maxDeaths: 3 },
        retention: { completed: { count: 10_000, ageMs: 7_776_000_000 } },
      },
    });
  });

  test('sets everything by the names that other programs rely on', () => {
    const config = load({
      ANDON_PORT: '8080',
      ANDON_HOST: '0.0.0.0',
      REDIS_URL: 'rediss://user:secret@redis.example:6380/1',
      ANDON_PREFIX: 'shop_1',
      ANDON_DATA_DIR: '/var/lib/andon',
      ANDON_BOOTSTRAP_KEY: 'first.0123456789abcdef',
      ANDON_SHARDS: '16',
      ANDON_LOCK_MS: '5000',
      ANDON_CONCURRENCY: '7',
      ANDON_PARALLEL_CONCURRENCY: '9',
      ANDON_CONNECTOR_NETWORKS: '10.0.0.0/8, fd00::/8',
      ANDON_LOG_LEVEL: 'warn',
    });
    expect(config).toMatchObject({
      port: 8080,
      host: '0.0.0.0',
      redisUrl: 'rediss://user:secret@redis.example:6380/1',
      prefix: 'shop_1',
      dataDir: '/var/lib/andon',
      configFile: emptyFile,
      bootstrapKey: 'first.0123456789abcdef',
      shards: 16,
      lockMs: 5000,
      concurrency: 7,
      parallelConcurrency: 9,
      connectorNetworks: ['10.0.0.0/8', 'fd00::/8'],
      logLevel: 'warn',
    });
  });

  test('takes empty for unset', () => {
    expect(load({ ANDON_PORT: '', REDIS_URL: '', ANDON_BOOTSTRAP_KEY: '' })).toEqual(load({}));
  });

  test('lets connectors reach loopback only where everything runs on one machine', () => {
    expect(load({ REDIS_URL: 'redis://redis:6379' }).connectorNetworks).toEqual([]);
    expect(load({ ANDON_CONNECTOR_NETWORKS: '10.0.0.0/8' }).connectorNetworks).toEqual([
      '10.0.0.0/8',
    ]);
  });

  test.each([
    'redis://localhost',
    'redis://:secret@localhost:6379/2',
    'rediss://user:secret@redis.example:6380',
    'redis+sentinel://:secret@one:26379,two:26379,three:26379/mymaster/1',
  ])('takes %s as REDIS_URL', (url) => {
    expect(load({ REDIS_URL: url }).redisUrl).toBe(url);
  });

  test.each([
    ['ANDON_PORT', '70000'],
    ['ANDON_PORT', '30x0'],
    ['REDIS_URL', 'http://localhost'],
    ['REDIS_URL', 'localhost:6379'],
    ['ANDON_PREFIX', 'a{b}'],
    ['ANDON_PREFIX', 'a:b'],
    ['ANDON_BOOTSTRAP_KEY', 'no-dot-in-here-at-all'],
    ['ANDON_BOOTSTRAP_KEY', 'id.short'],
    ['ANDON_SHARDS', '0'],
    ['ANDON_SHARDS', '1.5'],
    ['ANDON_LOCK_MS', '10'],
    ['ANDON_LOCK_MS', '-1'],
    ['ANDON_CONCURRENCY', '0'],
    ['ANDON_PARALLEL_CONCURRENCY', 'many'],
    ['ANDON_CONNECTOR_NETWORKS', '10.0.0.0'],
    ['ANDON_CONNECTOR_NETWORKS', 'office'],
    ['ANDON_LOG_LEVEL', 'loud'],
    ['ANDON_CONFIG', '/nowhere/andon.yaml'],
  ])('refuses %s=%s in one sentence that names it', (name, value) => {
    const found = problems({ [name]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name}.*\\.$`));
  });

  test('tells all problems at once, those of the settings file too', async () => {
    const path = await file('bad.yaml', 'fleet: {budget: 0}\nnonsense: 1\n');
    const found = problems({
      ANDON_CONFIG: path,
      ANDON_PORT: 'x',
      ANDON_SHARDS: '0',
      ANDON_LOG_LEVEL: 'loud',
    });
    for (const name of [
      'ANDON_PORT',
      'ANDON_SHARDS',
      'ANDON_LOG_LEVEL',
      'fleet.budget',
      'nonsense',
    ]) {
      expect(found).toContainEqual(expect.stringContaining(name));
    }
    expect(found).toHaveLength(5);
  });
});

describe('secrets from files', () => {
  test('NAME_FILE stands in for NAME', async () => {
    const config = load({
      ANDON_BOOTSTRAP_KEY_FILE: await file('key', 'first.0123456789abcdef\n'),
      REDIS_URL_FILE: await file('url', 'redis://:secret@redis:6379\n'),
    });
    expect(config.bootstrapKey).toBe('first.0123456789abcdef');
    expect(config.redisUrl).toBe('redis://:secret@redis:6379');
  });

  test('both at once, or a file that is not there, is a problem', async () => {
    const url = 'redis://redis:6379';
    expect(problems({ REDIS_URL: url, REDIS_URL_FILE: await file('url', url) })).toEqual([
      'REDIS_URL and REDIS_URL_FILE are both set: set one of them.',
    ]);
    expect(problems({ ANDON_BOOTSTRAP_KEY_FILE: join(directory, 'none') })).toEqual([
      expect.stringMatching(/^ANDON_BOOTSTRAP_KEY_FILE cannot be read: .*ENOENT/),
    ]);
  });

  test('a variable of ours that there is not is warned of, with the name that was meant', () => {
    const { warnings } = load({
      ANDON_CONCURENCY: '5',
      ANDON_FLAVOUR: 'mint',
      // Of the command line, of containers, of Kubernetes, and a secret as a file.
      ANDON_KEY: 'id.secret',
      ANDON_PUBLISH: '0.0.0.0:3000',
      ANDON_API_SERVICE_HOST: '10.0.0.1',
      ANDON_API_PORT_80_TCP: 'tcp://10.0.0.1:80',
      ANDON_SMTP_URL_FILE: '',
    });
    expect(warnings).toEqual([
      'ANDON_CONCURENCY is set in the environment, but there is no such setting; did you mean "ANDON_CONCURRENCY"?',
      'ANDON_FLAVOUR is set in the environment, but there is no such setting.',
    ]);
  });

  test('a secret that is wrong is not shown', () => {
    const found = problems({ ANDON_BOOTSTRAP_KEY: 'id.oops', REDIS_URL: 'amqp://:hunter2@mq' });
    expect(found).toHaveLength(2);
    expect(found.join()).not.toMatch(/oops|hunter2/);
  });
});

describe('the settings file', () => {
  test('may be missing where nobody asked for it', () => {
    expect(() => loadConfig({})).not.toThrow();
  });

  test('that is not YAML is a problem, not a crash', async () => {
    const path = await file('broken.yaml', 'channels: [');
    expect(problems({ ANDON_CONFIG: path })).toEqual([expect.stringContaining('is not YAML')]);
  });

  test.each([
    ['alerst: {}', ': there is no "alerst" here; did you mean "alerts"?'],
    ['fleet: { sweepMS: 500 }', ': fleet: there is no "sweepMS" here; did you mean "sweepMs"?'],
    ['weather: fine', ': there is no "weather" here.'],
  ])('%s is told with the name that was meant', async (text, said) => {
    const path = await file('slip.yaml', text);
    expect(problems({ ANDON_CONFIG: path })).toEqual([path + said]);
  });

  test('brings endpoints and retry policies', async () => {
    const path = await file(
      'good.yaml',
      'channels:\n  cape: {description: Cape Shopify, connector: {type: demo}, retry: {attempts: 2}}\n',
    );
    expect(load({ ANDON_CONFIG: path }).file.channels['cape']).toMatchObject({
      description: 'Cape Shopify',
      connector: { type: 'demo' },
      retry: { attempts: 2 },
    });
  });

  test('is frozen to the bottom once it is read', () => {
    const config = load({});
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.file.fleet)).toBe(true);
  });
});
