import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { WORST } from '../../src/observability/figures.js';
import { Metrics } from '../../src/observability/metrics.js';
import { Api } from '../support/api.js';
import { FarSide } from '../support/far-side.js';
import { figureIn, namedIn, readScrape } from '../support/promql.js';
import { startTestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const redis = await startTestRedis();

/** Everything in one process that has carried out, failed and answered something. */
const busy = { api: null as unknown as Api, scrape: '' };

beforeAll(async () => {
  const shop = await FarSide.start();
  shop.answer = ({ body }) => ({ status: body.data['sku'] === 'bad' ? 422 : 200, body: {} });
  const api = await Api.start(redis, { roles: ['api', 'worker', 'alerts'] });
  for (const id of ['12', '13', '14']) await api.put('channel', id, shop.url);
  const [good] = await api.add('12', 'good', 'bad', 'behind');
  await api.untilState(good, 'completed');
  const blocked = async () => (await api.ok('GET', '/v1/queues/channel.12'))['blocked'];
  await until('channel.12 to be blocked', blocked);
  const mail = { to: 'ann@shop.example', subject: 'Hello', text: 'Hello' };
  await api.ok('POST', '/v1/items', { instruction: 'send_email', data: mail });
  busy.api = api;
  busy.scrape = await until('the mail to be counted', async () => {
    const { text } = await api.call('GET', '/metrics');
    return figureIn(text, 'andon_mails_total{outcome="failed"}') === 1 ? text : null;
  });
});

afterAll(() => busy.api.stop());

describe('a scrape', () => {
  test('tells what was delivered, how long it took, what stands and for how long', () => {
    const figure = (series: string) => figureIn(busy.scrape, series);
    const ofProducts = (outcome: string) => `{instruction="add_product",outcome="${outcome}"}`;
    expect(figure(`andon_deliveries_total${ofProducts('completed')}`)).toBe(1);
    expect(figure(`andon_deliveries_total${ofProducts('failed')}`)).toBe(1);
    expect(figure(`andon_delivery_duration_seconds_count${ofProducts('completed')}`)).toBe(1);
    expect(figure('andon_claims_total{kind="blocking"}')).toBe(2);
    expect(figure('andon_ready')).toBe(1);
    expect(figure('andon_redis_round_trip_seconds')).toBeGreaterThan(0);
    expect(
      figure('andon_http_requests_total{method="PUT",route="/v1/channels/:id",status="201"}'),
    ).toBe(3);
    const progress = figure('andon_last_progress_timestamp_seconds{part="tender"}') ?? 0;
    expect(Date.now() / 1_000 - progress).toBeLessThan(30);
  });

  test('tells of all queues together what Redis says', async () => {
    const text = await until('figures of after the block', async () => {
      const answer = await busy.api.call('GET', '/metrics');
      return figureIn(answer.text, 'andon_fleet_queues_blocked') === 1 ? answer.text : null;
    });
    const figure = (series: string) => figureIn(text, `andon_fleet_${series}`);
    expect(figure('items{state="waiting"}')).toBe(1);
    expect(figure('items{state="completed"}')).toBe(1);
    expect(figure('queues')).toBe(4); // and the parallel one
    expect(figure('longest_block_seconds')).toBeGreaterThan(0);
    expect(figure('oldest_item_age_seconds{mode="blocking"}')).toBeGreaterThan(0);
    expect(figure('queue_waiting_items{queue="channel.12",state="blocked"}')).toBe(1);
    for (const role of ['api', 'worker', 'alerts'])
      expect(figure(`processes{role="${role}"}`)).toBe(1);
  });

  test('needs a key that may read all', async () => {
    const { api } = busy;
    expect((await api.call('GET', '/metrics', { key: null })).status).toBe(401);
    const keyWith = async (grant: object) => (await api.ok('POST', '/v1/keys', grant)).key;
    const answerTo = async (grant: object) =>
      (await api.call('GET', '/metrics', { key: await keyWith(grant) })).status;
    expect(await answerTo({ scopes: ['read'] })).toBe(200);
    expect(await answerTo({ scopes: ['enqueue'] })).toBe(403);
    expect(await answerTo({ scopes: ['read'], client: 'acme' })).toBe(403);
  });

  test('has no ids and no texts of others in its labels', async () => {
    const { api } = busy;
    await api.call('GET', '/v1/items/123456');
    await api.call('GET', '/nothing/here/4711');
    await api.call('PROPFIND', '/v1/items/123456');
    const labels = readScrape((await api.call('GET', '/metrics')).text);
    const values = [...labels.values()].flatMap((of) =>
      [...of.values()].flatMap((set) => [...set]),
    );
    expect(values.filter((value) => /123456|4711|PROPFIND/.test(value))).toEqual([]);
    expect(labels.get('andon_http_requests_total')?.get('route')).toContain('/v1/items/:queueId');
    const metrics = new Metrics({ version: '1', bullmq: '1', roles: [], instructions: new Set() });
    metrics.delivered({ instruction: 'made up by a stranger', became: 'failed', seconds: 1 });
    expect((await metrics.scrape()).text).toContain('instruction="other",outcome="failed"');
  });
});

describe('over several processes', () => {
  test('counters add up, and what is of the whole installation is the same in each that tells it', async () => {
    const shop = await FarSide.start();
    const prefix = redis.freshPrefix();
    const start = (...roles: ('api' | 'worker' | 'alerts')[]) =>
      Api.start(redis, { roles, prefix, environment: { ANDON_HEALTH_PORT: '0' } });
    const api = await start('api');
    const others = [await start('worker'), await start('worker'), await start('alerts')];
    const all = [api, ...others];
    const scrape = async (of: Api) => (await fetch(`${of.healthUrl}/metrics`)).text();
    const ids = Array.from({ length: 30 }, (_, n) => String(n));
    for (const id of ids) await api.put('channel', id, shop.url);
    const items = await Promise.all(ids.map((id) => api.add(id, 'a', 'b')));
    for (const queueId of items.flat()) await api.untilState(queueId, 'completed');
    const series = 'andon_deliveries_total{instruction="add_product",outcome="completed"}';
    await until('60 deliveries to be counted', async () => {
      const each = await Promise.all(all.map(scrape));
      return each.reduce((sum, text) => sum + (figureIn(text, series) ?? 0), 0) === 60;
    });
    const told = await until('figures that are new', async () => {
      const each = await Promise.all(all.map(scrape));
      const done = each.map((text) => figureIn(text, 'andon_fleet_items{state="completed"}'));
      return done[0] === 60 ? done : null;
    });
    // The API and the alerts tell it, workers do not.
    expect(told).toEqual([60, undefined, undefined, 60]);
    const text = await scrape(api);
    expect(figureIn(text, 'andon_fleet_processes{role="worker"}')).toBe(2);
    await others[0]!.stop();
    await until('one worker to be gone', async () => {
      const now = figureIn(await scrape(api), 'andon_fleet_processes{role="worker"}');
      return now === 1;
    });
    for (const one of all) await one.stop();
  });

  test('a queue of its own have the worst only', async () => {
    const api = await Api.start(redis, { roles: ['api'] });
    const ids = Array.from({ length: WORST + 5 }, (_, n) => String(n));
    for (const id of ids) {
      await api.put('channel', id);
      await api.add(id, 'a');
    }
    const labels = readScrape((await api.call('GET', '/metrics')).text);
    const queues = labels.get('andon_fleet_queue_oldest_item_age_seconds')?.get('queue');
    expect(queues?.size).toBe(WORST);
    expect(queues).toContain('channel.0');
    expect(queues).not.toContain(`channel.${WORST + 4}`);
    await api.stop();
  });
});

/** Queries of the files that come with Andon, and where they stand. */
const dashboard = JSON.parse(readFileSync('config/grafana/andon.json', 'utf8')) as Dashboard;
const rules = parse(readFileSync('config/prometheus/alerts.yaml', 'utf8')) as RuleFile;
interface Dashboard {
  readonly uid: string;
  readonly panels: {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly gridPos: {
      readonly x: number;
      readonly y: number;
      readonly w: number;
      readonly h: number;
    };
    readonly targets?: {
      readonly expr: string;
      readonly refId: string;
      readonly legendFormat: string;
    }[];
  }[];
  readonly templating: { readonly list: { readonly name: string }[] };
}
interface RuleFile {
  readonly groups: {
    readonly rules: {
      readonly alert: string;
      readonly expr: string;
      readonly labels: Record<string, string>;
      readonly annotations: Record<string, string>;
    }[];
  }[];
}
const queries: [string, string][] = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }): [string, string] => [title, expr.replaceAll('$__rate_interval', '5m')]),
  ),
  ...rules.groups
    .flatMap((group) => group.rules)
    .map(({ alert, expr }): [string, string] => [alert, expr]),
];

