import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const run = promisify(execFile);

test.each(['--help', 'items --help', '--version'])(
  'andon %s is quiet when nobody reads on, as before head',
  async (command) => {
    // The reader is gone long before the first word.
    const script = `node dist/cli.js ${command} | true; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await run('bash', ['-c', script]);
    expect([stdout.trim(), stderr]).toEqual(['0', '']);
  },
);
