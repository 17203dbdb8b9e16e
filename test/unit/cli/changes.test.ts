import { expect, test } from '@jest/globals';
import { changes } from '../../../src/cli/changes.js';

test.each([
  [{ a: 1, b: { c: [1, 2] } }, { a: 1, b: { c: [1, 3] } }, ['b.c.1: 2 → 3']],
  [{ a: 1 }, { b: null }, ['a: 1 → nothing', 'b: nothing → null']],
  [{ 'price.eu': 1 }, { 'price.eu': 2 }, ['price\\.eu: 1 → 2']],
  [{ a: [1] }, { a: { 0: 1 } }, ['a: [1] → {"0":1}']],
  [{ a: 'x' }, { a: 'x' }, []],
  ['(70000 bytes, too large to keep)', {}, ['data: "(70000 bytes, too large to keep)" → {}']],
  [{ a: 'x'.repeat(99) }, { a: '' }, [`a: "${'x'.repeat(59)}… → ""`]],
])('%j to %j', (before, after, expected) => {
  expect(changes(before, after)).toEqual(expected);
});
