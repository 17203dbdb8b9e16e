import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

const run = async (name: string, temporary: string): Promise<string> => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['examples/connectors/run.js', name],
    {
      env: { ...process.env, NODE_OPTIONS: '', TMPDIR: temporary },
      timeout: 25_000,
    },
  );
  return stdout;
};

it.each([
  [
    'shopify',
    [
      'on hold, nothing is lost',
      'stopped at item 2, Mug',
      'Image cannot be downloaded" (class data)',
      '1 call changed the mug',
      'in this order: tee, mug, cap',
      'and still one cap',
    ],
  ],
  [
    'erp',
    [
      'booked with 1 login: documents 5001, 5002',
      'forgot the session; 2 logins now',
      'Item X is not in the item master',
      'looked up: {"alreadyDone":true,"result":{"docNum":5005}}',
      'The ERP has 1 order 1005',
    ],
  ],
  [
    'store',
    [
      'too many calls',
      'SAW has no trade price',
      'Listed: DRILL.',
      'in order: DRILL, SAW, VICE',
      'one constant key an item: 1 (attempt',
    ],
  ],
])('npm run example %s tells what happened, and leaves nothing behind', async (name, sentences) => {
  const temporary = await mkdtemp(join(tmpdir(), 'andon-test-'));
  try {
    const told = await run(name, temporary);
    for (const sentence of sentences) expect(told).toContain(sentence);
    expect(await readdir(temporary)).toEqual([]);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
});
