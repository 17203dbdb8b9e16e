import { describe, expect, test } from '@jest/globals';
import { SharedLook } from '../../../src/board/shared-look.js';
import { until } from '../../support/until.js';

/** A look that ends when the test says so. */
function looks() {
  const begun: { resolve(value: number): void; reject(problem: Error): void }[] = [];
  const shared = new SharedLook(
    () => new Promise<number>((resolve, reject) => void begun.push({ resolve, reject })),
  );
  const nth = (n: number) => until(`look ${n} begins`, () => begun[n]);
  return { begun, shared, nth };
}

describe('a look that many share', () => {
  test('is never older than the question', async () => {
    const { begun, shared, nth } = looks();
    const first = shared.now();
    const later = shared.now();
    expect(begun.length).toBe(1);
    (await nth(0)).resolve(1);
    expect(await first).toBe(1);
    (await nth(1)).resolve(2);
    expect(await later).toBe(2);
  });

  test('serves all who ask while another one runs', async () => {
    const { begun, shared, nth } = looks();
    const first = shared.now();
    const crowd = Promise.all(Array.from({ length: 50 }, () => shared.now()));
    (await nth(0)).resolve(1);
    await first;
    (await nth(1)).resolve(2);
    expect(new Set(await crowd)).toEqual(new Set([2]));
    expect(begun.length).toBe(2);
  });

  test('that fails fails for those who asked for it, and the next one is looked anew', async () => {
    const { shared, nth } = looks();
    const first = shared.now();
    const second = shared.now();
    (await nth(0)).reject(new Error('Redis is away'));
    await expect(first).rejects.toThrow('Redis is away');
    (await nth(1)).resolve(2);
    expect(await second).toBe(2);
    const third = shared.now();
    (await nth(2)).resolve(3);
    expect(await third).toBe(3);
  });
});
