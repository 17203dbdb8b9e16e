import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { runCli } from '../../../src/cli/program.js';
import { addCheck } from '../../../src/programs/check.js';

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

test('what a start would refuse of the settings file is a problem, with file and place', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'andon-check-'));
  const file = join(directory, 'andon.yaml');
  writeFileSync(
    file,
    `channels: { "12": { description: Cape, connector: { type: http } } }
alerts: { overrides: [{ types: [addProductEror], recipients: [shop@example.com] }] }`,
  );
  process.env['ANDON_CONFIG'] = file;
  process.env['ANDON_CONCURENCY'] = '5';
  try {
    const { code, out } = await check('--json');
    expect(code).toBe(2);
    const { problems, notes } = JSON.parse(out);
    expect(problems).toEqual([
      expect.stringContaining(`${file}: alerts.overrides.0.types.0: `),
      expect.stringContaining(`${file}: channels.12.connector.url: must be a URL`),
    ]);
    expect(notes).toContainEqual(
      expect.stringMatching(/^warning: ANDON_CONCURENCY .*did you mean/),
    );
  } finally {
    delete process.env['ANDON_CONFIG'];
    delete process.env['ANDON_CONCURENCY'];
    rmSync(directory, { recursive: true });
  }
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
