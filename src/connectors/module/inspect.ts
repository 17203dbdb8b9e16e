import { readdir } from 'node:fs/promises';
import { extname } from 'node:path';
import { messageOf } from '../../errors.js';
import type { Log } from '../../log.js';
import { extensions, findModule, type ModuleLimits } from './settings.js';
import { ModuleThread } from './thread.js';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface Inspection {
  /** Sentences about what is well. */
  readonly notes: readonly string[];
  readonly problems: readonly string[];
}

/** Loads every module that lies in the directory itself, and those `named`, each in a thread, and ends it. */
export async function inspectModules(
  limits: ModuleLimits,
  named: readonly string[],
): Promise<Inspection> {
  const lying = await readdir(limits.directory, { withFileTypes: true }).catch(() => []);
  const files = lying
    .filter((one) => !one.isDirectory() && isModule(one.name))
    .map((one) => one.name);
  const notes: string[] = [];
  const problems: string[] = [];
  for (const path of new Set([...files.sort(), ...named])) {
    try {
      notes.push(`module ${path}: ${await load(path, limits)}`);
    } catch (error) {
      problems.push(`Module ${path} in ${limits.directory}: ${messageOf(error)}.`);
    }
  }
  return { notes, problems };
}

const isModule = (name: string): boolean =>
  extensions.includes(extname(name)) && !/\.(test|spec|d)\.\w+$/.test(name);

async function load(path: string, limits: ModuleLimits): Promise<string> {
  const found = findModule(limits.directory, path);
  if ('wrong' in found) throw new Error(found.wrong);
  const birth = { file: found.file, options: {}, secrets: {}, trial: true };
  const thread = new ModuleThread({ endpoint: 'check', birth, limits, log: silent, onIdle() {} });
  try {
    const { instructions, pings, verifies } = await thread.loaded;
    if (instructions.length === 0) return 'loads, but exports no connector';
    const more = [pings ? 'ping' : '', verifies ? 'verify' : ''].filter(Boolean).join(', ');
    return `${instructions.join(', ')}${more ? ` (${more})` : ''}`;
  } finally {
    await thread.end('it was only looked at');
  }
}
