import { realpathSync, statSync } from 'node:fs';
import { basename, extname, isAbsolute, join, posix, relative, resolve, sep } from 'node:path';
import { z } from 'zod';

/** Where modules may lie, and what they may use. */
export interface ModuleLimits {
  /** Only modules below it may be named. */
  readonly directory: string;
  /** Heap of one thread, in megabytes. */
  readonly memoryMb: number;
  /** Threads that are kept while they have nothing to do; 64 unless given. */
  readonly keptThreads?: number;
  /** How long a call may go on after its deadline, to say how far it came. Milliseconds; 2 s unless given. */
  readonly graceMs?: number;
}

export const defaultLimits: ModuleLimits = { directory: './connectors', memoryMb: 256 };

/** Settings of a `module` connector. Both the API and the workers need the module on their disk. */
export function moduleSettingsSchema(directory: string) {
  return z.strictObject({
    type: z.literal('module'),
    /** Below the modules' directory: `my-shop.js`; its own name may stand before it, `./connectors/my-shop.js`. */
    path: z
      .string()
      .min(1)
      .max(512)
      .superRefine((path, context) => {
        const found = findModule(directory, path);
        if ('wrong' in found) context.addIssue({ code: 'custom', message: found.wrong });
      }),
    /** For the module, as it likes. */
    options: z.record(z.string(), z.json()).default({}),
    /** For the module's thread only: stored apart, never shown, taken out of whatever the module says. */
    secrets: z.record(z.string(), z.string().min(1).max(8_192)).default({}),
    /** For one attempt. Milliseconds. */
    timeoutMs: z.int().min(100).max(600_000).default(30_000),
  });
}

export type ModuleSettings = Readonly<z.output<ReturnType<typeof moduleSettingsSchema>>>;

export const extensions = ['.js', '.mjs', '.cjs', '.ts', '.mts'];

/** The file that a path names, symbolic links resolved; or why there is none. */
export function findModule(directory: string, path: string): { file: string } | { wrong: string } {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (isAbsolute(path) || path.includes('\\') || path.includes('\0') || parts.includes('..'))
    return { wrong: `must be a path below ${directory}, without ".."` };
  if (!extensions.includes(extname(path))) return { wrong: `must end in ${extensions.join(', ')}` };
  if (parts.includes('node_modules')) return { wrong: 'must not lie in node_modules' };
  const inside = parts[0] === basename(resolve(directory)) ? [parts, parts.slice(1)] : [parts];
  for (const candidate of inside) {
    const found = realFile(directory, posix.join(...candidate));
    if (found) return found;
  }
  return { wrong: `there is no such module below ${resolve(directory)}` };
}

function realFile(directory: string, path: string): { file: string } | { wrong: string } | null {
  let file: string;
  let root: string;
  try {
    root = realpathSync(directory);
    file = realpathSync(join(root, path));
  } catch {
    return null;
  }
  // A link may lead out of the directory.
  if (relative(root, file).split(sep)[0] === '..' || isAbsolute(relative(root, file)))
    return { wrong: `leads out of ${directory}` };
  if (!statSync(file).isFile()) return null;
  return isTypeScript(file) && !runsTypeScript() ? { wrong: notTypeScript() } : { file };
}

const isTypeScript = (file: string): boolean => /\.m?ts$/.test(file);

/** Node 22.18 and newer strip types themselves. */
const runsTypeScript = (): boolean =>
  Boolean((process.features as { readonly typescript?: string | false }).typescript);

const notTypeScript = (): string =>
  `is TypeScript, which Node.js ${process.versions.node} does not run: compile it to JavaScript, or run Andon with Node.js 22.18 or newer`;
