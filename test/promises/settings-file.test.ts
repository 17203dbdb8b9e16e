import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Log } from '../../src/log.js';
import { Api } from '../support/api.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';

const redis = await startTestRedis();
const directory = await temporaryDirectory();

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

/** A log that keeps what it was warned of. */
function warnings(): { log: Log; said: string[] } {
  const said: string[] = [];
  const log = {
    debug() {},
    info() {},
    warn: (_: object, say: string) => said.push(say),
    error() {},
  };
  return { log: { ...log, warn: (facts, say) => void log.warn(facts, say) }, said };
}

const channel = (description: string) =>
  `channels: { cape: { description: ${description}, connector: { type: http, url: "https://shop.example/in" } } }\n`;
const lists = 'alerts: { lists: [{ recipients: [you@shop.example] }] }\n';

/** Starts on the same data as before, with another file; answers what it warned of. */
async function startedWith(config: string, prefix: string): Promise<string[]> {
  const { log, said } = warnings();
  const api = await Api.start(redis, { config, prefix, log });
  await api.stop();
  return said.filter((line) => line.includes('settings') || line.includes('.yaml'));
}

describe('the settings file', () => {
  test('is read in at the first start, and no start after it complains while they agree', async () => {
    const prefix = redis.freshPrefix();
    const config = await file('same.yaml', channel('Cape') + lists);
    expect(await startedWith(config, prefix)).toEqual([]);
    expect(await startedWith(config, prefix)).toEqual([]);
  });

  test('says in the log what is not read in because there were data before, and how to change it', async () => {
    const prefix = redis.freshPrefix();
    expect(await startedWith('test/support/empty.yaml', prefix)).toEqual([]);
    const config = await file('late.yaml', channel('Cape') + lists);
    const [line, ...more] = await startedWith(config, prefix);
    expect(more).toEqual([]);
    expect(line).toContain(
      `${config} says otherwise than it is set: alerts.lists.0, channels.cape.`,
    );
    expect(line).toContain('at the first start');
    expect(line).toMatch(/recipients set and .*channel put/);
  });

  test('that changed since is told by what changed alone', async () => {
    const prefix = redis.freshPrefix();
    await startedWith(await file('before.yaml', channel('Cape') + lists), prefix);
    const [line] = await startedWith(await file('after.yaml', channel('Town') + lists), prefix);
    expect(line).toContain('otherwise than it is set: channels.cape.');
  });

  test('with a connector that cannot be is refused by file and place, and nothing of it is read in', async () => {
    const config = await file(
      'cut.yaml',
      'channels: { a: { description: A, connector: { type: demo } }, "12": { description: Cape, connector: { type: http } } }\n',
    );
    const prefix = redis.freshPrefix();
    await expect(startedWith(config, prefix)).rejects.toThrow(
      `${config}: channels.12.connector.url: must be a URL`,
    );
    const api = await Api.start(redis, { prefix });
    expect((await api.ok('GET', '/v1/channels')).items).toEqual([]);
  });
});
