import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { makeLog } from '../../src/observability/log.js';
import { examine } from '../../src/programs/doctor.js';
import { Api, SECRET_KEY } from '../support/api.js';
import { Collector } from '../support/collector.js';
import { postForm } from '../support/desk.js';
import { FarSide } from '../support/far-side.js';
import { TestProvider } from '../support/provider.js';
import { startTestRedis, temporaryDirectory } from '../support/redis.js';
import { TestSmtp } from '../support/smtp.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();
const provider = await TestProvider.start();
const collector = await Collector.start();
const directory = await temporaryDirectory();
const config = join(directory, 'andon.yaml');
await writeFile(
  config,
  `mail: { from: "Andon <andon@shop.example>" }
retry: { add_product: { attempts: 1 }, update_product: { attempts: 2, firstDelayMs: 10 } }
fleet: { tendMs: 20 }
hold: { outages: false }
alerts: { timings: { lookMs: 100, gatherMs: 0 } }
`,
);

/** Each found by its own word; none is in any source file but this one. */
const canaries = {
  signing: `whsec_${Buffer.from('canary-signing-canary-signing-32').toString('base64')}`,
  headerToken: 'canary-header-token-0001',
  smtpPassword: 'canary-smtp-password-0002',
  bootstrapKey: 'canaryBootstrapKeySecret0003',
  adminPassword: 'canary-admin-password-0004',
  oidcSecret: 'canary-oidc-secret-0005',
  secretKey: SECRET_KEY,
  dataPassword: 'canary-data-password-0006',
  dataToken: 'canary-data-token-0007',
  said: 'canary-said-by-the-shop-0008',
  // In the shapes that far sides use: a field, a header without a colon, a parameter of an address.
  dataPin: 'canary-data-pin-0009',
};

test('a planted secret is found nowhere but where it must be', async () => {
  const { places, where, made } = await plantAndLook();
  // What is looked for was there, so this looks for the right words in the right places.
  expect(where.far).toContain(canaries.headerToken);
  expect(where.far).toContain(canaries.dataPassword);
  expect(places.mails).toContain('Cape Shopify');
  expect(places.traces).toContain('deliver channel.{id}');
  expect(places.metrics).toContain('andon_deliveries_total');
  expect(places.console).toContain('••••••');
  expect(places.board).toContain('••••••');
  expect(places.bundle).toContain('"data"');
  expect(places.log).toContain('update_product');
  for (const file of [places.redis, places.files]) expect(file).toContain('Cape Shopify');

  /** Data is what a client gave to be passed on: it is kept whole, and given back whole to its programs. */
  const mustBe: Readonly<Record<string, readonly string[]>> = {
    dataPassword: ['redis', 'files', 'api'],
    dataToken: ['redis', 'files', 'api'],
    dataPin: ['redis', 'files', 'api'],
    // An error is kept in the words of the far side, for who may read the item.
    said: ['redis', 'files', 'api'],
    // Whoever has the mail may act by it, and nobody else.
    actToken: ['mails'],
  };
  const secrets: Record<string, string> = { ...canaries, ...made };
  for (const [name, secret] of Object.entries(secrets))
    expect([name, secret.length > 9]).toEqual([name, true]);
  const leaks: string[] = [];
  for (const [name, secret] of Object.entries(secrets))
    for (const [place, text] of Object.entries(places)) {
      const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
      const found = forms.some((form) => text.includes(form));
      if (found && !mustBe[name]?.includes(place)) leaks.push(`${name} in ${place}`);
    }
  expect(leaks).toEqual([]);
});

