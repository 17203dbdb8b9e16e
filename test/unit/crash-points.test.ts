import { spawnSync } from 'node:child_process';
import { expect, it } from '@jest/globals';

/** How a process ends that comes by a point at which it is asked to die. */
const fateOf = (environment: Record<string, string>): string => {
  const comes = `const { crashPoint } = await import('${new URL('../../dist/crash-points.js', import.meta.url)}'); crashPoint('before-claim'); crashPoint('before-claim');`;
  const { signal, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', comes], {
    env: { PATH: process.env['PATH'], ...environment },
  });
  return signal ?? String(status);
};

it.each([
  [{ NODE_ENV: 'test', ANDON_FAULT_AT: 'before-claim' }, 'SIGKILL'],
  [{ NODE_ENV: 'test', ANDON_FAULT_AT: 'before-claim:2' }, 'SIGKILL'],
  [{ NODE_ENV: 'test', ANDON_FAULT_AT: 'before-claim:3' }, '0'],
  [{ NODE_ENV: 'production', ANDON_FAULT_AT: 'before-claim' }, '0'],
  [{ ANDON_FAULT_AT: 'before-claim' }, '0'],
  [{ NODE_ENV: 'test' }, '0'],
] as [Record<string, string>, string][])(
  'a crash point under %j ends with %s',
  (environment, fate) => {
    expect(fateOf(environment)).toBe(fate);
  },
);
