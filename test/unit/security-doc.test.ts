import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

const root = new URL('../../', import.meta.url);
const text = readFileSync(new URL('docs/security.md', root), 'utf8');

/** Rows with a test: what against, which control, file, name. */
const rows = text
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter(([, , , file]) => file?.startsWith('test/'))
  .map(([, against = '', control = '', file = '', name = '']) => ({
    against,
    control,
    file,
    name,
  }));

test('there are as many controls as somebody would look for', () => {
  expect(rows.length).toBeGreaterThan(25);
});

test.each(rows)('$against: $control', ({ file, name }) => {
  const url = new URL(file, root);
  expect([file, existsSync(url)]).toEqual([file, true]);
  const tests = readFileSync(url, 'utf8');
  const named = new RegExp(
    `(test|it|describe)[^\\n]*\\(\\s*['"\`][^\\n]*${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`,
  );
  expect(named.test(tests) || `no test "${name}" in ${file}`).toBe(true);
});
