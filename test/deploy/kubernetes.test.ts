import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { parseAllDocuments } from 'yaml';
import { FleetMetrics } from '../../src/observability/fleet-metrics.js';
import { temporaryDirectory } from '../support/redis.js';
import { drainSeconds, knows } from './files.js';

/** A Kubernetes object, as far as the tests look at it. */
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly template?: { readonly spec: Pod } };
}
interface Pod {
  readonly automountServiceAccountToken: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: object;
  readonly containers: readonly Container[];
  readonly volumes: readonly {
    readonly name: string;
    readonly secret?: { readonly items: readonly { readonly path: string }[] };
  }[];
}
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: object;
  readonly resources: { readonly limits: object; readonly requests: object };
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly startupProbe: Probe;
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
}

const require = createRequire(import.meta.url);
const directory = 'config/kubernetes';
const manifests = readdirSync(directory).flatMap((file) =>
  parseAllDocuments(readFileSync(join(directory, file), 'utf8')).map(
    (document) => document.toJS() as Manifest,
  ),
);
const named = manifests.map((one) => [`${one.kind} ${one.metadata.name}`, one] as const);
const pods = manifests.flatMap(({ spec }) => (spec?.template ? [spec.template.spec] : []));
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

describe('the Kubernetes example', () => {
  test.each(named)('%s is what Kubernetes allows', (_, manifest) => {
    const models = require(`kubernetes-models/${manifest.apiVersion}/${manifest.kind}`) as Record<
      string,
      new (
        data: unknown,
      ) => { validate(): void }
    >;
    const Model = models[manifest.kind];
    if (!Model) throw new Error(`there is no ${manifest.kind}`);
    expect(() => new Model(older(manifest)).validate()).not.toThrow();
    expect(manifest.metadata.namespace).toBe('andon');
  });

  test('every role of the one image has a deployment', () => {
    const containers = pods.flatMap((pod) => pod.containers);
    expect(containers.map(({ args }) => args)).toEqual([['api'], ['worker'], ['alerts']]);
    for (const { image } of containers) expect(image).toBe(`andon:${version}`);
    for (const role of ['api', 'worker', 'alerts'])
      expect(named.map(([name]) => name)).toContain(`PodDisruptionBudget andon-${role}`);
  });

  test('a pod may do nothing that it need not', () => {
    for (const pod of pods) {
      expect(pod.automountServiceAccountToken).toBe(false);
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const { securityContext, resources } of pod.containers) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(resources.limits).toEqual({ cpu: expect.any(String), memory: expect.any(String) });
      }
    }
  });

  test('each is asked how it is at a port that it has', () => {
    const health = manifests.find(({ kind }) => kind === 'ConfigMap')?.data?.['ANDON_HEALTH_PORT'];
    for (const { containers } of pods) {
      const [{ ports, startupProbe, livenessProbe, readinessProbe } = failing()] = containers;
      expect(ports.find(({ name }) => name === 'health')?.containerPort).toBe(Number(health));
      expect(livenessProbe.httpGet.path).toBe('/healthz');
      expect(startupProbe.httpGet.path).toBe('/healthz');
      expect(readinessProbe.httpGet.path).toBe('/readyz');
      for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe])
        expect(ports.map(({ name }) => name)).toContain(httpGet.port);
    }
  });

  test('every variable in it is one of Andon, and every file of a secret is there', () => {
    const settings = manifests.flatMap(({ data }) => Object.keys(data ?? {}));
    const given = pods.flatMap(({ containers }) => containers.flatMap(({ env }) => env));
    expect([...settings, ...given.map(({ name }) => name)].filter((one) => !knows(one))).toEqual(
      [],
    );
    for (const { containers, volumes } of pods) {
      const files = volumes.flatMap(({ secret }) => secret?.items.map(({ path }) => path) ?? []);
      const read = containers[0]?.env.map(({ value }) => value.replace('/run/secrets/', ''));
      expect(files.sort()).toEqual(read?.sort());
    }
  });

  test('the metric that workers are added by is one of Andon', async () => {
    const registry = new Registry();
    new FleetMetrics(registry);
    const scaler = manifests.find(({ kind }) => kind === 'HorizontalPodAutoscaler');
    const [, name] = /"external":\{"metric":\{"name":"(\w+)"/.exec(JSON.stringify(scaler)) ?? [];
    expect(registry.getMetricsAsArray().map((one) => one.name)).toContain(name);
  });

  test('nobody is killed while deliveries end', () => {
    for (const { terminationGracePeriodSeconds, containers } of pods) {
      const slept = containers[0]?.lifecycle?.preStop.sleep.seconds ?? 0;
      expect(terminationGracePeriodSeconds).toBeGreaterThan(drainSeconds() + slept);
    }
  });
});

const scratch = await temporaryDirectory();

describe('the systemd unit', () => {
  const file = 'config/systemd/andon@.service';
  const text = readFileSync(file, 'utf8');

  test('nobody is killed while deliveries end', () => {
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1])).toBeGreaterThan(drainSeconds());
  });

  test('every variable in it is one of Andon', () => {
    const set = [...text.matchAll(/^Environment=(.*)$/gm)].flatMap(
      ([, all]) => all?.split(' ') ?? [],
    );
    const names = set.map((one) => one.slice(0, one.indexOf('=')));
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !knows(name))).toEqual([]);
    const credentials = [...text.matchAll(/^LoadCredential=(\w+):/gm)].map(([, name]) => name);
    const read = set.flatMap((one) => /=%d\/(\w+)$/.exec(one)?.[1] ?? []);
    expect(read.sort()).toEqual(credentials.sort());
  });

  test('starts without the files of settings that nobody has written', () => {
    const files = [...text.matchAll(/^EnvironmentFile=(.*)$/gm)].map(([, file]) => file);
    expect(files).toEqual(['-/etc/andon/env', '-/etc/andon/%i.env']);
  });

  test('the first part of its name is the role', () => {
    const script = /^ExecStart=\/bin\/sh -c '(.*)'$/m.exec(text)?.[1] ?? '';
    const said = (instance: string) =>
      execFileSync('sh', [
        '-c',
        // as systemd fills it in
        script
          .replace('%i', instance)
          .replaceAll('%%', '%')
          .replaceAll('$$', '$')
          .replace('exec /usr/bin/node dist/cli.js', 'echo'),
      ])
        .toString()
        .trim();
    expect(said('worker-2')).toBe('worker');
    expect(said('api')).toBe('api');
  });

  const analyzer = spawnSync('systemd-analyze', ['--version']).status === 0;
  (analyzer ? test : test.skip)('systemd takes it', () => {
    const unit = join(scratch, 'andon@worker.service');
    copyFileSync(file, unit);
    const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', unit]);
    expect(`${stdout}${stderr}`).toBe('');
  });
});

/** Without what is younger than the models, which are those of Kubernetes 1.27: `sleep` came with 1.29. */
function older(manifest: Manifest): unknown {
  return JSON.parse(
    JSON.stringify(manifest, (key, value) => (key === 'lifecycle' ? undefined : value)),
  );
}

function failing(): never {
  throw new Error('the pod has no container');
}
