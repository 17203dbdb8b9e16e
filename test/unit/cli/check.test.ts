import { PassThrough, Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { addCheck } from '../../../src/check.js';
import { runCli } from '../../../src/cli/program.js';

async function check(...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const argv = ['node', '/usr/bin/andon', 'check', ...args];
  const io = { stdin: Readable.from([]), stdout, stderr, env: {}, argv };
  const code = await runCli(argv, (program) => addCheck(program, io), io);
  return { code, out: String(stdout.read() ?? '') };
}

test('check tells its findings as lines, or as one document', async () => {
  const { code, out } = await check();
  expect(code).toBe(0);
  expect(out).toMatch(/^ok {3}settings \(/);
  const { ok, problems, notes } = JSON.parse((await check('--json')).out);
  expect({ ok, problems }).toEqual({ ok: true, problems: [] });
  expect(notes[0]).toMatch(/^settings \(/);
});

test('settings that are wrong are in the document, too', async () => {
  process.env['ANDON_PORT'] = 'http';
  try {
    const { code, out } = await check('--json');
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      problems: [expect.stringContaining('ANDON_PORT')],
    });
  } finally {
    delete process.env['ANDON_PORT'];
  }
});
