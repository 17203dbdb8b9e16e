import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { strayEdits } from './seeded-bugs/apply.js';
import { seededBugs } from './seeded-bugs/bugs.js';

it('every seeded bug still finds the text that it changes', () => {
  expect(seededBugs.flatMap((bug) => strayEdits(bug, '.'))).toEqual([]);
  expect(seededBugs.length).toBeGreaterThanOrEqual(25);
  expect(new Set(seededBugs.map((bug) => bug.name)).size).toBe(seededBugs.length);
});

it('every test that must catch a seeded bug is there', () => {
  const missing = seededBugs
    .flatMap((bug) => bug.caughtBy)
    .map((by) => by.split(' › '))
    .filter(([file = '', name]) => name && !readFileSync(file, 'utf8').includes(name));
  expect(missing).toEqual([]);
});
