import { pause } from '../../src/lifecycle.js';

/**
 * Resolves with the predicate's first truthy answer. While it throws, the answer is "not yet":
 * what is awaited may be a server that is just coming back.
 * @throws after the deadline, naming what was awaited
 */
export async function until<T>(
  what: string,
  predicate: () => T | Promise<T>,
  deadlineMs = 10_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + deadlineMs;
  let problem: unknown;
  for (;;) {
    try {
      const answer = await predicate();
      if (answer) return answer;
      problem = undefined;
    } catch (error) {
      problem = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${deadlineMs} ms in vain for: ${what}`, { cause: problem });
    }
    await pause(8);
  }
}