async function plantAndLook() {
  const smtp = await TestSmtp.start({ login: `ann:${canaries.smtpPassword}` });
  const lines: string[] = [];
  const screen = new Writable({
    write(chunk, _, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const environment = {
    ANDON_CONFIG: config,
    ANDON_BOOTSTRAP_KEY: `boot.${canaries.bootstrapKey}`,
    ANDON_ADMIN_PASSWORD: canaries.adminPassword,
    ANDON_OIDC_ISSUER: provider.issuer,
    ANDON_OIDC_CLIENT_ID: 'andon',
    ANDON_OIDC_CLIENT_SECRET: canaries.oidcSecret,
    ANDON_SMTP_URL: smtp.url.replace('//', `//ann:${canaries.smtpPassword}@`),
    ANDON_PUBLIC_URL: 'https://andon.example.com',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '20',
  };
  Object.assign(process.env, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '20',
  });
  const api = await Api.start(redis, {
    roles: ['api', 'worker', 'alerts'],
    config,
    environment,
    log: makeLog('trace', screen),
  });
  const boot = `boot.${canaries.bootstrapKey}`;
  const answers: string[] = [];
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await api.call(method, path, { body, key: boot });
    answers.push(answer.text);
    if (path !== '/nothing')
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`);
    return answer;
  };

  // A shop that repeats whatever it is told, and a receiver of webhooks that does.
  const shop = await FarSide.start();
  shop.answer = ({ headers, body }) => ({
    status: body.instruction === 'update_product' ? 500 : 422,
    body: {
      // Of other far sides' secrets a connector knows nothing, so it could take out only its own.
      detail: `password=${canaries.said} ${headers['authorization']} ${body.channel ? canaries.signing : ''} is refused, x-api-key ${canaries.said}, see https://shop.example/why?key=${canaries.said}&sig=${canaries.said}`,
      log: [JSON.stringify(headers), `token: ${canaries.said}`],
    },
  });
  await call('PUT', '/v1/channels/12', {
    description: 'Cape Shopify',
    connector: {
      type: 'http',
      url: shop.url,
      secret: canaries.signing,
      headers: { authorization: `Bearer ${canaries.headerToken}` },
    },
  });
  // These two are shown once, to whoever made them: that answer is no place to look.
  const key = (await api.call('POST', '/v1/keys', { body: { scopes: ['read'] }, key: boot })).body
    .key;
  const hook = await api.call('PUT', '/v1/webhooks/crm', {
    body: { url: shop.url, description: 'CRM' },
    key: boot,
  });
  await call('PUT', '/v1/alerts/recipients', { recipients: ['ann@shop.example'] });

  const data = (sku: string) => ({
    sku,
    title: sku,
    password: canaries.dataPassword,
    login: { api_token: canaries.dataToken, pin: canaries.dataPin },
  });
  const enqueue = async (body: object) => (await call('POST', '/v1/items', body)).body.queueId;
  const retried = await enqueue({ instruction: 'update_product', channel: '12', data: data('a') });
  await until('the retried one to fail', async () => {
    const { body } = await api.call('GET', `/v1/items/${retried}`, { key: boot });
    return body.state === 'failed';
  });
  await call('POST', `/v1/items/${retried}/skip`, { reason: 'canary' });
  const failed = await enqueue({ instruction: 'add_product', channel: '12', data: data('b') });
  await enqueue({
    instruction: 'send_webhook',
    data: { endpoint: 'crm', event: 'order.created', data: {} },
  });
  await until('it to fail', async () => {
    const { body } = await api.call('GET', `/v1/items/${failed}`, { key: boot });
    return body.state === 'failed';
  });
  await until('a mail to arrive', () => smtp.mails.length > 0);

  // A person logs in, and looks around.
  const login = await postForm(api, '/login', { name: 'admin', password: canaries.adminPassword });
  const session = /andon-session=([^;]+)/.exec(String(login.headers['set-cookie']))?.[1] ?? '';
  expect(session.length).toBeGreaterThan(20);
  const page = async (path: string, accept = 'text/html') => {
    const answer = await api.call('GET', path, {
      key: null,
      headers: { accept, cookie: `andon-session=${session}` },
    });
    expect([path, answer.status]).toEqual([path, 200]);
    return answer.text;
  };
  const pages = [
    '/',
    '/queues',
    '/queues/channel.12',
    `/items/${failed}`,
    `/items/${failed}/edit`,
    `/items/${retried}`,
    '/search?q=canary',
    '/clusters',
    '/incidents',
    '/alerts',
    '/audit',
    '/account',
    '/docs',
  ];
  const look: string[] = [];
  for (const path of pages) look.push(await page(path));
  const queues = JSON.parse(await page('/board/api/queues', '*/*')).queues as { name: string }[];
  const ofShop = queues.find(({ name }) => name.endsWith('Cape Shopify (12)'))?.name ?? '';
  const name = encodeURIComponent(ofShop);
  const board = [
    await page(`/board/api/queues?activeQueue=${name}&status=latest&page=1&jobsPerPage=10`, '*/*'),
    await page(`/board/api/queues/${name}/${failed}`, '*/*'),
    await page(`/board/api/queues/${name}/${failed}/logs`, '*/*'),
  ];
  const bundle = await page(`/items/${failed}/bundle`, '*/*');
  for (const path of [
    'items',
    `items/${failed}`,
    'channels',
    'channels/12',
    'queues',
    'keys',
    'webhooks',
    'incidents',
    'alerts/recipients',
    'audit',
    'users',
    'summary',
  ])
    await call('GET', `/v1/${path}`);
  await call('GET', '/openapi.json');
  await call('GET', '/nothing');
  const metrics = (await api.call('GET', '/metrics', { key: boot })).text;
  const doctor = JSON.stringify(
    await examine({
      ...environment,
      REDIS_URL: redis.url,
      ANDON_PREFIX: api.prefix,
      ANDON_SECRET_KEY: SECRET_KEY,
    }),
  );
  const keyspace = await everything(api);
  await until('the spans to arrive', () => collector.raw.includes('deliver channel.{id}'));
  await api.redis.config('SET', 'rdbcompression', 'no');
  await api.redis.save();
  await api.stop();
  const redisPassword = new URL(redis.url).password;
  return {
    made: {
      createdKey: key.split('.')[1] ?? '',
      webhook: hook.body.secret,
      session,
      redisPassword,
      actToken:
        /andon\.example\.com\/act\/([\w.~-]{20,})/.exec(smtp.mails[0]?.mail.html ?? '')?.[1] ?? '',
    },
    where: { far: JSON.stringify(shop.deliveries) },
    places: {
      redis: keyspace,
      files: filesBelow(join(redis.dataDir, 'redis')),
      log: lines.join(''),
      mails: smtp.mails.map(({ raw, mail }) => `${raw}${mail.text}${mail.html}`).join('\n'),
      board: board.join('\n'),
      console: look.join('\n'),
      bundle,
      api: answers.join('\n'),
      metrics,
      traces: collector.raw,
      doctor,
    },
  };
}

/** Everything under the prefix, as it lies in Redis: names, fields, values. */
async function everything(api: Api): Promise<string> {
  const parts: unknown[] = [];
  for (const key of await api.redis.keys('*')) {
    const type = await api.redis.type(key);
    const read: Record<string, () => Promise<unknown>> = {
      string: () => api.redis.get(key),
      hash: () => api.redis.hgetall(key),
      list: () => api.redis.lrange(key, 0, -1),
      zset: () => api.redis.zrange(key, '0', '-1'),
      set: () => api.redis.smembers(key),
      stream: () => api.redis.xrange(key, '-', '+'),
    };
    parts.push(key, await read[type]!());
  }
  return JSON.stringify(parts);
}

/** Snapshot and append-only file, byte for byte. */
function filesBelow(path: string): string {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(rdb|aof)$/.test(entry.name))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');
}
