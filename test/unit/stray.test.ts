import { describe, expect, test } from '@jest/globals';
import { onStray } from '../../src/programs/stray.js';

function tell(reason: unknown): { told: string[]; ended: number } {
  const seen = { told: [] as string[], ended: 0 };
  const log = { error: (_: object, text: string) => void seen.told.push(text) };
  onStray(log, () => {
    seen.ended += 1;
  })(reason);
  return seen;
}

describe('a rejection that nobody waits for', () => {
  test('ends no process when Redis was away', () => {
    const away = Object.assign(new Error('Reached the max retries per request limit'), {
      name: 'MaxRetriesPerRequestError',
    });
    expect(tell(away)).toEqual({ told: ['a command to Redis was given up'], ended: 0 });
  });

  test('ends it when it is a defect', () => {
    const { told, ended } = tell(new TypeError('x is not a function'));
    expect(ended).toBe(1);
    expect(told[0]).toContain('the process ends');
  });
});
