import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { problemPage } from '../../src/api/docs/problem.js';
import { problemPages } from '../../src/api/problem-pages.js';
import type { ProblemType } from '../../src/errors.js';

const src = fileURLToPath(new URL('../../src/', import.meta.url));
const source = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file))
  .map((file) => readFileSync(src + file, 'utf8'))
  .join('\n');

/** Type, statuses and title of each class of errors that an answer can tell of. */
const classes = [...source.matchAll(/class \w+ extends AndonError \{([\s\S]*?)\n\}/g)].map(
  ([, body = '']) => ({
    type: /readonly type = '([\w-]+)'/.exec(body)?.[1],
    status: Number(/readonly status = (\d+)/.exec(body)?.[1] ?? 422),
  }),
);

test('every type that the code can answer with has a page, and every page has its type', () => {
  expect(classes.length).toBeGreaterThan(12);
  // What nobody foresaw has no class.
  const types = new Set([...classes.map(({ type }) => type), 'internal']);
  expect(Object.keys(problemPages).sort()).toEqual([...types].sort());
});

test('a page names the statuses that its type comes with', () => {
  for (const { type, status } of classes)
    expect([type, problemPages[type as ProblemType].statuses]).toEqual([
      type,
      expect.arrayContaining([status]),
    ]);
});

test('every page says what happened, what to do next, and whether to send it again', () => {
  for (const type of Object.keys(problemPages) as ProblemType[]) {
    const page = problemPage(type);
    const { happened, next, title } = problemPages[type];
    expect(next.length).toBeGreaterThan(0);
    for (const text of [happened, ...next]) {
      expect(text).toMatch(/^[A-Z`].*[.!]$/);
      expect(text.split('`').length % 2).toBe(1);
    }
    const plain = page.replace(/<[^>]*>/g, '').replaceAll('&lt;', '<');
    for (const text of [title, ...next]) expect(plain).toContain(text.replaceAll('`', ''));
  }
});
