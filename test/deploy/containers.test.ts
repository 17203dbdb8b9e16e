import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv2019 } from 'ajv/dist/2019.js';
import type { Instruction } from 'dockerfile-ast';
import { validate as lint } from 'dockerfile-utils';
import { parse } from 'yaml';
import { environmentSchema, secretNames } from '../../src/config/environment.js';
import {
  composeRules,
  drainSeconds,
  knows,
  type Membership,
  type Service,
  seconds,
  servicesOf,
} from './files.js';
import {
  copyOf,
  environmentOf,
  execForm,
  keyword,
  letThrough,
  type Stage,
  stagesOf,
  words,
} from './image.js';

const read = (file: string) => readFileSync(file, 'utf8');
const dockerfile = read('Dockerfile');
const stages = stagesOf(dockerfile);
const image = stages.at(-1) as Stage;
const last = (word: string): Instruction | undefined =>
  image.steps.filter((step) => keyword(step) === word).at(-1);
const manifest = JSON.parse(read('package.json')) as {
  version: string;
  dependencies: Record<string, string>;
};

describe('the image', () => {
  test('is well written', () => {
    expect(lint(dockerfile).map(({ message }) => message)).toEqual([]);
  });

  test('stands on one version of Node.js, which the program allows', () => {
    expect(new Set(stages.map(({ base }) => base))).toEqual(new Set(['node:24-bookworm-slim']));
  });

  test('runs as nobody in particular, and gets its signals itself', () => {
    expect(words(last('USER') as Instruction)).toEqual(['1000:1000']);
    expect(execForm(last('ENTRYPOINT'))).toEqual(['node', 'dist/cli.js']);
    expect(execForm(last('CMD'))).toEqual(['up']);
    expect(words(last('STOPSIGNAL') as Instruction)).toEqual(['SIGTERM']);
    expect(last('HEALTHCHECK')?.getArgumentsContent()).toContain(
      '["node", "dist/cli.js", "health"]',
    );
  });

  test('takes production packages only, and no script of a package is run', () => {
    const packages = stages.find(({ name }) => name === 'packages');
    const [install] = packages?.steps.filter((step) => keyword(step) === 'RUN') ?? [];
    expect(words(install as Instruction)).toEqual(expect.arrayContaining(['--omit=dev']));
    for (const stage of stages)
      for (const step of stage.steps)
        if (words(step).includes('install')) expect(words(step)).toContain('--ignore-scripts');
    const copied = image.steps.filter((step) => keyword(step) === 'COPY').map(copyOf);
    const modules = copied.filter(({ sources }) =>
      sources.some((one) => one.includes('node_modules')),
    );
    expect(modules).toEqual([
      { from: 'packages', sources: ['/app/node_modules'], to: './node_modules' },
    ]);
  });

  test('everything that the program imports is a production package', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' });
    const imported = files
      .filter((file) => /\.tsx?$/.test(file))
      .flatMap((file) => [
        ...read(join('src', file)).matchAll(
          /^(?:import|export) (?!type)[^;]*?from '([^.'][^']*)'/gm,
        ),
      ])
      .map(([, name]) => name?.match(/^(@[^/]+\/)?[^/]+/)?.[0] ?? '')
      .filter((name) => !name.startsWith('node:') && !builtinModules.includes(name));
    const missing = [...new Set(imported)].filter((name) => !(name in manifest.dependencies));
    expect(missing).toEqual([]);
  });

  test('gets the files that the program reads, and nothing else gets near the build', () => {
    const taken = stages.flatMap(({ steps }) =>
      steps
        .filter((step) => keyword(step) === 'COPY')
        .map(copyOf)
        .flatMap(({ from, sources }) => (from === null ? sources : [])),
    );
    expect([...new Set(taken)].sort()).toEqual(letThrough('.dockerignore').sort());
    for (const path of taken) expect(existsSync(path)).toBe(true);
    // What stands beside the program and is named by it, as a path from its own file upwards.
    const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.tsx?$/.test(file),
    );
    const named = sources.flatMap((file) =>
      [
        ...read(join('src', file)).matchAll(
          /new URL\(\s*'((?:\.\.\/)+)((?:config|examples|docs)\/[^']*|package\.json)'/g,
        ),
      ].map(([, , path]) => path?.replace(/\/$/, '') ?? ''),
    );
    expect(named.length).toBeGreaterThan(3);
    const isTaken = (path: string) =>
      taken.some((one) => path === one || path.startsWith(`${one}/`));
    for (const path of named) expect([path, isTaken(path)]).toEqual([path, true]);
  });

  test('says which Andon it is', () => {
    const labels = image.steps
      .filter((step) => keyword(step) === 'LABEL')
      .flatMap(words)
      .join('\n');
    expect(labels).toContain(`org.opencontainers.image.version="${manifest.version}"`);
  });

  test('sets nothing that the program does not know', () => {
    expect(Object.keys(environmentOf(image)).filter((name) => !knows(name))).toEqual([]);
    expect(environmentOf(image)['UV_THREADPOOL_SIZE']).toBe('16');
  });
});

