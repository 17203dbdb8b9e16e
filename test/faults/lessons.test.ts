import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const page = readFileSync('docs/faults.md', 'utf8');
const rows = page
  .slice(page.indexOf('## Lessons'))
  .split('\n')
  .filter((row) => /^\| .*#\d+/.test(row))
  .map((row) => row.split('|').map((cell) => cell.trim()))
  .map(([, issues = '', , test = '']) => ({ issues, test }));

/** Named by the findings that Andon was built on. */
const issues =
  '4585 4479 4378 4138 4656 4065 3088 3185 2964 648 2565 2466 1479 2580 652 3535 3183 3056 1028 439 596 2774 2162 2465 1626 3075 3289 465 921 1046 1928 1631 995 458 1900';

const others = [
  'OptimalBits/bull#1628',
  'OptimalBits/bull#2051',
  'redis/ioredis#2193',
  'redis/ioredis#800',
  'nodemailer/nodemailer#1479',
];

describe('the table of lessons in docs/faults.md', () => {
  it('has a row for each issue', () => {
    const named = new Set(rows.flatMap((row) => row.issues.split(', ')));
    const wanted = [...issues.split(' ').map((issue) => `#${issue}`), ...others];
    expect(wanted.filter((issue) => !named.has(issue))).toEqual([]);
  });

  it.each(rows.filter((row) => !row.test.startsWith('open')))(
    '$issues: its test is there',
    ({ test }) => {
      const [, file = '', name] = /^`([^`]+)`(?: › (.*))?$/.exec(test) ?? [];
      expect(existsSync(file)).toBe(true);
      if (name) expect(readFileSync(file, 'utf8')).toContain(name);
    },
  );
});
