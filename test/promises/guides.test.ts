import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { z } from 'zod';
import { problemPages } from '../../src/api/problem-pages.js';
import { buildCli } from '../../src/cli/program.js';
import { environmentSchema, secretNames } from '../../src/config/environment.js';
import { fileSchema } from '../../src/config/schema.js';
import { addServing } from '../../src/programs/serve.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const text = (file: string) => readFileSync(join(root, file), 'utf8');

/** Every page that people read. */
const pages = [
  ...readdirSync(root).filter((file) => file.endsWith('.md')),
  ...['docs', 'bench', 'examples', 'config'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md') && !file.includes('node_modules'))
      .map((file) => join(folder, file)),
  ),
];

test('every link from one page to another file leads somewhere', () => {
  expect(pages).toContain('docs/tutorial.md');
  const broken = pages.flatMap((page) => {
    const prose = text(page).replace(/^```.*?^```$/gms, '');
    return [...prose.matchAll(/\]\((?!\w+:|#)([^)#\s]+)(#[^)]*)?\)/g)]
      .filter(([, to = '']) => !existsSync(join(root, dirname(page), to)))
      .map(([, to]) => `${page} → ${to}`);
  });
  expect(broken).toEqual([]);
});

test('the index of the guides names every guide', () => {
  const index = text('docs/README.md');
  for (const file of readdirSync(join(root, 'docs')))
    if (file.endsWith('.md') && file !== 'README.md') expect(index).toContain(`(${file})`);
});

describe('what the guides say one should type', () => {
  const program: Command = buildCli(addServing);
  const find = (from: Command, name: string) =>
    from.commands.find((one) => one.name() === name || one.aliases().includes(name));
  const shared = ['--url', '--key', '--json', '--help', '--version'];

  /** What is wrong with a command line that begins with `andon`; null when nothing is. */
  function fault(line: string): string | null {
    const words = line.split(/\s+/).slice(1);
    let at = program;
    while (words[0] !== undefined && find(at, words[0])) {
      at = find(at, words.shift() ?? '') ?? at;
    }
    const [word = ''] = words;
    if (at.commands.length > 0 && /^[a-z]/.test(word)) return `there is no command ${word}`;
    const known = [...shared, ...at.options.flatMap((one) => [one.long, one.short])];
    const strange = words
      .filter((one) => /^--[a-z]/.test(one))
      .map((one) => one.replace(/=.*/, ''));
    const wrong = strange.filter((one) => !known.includes(one));
    return wrong.length > 0 ? `${at.name()} has no ${wrong.join(' ')}` : null;
  }

  /** Command lines in blocks, and in text between backquotes. */
  function commandsIn(markdown: string): string[] {
    const lines = markdown
      .replaceAll('\\\n', ' ')
      .split('\n')
      .flatMap(
        (line) => /^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(?:npx )?(andon [a-z-].*)$/.exec(line)?.[1] ?? [],
      );
    const inline = [...markdown.matchAll(/`(?:npx )?(andon [^`\n]+)`/g)].map(
      ([, one]) => one ?? '',
    );
    return [...lines, ...inline].map((one) => one.replace(/\s+#.*|["'].*?["']/g, ''));
  }

  test('every andon command and option exists', () => {
    expect(fault('andon retry 5')).toBeNull();
    expect(fault('andon keys create --scope read')).toBeNull();
    expect(fault('andon repair 5')).toBe('there is no command repair');
    expect(fault('andon keys creates')).toBe('there is no command creates');
    expect(fault('andon retry 5 --hard')).toBe('retry has no --hard');
    expect(pages.flatMap((page) => commandsIn(text(page))).length).toBeGreaterThan(60);
    const wrong = pages.flatMap((page) =>
      commandsIn(text(page)).flatMap((line) => {
        const says = fault(line);
        return says ? [`${page}: ${line}: ${says}`] : [];
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('those of the pages of problems, too', () => {
    const advice = Object.values(problemPages).flatMap(({ happened, next }) => [happened, ...next]);
    const commands = advice.flatMap(commandsIn);
    expect(commands.length).toBeGreaterThan(3);
    expect(commands.flatMap((line) => fault(line) ?? [])).toEqual([]);
  });

  test('every npm script exists', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
    const wrong = pages.flatMap((page) =>
      [...text(page).matchAll(/\bnpm (?:run )?([a-z:]+)\b/g)]
        .map(([, name = '']) => name)
        .filter(
          (name) => !['install', 'prune', 'ci', 'run', 'is', 'sbom', 'pack', 'and'].includes(name),
        )
        .filter((name) => !(name in scripts))
        .map((name) => `${page}: npm run ${name}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe('the page of settings', () => {
  interface Shape {
    readonly properties?: Readonly<Record<string, Shape>>;
    readonly default?: unknown;
  }
  const namesOf = (shape: Shape, before = ''): string[] =>
    Object.entries(shape.properties ?? {}).flatMap(([name, one]) =>
      one.properties && Object.keys(one.properties).length > 0
        ? namesOf(one, `${before}${name}.`)
        : [`${before}${name}`],
    );
  const shapeOf = (schema: z.ZodType) =>
    z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape;
  const at = (value: unknown, path: string): unknown =>
    path.split('.').reduce<unknown>((inner, part) => {
      return typeof inner === 'object' && inner !== null
        ? (inner as Record<string, unknown>)[part]
        : undefined;
    }, value);
  const shown = (value: unknown): string =>
    value === undefined
      ? ''
      : typeof value === 'object'
        ? `\`${JSON.stringify(value)}\``
        : String(value);

  /** Name → default, as the page has them. */
  const told = new Map(
    [...text('docs/settings.md').matchAll(/^\| `([\w.]+)` \| (.*?) ?\| .+ \|$/gm)].map(
      ([, name = '', fallback = '']) => [name, fallback.trim()] as const,
    ),
  );
  const defaults = {
    ...Object.fromEntries(Object.entries(environmentSchema.parse({}))),
    ...fileSchema.parse({}),
  };
  const names = [...namesOf(shapeOf(environmentSchema)), ...namesOf(shapeOf(fileSchema))];

  test('names every setting that there is, and none besides', () => {
    expect(names.length).toBeGreaterThan(80);
    expect([...told.keys()].sort()).toEqual([...names].sort());
  });

  test('tells the real defaults', () => {
    for (const name of names)
      expect([name, told.get(name)]).toEqual([name, shown(at(defaults, name))]);
  });

  test('says which may be given as a file', () => {
    for (const name of secretNames) expect(text('docs/settings.md')).toContain(`\`${name}\``);
  });

  test('every setting that a guide names is one', () => {
    const known = new Set([...names, ...secretNames.map((name) => `${name}_FILE`)]);
    // Of the command line, of tests, of docker-compose.yml, and of the programs to start from.
    const others =
      /^ANDON_(URL|KEY|KEY_FILE|CRASHES|FAULT_AT|MANY|MODEL_RUNS|CHROMIUM|OUTAGE_S|PUBLISH|SCREENSHOTS|SECRET|TEST_ACL)$/;
    const wrong = pages.flatMap((page) =>
      [...text(page).matchAll(/\b(ANDON_[A-Z_]+[A-Z])\b/g)]
        .map(([, name = '']) => name)
        .filter((name) => !known.has(name) && !others.test(name))
        .map((name) => `${page}: ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  test('the settings file that comes along is understood, also the lines that stand there as examples', () => {
    const file = text('config/andon.yaml');
    expect(fileSchema.safeParse(parse(file)).error).toBeUndefined();
    const sections = new Set(names.map((name) => name.split('.')[0]));
    for (const [, name = ''] of file.matchAll(/^([a-z]\w+):/gm)) expect(sections).toContain(name);
    const leaves = new Set(names.map((name) => name.split('.').at(-1)));
    for (const name of names.filter((one) => /^(hold|fleet|api|retention|alerts)\./.test(one)))
      expect([name, file]).toEqual([name, expect.stringContaining(`${name.split('.').at(-1)}:`)]);
    expect(leaves.size).toBeGreaterThan(50);
  });
});

test('the table "to change X, go to Y" names places that are there', () => {
  const [, table = ''] = /## Where to change what\n(.*?)\n## /s.exec(text('ARCHITECTURE.md')) ?? [];
  const places = [...table.matchAll(/`((?:src|test|config|docs|bench|examples)\/[^`]+)`/g)].map(
    ([, place = '']) => place,
  );
  expect(places.length).toBeGreaterThan(25);
  expect(places.filter((place) => !existsSync(join(root, place)))).toEqual([]);
});
