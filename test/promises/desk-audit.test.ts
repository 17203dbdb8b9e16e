import { beforeAll, describe, expect, test } from '@jest/globals';
import { Api } from '../support/api.js';
import { Person } from '../support/desk.js';
import { startTestRedis } from '../support/redis.js';

const redis = await startTestRedis();
let api: Api;
let admin: Person;
let cape: Person;

beforeAll(async () => {
  api = await Api.start(redis);
  await api.put('channel', '12', undefined, { client: 'cape', description: 'Cape Shopify' });
  await api.put('channel', '13', undefined, { client: 'acme', description: 'Acme Shop' });
  admin = await Person.of(api, { name: 'admin', role: 'admin' });
  cape = await Person.of(api, { name: 'jane', role: 'operator', clients: ['cape'] });
  await api.ok('POST', '/v1/queues/channel.12/pause', { reason: 'cape stock take' });
  await api.ok('POST', '/v1/queues/channel.13/pause', { reason: 'acme secret plan' });
});

describe('the audit page', () => {
  test('shows who did what, with the reason, to an admin of all clients', async () => {
    const { text } = await admin.get('/audit');
    for (const each of ['key boot', 'pause', 'channel.12', 'cape stock take', 'acme secret plan']) {
      expect(text).toContain(each);
    }
    expect(text).toContain('user jane');
  });

  test('shows a user of one client nothing of another, whatever is asked for', async () => {
    for (const query of [
      '',
      '?client=acme',
      '?actor=boot',
      '?action=pause',
      '?client=',
      '?item=1',
    ]) {
      const { text, status } = await cape.get(`/audit${query}`);
      expect(status).toBe(200);
      for (const each of ['acme secret plan', 'channel.13', 'user admin', 'login']) {
        expect(text).not.toContain(each);
      }
    }
    expect((await cape.get('/audit')).text).toContain('cape stock take');
  });

  test('can be narrowed by actor, action, item and client', async () => {
    const [queueId] = await api.add('12', 'TSH-RED-M');
    await api.ok('PATCH', `/v1/items/${queueId}`, { data: { sku: 'TSH-RED-M', title: 'Red' } });
    const rows = async (query: string) =>
      ((await admin.get(`/audit?${query}`)).text.match(/<tr /g) ?? []).length;
    expect(await rows(`item=${queueId}`)).toBe(1);
    expect(await rows('client=acme&action=pause')).toBe(1);
    expect(await rows('actor=BOOT&action=pause')).toBe(2);
    expect(await rows('actor=nobody')).toBe(0);
    expect(await rows('item=not-a-number&action=pause')).toBe(2);
  });

  test('goes on to older lines until there are none, and shows each once', async () => {
    const other = await Api.start(redis);
    const reader = await Person.of(other, { name: 'reader', role: 'admin' });
    for (let n = 0; n < 230; n += 1) {
      await other.redis.xadd(
        other.keys.ours(other.keys.shards[0]!, 'audit'),
        '*',
        ...['queue', '', 'queueId', '', 'entry'],
        JSON.stringify({ at: Date.now(), actor: 'key x', action: 'note', n: `mark-${n}-` }),
      );
    }
    let path = '/audit?actor=key+x';
    const seen: string[] = [];
    for (let pages = 0; path && pages < 10; pages += 1) {
      const { text } = await reader.get(path);
      seen.push(...(text.match(/mark-\d+-/g) ?? []));
      const next: string = /<a class="button" href="([^"]+)" rel="next"/.exec(text)?.[1] ?? '';
      path = next.replaceAll('&amp;', '&');
    }
    expect(seen).toHaveLength(230);
    expect(new Set(seen).size).toBe(230);
    expect(seen[0]).toBe('mark-229-');
  });
});