describe('the dashboard and the alert rules', () => {
  /** Prometheus itself gives these. */
  const ofPrometheus = new Set(['instance', 'job']);

  test.each(queries)('%s: each metric and label of %s is in a real scrape', (_, query) => {
    const scraped = readScrape(busy.scrape);
    const named = namedIn(query);
    expect(named.length).toBeGreaterThan(0);
    for (const { metric, labels } of named) {
      expect([metric, scraped.has(metric)]).toEqual([metric, true]);
      for (const [label, value] of labels) {
        if (ofPrometheus.has(label)) continue;
        const values = scraped.get(metric)?.get(label);
        expect([metric, label, values !== undefined]).toEqual([metric, label, true]);
        if (value !== null) expect([...(values ?? [])]).toContain(value);
      }
    }
  });

  test.each(queries)('%s: nothing is counted twice in %s', (_, query) => {
    for (const { metric, aggregations } of namedIn(query)) {
      if (metric.startsWith('andon_fleet_'))
        expect([metric, aggregations.filter((one) => one !== 'max')]).toEqual([metric, []]);
      else if (/_(total|bucket|count|sum)$/.test(metric))
        expect([metric, aggregations.includes('sum')]).toEqual([metric, true]);
    }
  });

  test('the dashboard is one that Grafana lays out: ids once, nothing overlaps, legends name labels there are', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const [n, one] of panels.entries()) {
      const a = one.gridPos;
      expect(a.x + a.w).toBeLessThanOrEqual(24);
      for (const { title, gridPos: b } of panels.slice(n + 1)) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        expect([one.title, title, apart]).toEqual([one.title, title, true]);
      }
      for (const { expr, legendFormat } of one.targets ?? [])
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
          expect(expr).toMatch(new RegExp(`by \\([^)]*\\b${label}\\b`));
    }
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource']);
  });

  test('each alert says what happened, what to do, and how bad it is', () => {
    for (const { alert, labels, annotations } of rules.groups.flatMap((group) => group.rules)) {
      expect([alert, Object.keys(annotations).sort()]).toEqual([alert, ['description', 'summary']]);
      expect(['critical', 'warning', 'info']).toContain(labels['severity']);
    }
  });

  const promtool = existsSync('/usr/bin/promtool') ? test : test.skip;
  promtool('promtool takes the rules, and they fire when they should', () => {
    for (const args of [
      ['check', 'rules', 'config/prometheus/alerts.yaml'],
      ['test', 'rules', 'config/prometheus/alerts.test.yaml'],
    ])
      expect(execFileSync('/usr/bin/promtool', args).toString()).toContain('SUCCESS');
  });
});
