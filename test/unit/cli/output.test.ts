import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { Output, printable } from '../../../src/cli/output.js';
import { fitted, table, widthOf } from '../../../src/cli/table.js';
import { age } from '../../../src/cli/words.js';

const rows = [
  ['1042', 'channel.12', 'Add product to Cape Shopify · Ocean Blue Shirt'],
  ['7', 'parallel', 'Send email'],
];
const headings = ['ID', 'QUEUE', 'WHAT'];

test('a table fits the terminal: the widest column is cut, the ids never', () => {
  for (const width of [80, 60, 40]) {
    const lines = table(headings, rows, width).split('\n');
    expect(lines).toHaveLength(3);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width);
    expect(lines[1]).toContain('1042');
  }
  expect(table(headings, rows, 40)).toContain('…');
});

test('in a pipe nothing is cut', () => {
  expect(table(headings, rows)).toBe(
    [
      'ID    QUEUE       WHAT',
      '1042  channel.12  Add product to Cape Shopify · Ocean Blue Shirt',
      '7     parallel    Send email',
    ].join('\n'),
  );
});

test('columns give way from the widest on, down to a least width', () => {
  expect(fitted([4, 50, 10], 40)).toEqual([4, 20, 10]);
  expect(fitted([40, 40], 10)).toEqual([6, 6]);
});

test('wide characters count twice, colours not at all', () => {
  expect(widthOf('红色')).toBe(4);
  expect(widthOf('\u001b[31mred\u001b[0m')).toBe(3);
});

test('colour is for terminals, and NO_COLOR is heard', () => {
  const paint = (isTTY: boolean, env: Record<string, string>) => {
    const screen = Object.assign(new PassThrough(), { isTTY });
    const io = { stdin: new PassThrough(), stdout: screen, stderr: screen, env, argv: [] };
    return new Output(io, false).paint('failed', 'red');
  };
  expect(paint(true, {})).toBe('\u001b[31mfailed\u001b[0m');
  expect(paint(true, { NO_COLOR: '1' })).toBe('failed');
  expect(paint(false, {})).toBe('failed');
});

test('text of others cannot steer the terminal', () => {
  expect(printable('a\u001b[2Jb\nc\u0007\u202e')).toBe('a\uFFFD[2Jb c\uFFFD\uFFFD');
});

test('ages are told in their largest unit', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  expect(age('2026-11-21T11:59:58Z', now)).toBe('2 s');
  expect(age('2026-11-21T11:01:00Z', now)).toBe('59 min');
  expect(age('2026-11-19T11:00:00Z', now)).toBe('2 d');
  expect(age('2026-11-21T12:00:09Z', now)).toBe('0 s');
  expect(age(null, now)).toBe('');
});
