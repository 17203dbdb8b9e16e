import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { inspectModules } from '../../../src/connectors/module/inspect.js';

it('andon check loads the modules: what they can do, which are broken, which are none', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'andon-test-'));
  try {
    await writeFile(join(directory, 'package.json'), '{"type":"module"}');
    await writeFile(join(directory, 'helper.js'), 'export const a = 1;');
    await writeFile(join(directory, 'broken.js'), 'export default {{');
    await writeFile(join(directory, 'broken.test.js'), 'process.exit(1)');
    const { notes, problems } = await inspectModules({ directory, memoryMb: 64 }, ['gone.js']);
    expect(notes).toEqual(['module helper.js: loads, but exports no connector']);
    expect(problems).toEqual([
      expect.stringMatching(/^Module broken\.js in .*cannot be loaded: Unexpected token/),
      expect.stringMatching(/^Module gone\.js in .*there is no such module/),
    ]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

it('needs neither options nor secrets of a module to say what it can do', async () => {
  const limits = { directory: 'examples/connectors', memoryMb: 64 };
  const { notes, problems } = await inspectModules(
    { ...limits, directory: 'examples/connectors/erp' },
    [],
  );
  expect(problems).toEqual([]);
  expect(notes).toContain('module connector.js: add_order (ping, verify)');
});

it('a directory that is not there is no problem: not everybody has modules', async () => {
  const found = await inspectModules({ directory: '/nowhere/connectors', memoryMb: 64 }, []);
  expect(found).toEqual({ notes: [], problems: [] });
});
