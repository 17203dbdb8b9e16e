import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Connector } from '../connectors/connector.js';
import { moduleType } from '../connectors/module/module.js';
import { ModuleThreads } from '../connectors/module/threads.js';
import type { JsonObject } from '../json.js';

export interface ModuleSetup {
  readonly options?: JsonObject;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** The connector of a module, in a thread of its own as in production; `close` ends the thread. */
export async function openModule(
  file: string | URL,
  setup: ModuleSetup = {},
): Promise<{ connector: Connector; close(): Promise<void> }> {
  const path = typeof file === 'string' ? file : fileURLToPath(file);
  const threads = new ModuleThreads(
    { directory: dirname(path), memoryMb: 256, graceMs: 500 },
    silent,
  );
  const type = moduleType(threads);
  try {
    const settings = type.parse({ type: 'module', path: basename(path), ...setup });
    return { connector: await type.create(settings, 'test'), close: () => threads.stop() };
  } catch (error) {
    await threads.stop();
    throw error;
  }
}
