import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> };
const { dependencies } = JSON.parse(read('package.json')) as {
  dependencies: Record<string, string>;
};
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 13);
const shipped = Object.entries(lock.packages)
  .filter(([path, { dev }]) => path !== '' && !dev)
  .map(([path, locked]) => ({ name: nameOf(path), ...locked }));

/** The oldest version that carries a fix which we need, and which fix that is. */
const floors: readonly (readonly [name: string, floor: string, why: string])[] = [
  [
    'body-parser',
    '2.3.0',
    'CVE-2026-12590: a limit that cannot be read switched the limit off; before it CVE-2024-45590',
  ],
  ['path-to-regexp', '8.4.0', 'CVE-2026-4926, CVE-2026-4923: paths that take for ever to match'],
  ['qs', '6.14.2', 'CVE-2025-15284, CVE-2026-2391: arrays beyond their limit fill the memory'],
  [
    'nodemailer',
    '10.4.1',
    'CVE-2026-125755, CVE-2026-90776; before them CVE-2025-14874, GHSA-mm7p-fcc7-pg87 (mail to another domain)',
  ],
  ['preact', '10.28.2', 'CVE-2026-22028: JSON that is taken for markup'],
  [
    'bullmq',
    '6.2.0',
    'taskforcesh/bullmq 4585: an outage longer than the drain delay parked a worker for ever',
  ],
];

/** What may be passed on with a product without conditions on that product. */
const permissive = new Set([
  'MIT',
  'MIT-0',
  'ISC',
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
]);

function isBelow(version: string, floor: string): boolean {
  const [a, b] = [version, floor].map((text) => text.split('-')[0]!.split('.').map(Number));
  for (let n = 0; n < 3; n += 1) if (a![n] !== b![n]) return a![n]! < b![n]!;
  return false;
}

describe('what is shipped', () => {
  test.each(floors)('%s is %s or newer', (name, floor) => {
    const found = shipped.filter((one) => one.name === name);
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter(({ version }) => isBelow(version, floor))).toEqual([]);
  });

  test('is few: every package that is added is one more to trust', () => {
    expect(Object.keys(dependencies).length).toBeLessThanOrEqual(32);
    expect(shipped.length).toBeLessThanOrEqual(200);
  });

  test('is exactly what was locked, with the hash of each package', () => {
    for (const { name, integrity } of shipped)
      expect([name, integrity]).toEqual([name, expect.stringMatching(/^sha512-/)]);
    for (const name of ['bullmq', '@bull-board/api', '@bull-board/express', '@bull-board/ui'])
      expect([name, dependencies[name]]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
  });

  test('runs nothing when it is installed, but for what is known and not needed', () => {
    const scripts = shipped.filter(({ hasInstallScript }) => hasInstallScript);
    expect(scripts.map(({ name }) => name)).toEqual(['msgpackr-extract']);
  });

  test('has permissive licences only', () => {
    expect(shipped.filter(({ license }) => !permissive.has(license ?? ''))).toEqual([]);
  });

  test('stands in docs/licences.md as it is', () => {
    const script = fileURLToPath(new URL('.ci/licences.mjs', root));
    const made = execFileSync(process.execPath, [script, '--print'], { encoding: 'utf8' });
    expect(read('docs/licences.md') === made || 'run `npm run licences`').toBe(true);
  });
});
