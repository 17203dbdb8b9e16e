import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';

/**
 * A file may import from lower rows only; neighbours on a row are strangers, except on the first and
 * the last, which are families. ARCHITECTURE.md says why.
 */
const rows: readonly (readonly string[])[] = [
  ['cli', 'programs', 'system', 'roles', 'start', 'setup', 'testing'],
  ['api', 'fleet', 'client', 'observability', 'board', 'console', 'alerts'],
  ['blocking', 'incidents', 'accounts', 'migrations'],
  ['queues', 'connectors'],
  ['instructions', 'events'],
  ['redis', 'secrets'],
  ['config', 'crash-points', 'errors', 'lifecycle', 'json', 'log', 'lua', 'traces'],
];
const families = new Set([0, rows.length - 1]);

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const src = fileURLToPath(new URL('../../src', import.meta.url));
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) =>
  /\.(tsx?|mjs)$/.test(file),
);
const imports = files.flatMap(importsOf);

/** `import … from '…'`, `export … from '…'`, `import '…'` and `import('…')` of files of ours. */
function importsOf(from: string): Import[] {
  const text = readFileSync(join(src, from), 'utf8').replace(/^\s*(\/\/|\/?\*).*$/gm, '');
  const pattern =
    /\b(?:import|export)\s+(type\s)?(?:[\w*{][^'";]*?\sfrom\s*)?['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]/g;
  return [...text.matchAll(pattern)].flatMap(([, type, path, lazyPath]) => {
    const target = resolve(src, dirname(from), path ?? lazyPath ?? '');
    const written = relative(src, target).replace(/\.js$/, '.ts');
    const to = files.includes(written) ? written : written.replace(/\.ts$/, '.tsx');
    return to.startsWith('..') ? [] : [{ from, to, typeOnly: type !== undefined }];
  });
}

/** `api/app.ts` belongs to `api`, `errors.ts` to `errors`. */
const partOf = (file: string) => (file.split('/')[0] ?? '').replace(/\.\w+$/, '');
const rowOf = (file: string) => rows.findIndex((row) => row.includes(partOf(file)));

function isAllowed({ from, to, typeOnly }: Import): boolean {
  if (partOf(from) === partOf(to)) return true;
  if (partOf(from) === 'client') return typeOnly;
  const [above, below] = [rowOf(from), rowOf(to)];
  return above < below || (above === below && families.has(above));
}

/** A way from a file back to itself, or null. */
function cycle(): string[] | null {
  const next = new Map(files.map((file) => [file, [] as string[]]));
  for (const { from, to } of imports) next.get(from)?.push(to);
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const other of next.get(file) ?? []) {
      const found = visit(other, [...path, file]);
      if (found) return found;
    }
    done.add(file);
    return null;
  };
  for (const file of files) {
    const found = visit(file, []);
    if (found) return found;
  }
  return null;
}

describe('imports point one way', () => {
  test('the imports are found at all', () => {
    expect(imports).toContainEqual({
      from: 'config/load.ts',
      to: 'errors.ts',
      typeOnly: false,
    });
  });

  test('every file has its place in a row', () => {
    expect(files.filter((file) => rowOf(file) < 0)).toEqual([]);
  });

  test('nothing imports from a higher row or from a stranger on its own', () => {
    const forbidden = imports.filter((one) => !isAllowed(one));
    expect(forbidden.map(({ from, to }) => `src/${from} must not import src/${to}`)).toEqual([]);
  });

  test('no file imports itself by a detour', () => {
    expect(cycle()?.join(' → ') ?? null).toBeNull();
  });
});