describe('docker-compose.yml', () => {
  const compose = parse(read('docker-compose.yml'), { merge: true });
  const services = servicesOf(compose);
  const andon = Object.entries(services).filter(([, { image }]) => image?.startsWith('andon:'));
  const roles = ['api', 'worker', 'alerts'];

  test('is what the compose specification allows', () => {
    const ajv = new Ajv2019({
      strict: false,
      allErrors: true,
      formats: { subnet_ip_address: true, duration: true },
    });
    const fits = ajv.compile(composeRules);
    // Younger than the schema.
    const { name, ...rest } = compose;
    expect(name).toBe('andon');
    fits(rest);
    expect(fits.errors ?? []).toEqual([]);
  });

  test('runs every role of the one image', () => {
    expect(new Set(andon.map(([, { image }]) => image))).toEqual(
      new Set([`andon:${manifest.version}`]),
    );
    for (const role of roles) expect(services[role]?.command).toEqual([role]);
    expect(services['worker']?.deploy?.replicas).toBe(2);
  });

  test.each(Object.keys(services))('%s may do nothing that it need not', (name) => {
    const { read_only, cap_drop, security_opt, user, deploy, pids_limit, privileged } = services[
      name
    ] as Service;
    expect({ read_only, cap_drop, security_opt, privileged }).toEqual({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      privileged: undefined,
    });
    expect(pids_limit).toBeGreaterThan(0);
    expect(user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(deploy?.resources?.limits).toEqual({
      cpus: expect.any(String),
      memory: expect.any(String),
    });
  });

  test('what starts waits for what it needs to be healthy', () => {
    for (const role of roles)
      expect(services[role]?.depends_on).toEqual({ redis: { condition: 'service_healthy' } });
    for (const { depends_on } of Object.values(services))
      for (const [needed, { condition }] of Object.entries(depends_on ?? {})) {
        expect(condition).toBe('service_healthy');
        const { healthcheck, image: of } = services[needed] as Service;
        expect(Boolean(healthcheck?.test) || of?.startsWith('andon:')).toBe(true);
      }
  });

  test('Redis keeps what it is given, and only who has its password gets in', () => {
    const command = services['redis']?.command?.join(' ');
    for (const flag of [
      '--appendonly yes',
      '--maxmemory-policy noeviction',
      '--aclfile /run/secrets/redis_users',
      '--dir /data',
    ])
      expect(command).toContain(flag);
    expect(services['redis']?.volumes).toEqual(['redis-data:/data']);
    expect(services['redis']?.ports).toBeUndefined();
    expect(services['redis']?.image).toMatch(/^redis:\d+-/);
    expect(compose.networks.back.internal).toBe(true);
  });

  test('no secret stands in it: each is a file, and goes to those only who need it', () => {
    const files = Object.values(compose.secrets as Record<string, { file: string }>);
    for (const { file } of files) expect(file).toMatch(/^\.\/secrets\//);
    expect(read('.gitignore').split('\n')).toContain('secrets/');
    for (const [name, { environment = {}, secrets = [] }] of andon) {
      for (const [variable, value] of Object.entries(environment)) {
        expect(secretNames as readonly string[]).not.toContain(variable);
        if (!variable.endsWith('_FILE')) continue;
        expect([name, secrets]).toEqual([
          name,
          expect.arrayContaining([value.replace('/run/secrets/', '')]),
        ]);
      }
      expect(secrets).not.toContain('redis_users');
    }
    expect(services['worker']?.secrets).not.toContain('bootstrap_key');
  });

  test('every variable in it is one of Andon', () => {
    const named = andon.flatMap(([, { environment = {} }]) => Object.keys(environment));
    expect(named.filter((name) => !knows(name))).toEqual([]);
  });

  test('its ports are those of the program', () => {
    const port = environmentSchema.shape.ANDON_PORT.parse(undefined);
    expect(services['api']?.ports).toEqual([`\${ANDON_PUBLISH:-127.0.0.1:${port}}:${port}`]);
    expect(words(last('EXPOSE') as Instruction)).toEqual([String(port)]);
    for (const { ports = [] } of Object.values(services))
      for (const published of ports) expect(published).toMatch(/127\.0\.0\.1:\d+/);
  });

  test('the name of the demo shop leads workers to the network that connectors may reach, and to no other', () => {
    const { hostname } = new URL(services['demo']?.command?.at(-1) ?? '');
    const leads = networksOf(services['worker']).filter((network) =>
      Object.entries(services).some(([name, service]) => {
        const { aliases = [] } = membership(service, network) ?? {};
        return membership(service, network) && [name, ...aliases].includes(hostname);
      }),
    );
    expect(leads).toEqual(['demo']);
    const [{ subnet }] = compose.networks.demo.ipam.config;
    expect(services['worker']?.environment?.['ANDON_CONNECTOR_NETWORKS']).toContain(`:-${subnet}}`);
  });

  test('nobody is killed while deliveries end', () => {
    for (const role of roles)
      expect(seconds(services[role]?.stop_grace_period)).toBeGreaterThan(drainSeconds());
  });
});

/** How a service is in a network; undefined when it is not. */
function membership({ networks = [] }: Service, network: string): Membership | undefined {
  if (!Array.isArray(networks)) return (networks as Record<string, Membership>)[network];
  return networks.includes(network) ? {} : undefined;
}

const networksOf = ({ networks = [] }: Service = {}): readonly string[] =>
  Array.isArray(networks) ? networks : Object.keys(networks);
