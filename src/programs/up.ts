import type { Config } from '../config/load.js';
import { messageOf } from '../errors.js';
import { makeLog } from '../observability/log.js';
import { type Role, System, type SystemOptions, version } from '../system.js';
import { onStray } from './stray.js';

export interface ServeOptions {
  readonly roles: readonly Role[];
  readonly allowVolatile?: boolean;
  readonly demo?: SystemOptions['demo'];
  /** What else is to run before it is called ready. */
  readonly andThen?: (system: System) => Promise<{ stop(): Promise<void> }>;
}

/** Runs a system until a signal ends it. A second signal forces the end. */
export async function serve(config: Config, options: ServeOptions): Promise<void> {
  const log = makeLog(config.logLevel);
  let end: (reason: string) => void = () => {};
  const ended = new Promise<string>((resolve) => {
    end = resolve;
  });
  const system = new System(config, {
    roles: options.roles,
    allowVolatile: options.allowVolatile ?? false,
    log,
    ...(options.demo && { demo: options.demo }),
    giveUp: (why) => {
      process.exitCode = 70;
      // What hangs may hang on stopping as well.
      setTimeout(() => process.exit(70), 10_000).unref();
      end(why);
    },
  });
  const onSignal = (signal: string) => {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    process.once('SIGINT', () => process.exit(1)).once('SIGTERM', () => process.exit(1));
    end(signal);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  process.on(
    'unhandledRejection',
    onStray(log, () => process.exit(1)),
  );
  let more: { stop(): Promise<void> } | undefined;
  try {
    await Promise.race([system.start(), ended]);
    more = await options.andThen?.(system);
    if (!more) welcome(system, config, options.roles);
    log.info({ reason: await ended }, 'stopping');
  } finally {
    await more?.stop();
    await system.stop().catch((error) => log.error({ error: messageOf(error) }, 'stop failed'));
  }
}

/**
 * What a person needs first; logs are for later. A role that runs for itself and not on a terminal writes to
 * whoever reads its log, who is told in one more line of that: without passwords and keys, which lie in files.
 */
function welcome(system: System, config: Config, roles: readonly Role[]): void {
  const [role, ...others] = roles;
  if (!process.stdout.isTTY && role && others.length === 0) {
    announce(system, config, role);
    return;
  }
  const lines = system.url ? apiLines(system) : [];
  if (roles.length === 1 && role === 'worker') {
    lines.push(
      `Andon worker runs: ${config.concurrency} queues and ${config.parallelConcurrency} parallel items at once.`,
    );
  }
  if (roles.length === 1 && role === 'alerts') {
    lines.push('Andon alerts run: what fails is told by mail to those it concerns.');
  }
  if (system.healthUrl) lines.push(`Health at ${system.healthUrl}/readyz`);
  process.stdout.write(`\n${lines.map((line) => `  ${line}\n`).join('')}\n`);
}

/** At every log level, as whoever started it waits for this line. */
function announce(system: System, config: Config, role: Role): void {
  const { url, healthUrl, firstLogin, adminKey } = system;
  const { concurrency, parallelConcurrency } = config;
  makeLog('info').info(
    {
      role,
      version,
      ...(url && { url }),
      ...(healthUrl && { healthUrl }),
      ...(firstLogin && { login: firstLogin.name }),
      ...(firstLogin?.file && { passwordIn: firstLogin.file }),
      ...(adminKey?.file && { adminKeyIn: adminKey.file }),
      ...(role === 'worker' && { concurrency, parallelConcurrency }),
    },
    'up',
  );
}

function apiLines({ url, adminKey, firstLogin }: System): string[] {
  const lines = [`Andon ${version} is up.`, '', `API    ${url}/v1/items`, `Docs   ${url}/docs`];
  lines.splice(2, 0, `Desk   ${url}/`);
  if (firstLogin?.password) {
    const { name, password, file } = firstLogin;
    lines.push(`Login  ${name}   ${password}   (kept in ${file})`);
  } else if (firstLogin?.file)
    lines.push(`Login  ${firstLogin.name}, password in ${firstLogin.file}`);
  if (adminKey?.made)
    lines.push(`Key    ${adminKey.made}   (an admin key, kept in ${adminKey.file})`);
  else if (adminKey?.file) lines.push(`Key    in ${adminKey.file}`);
  lines.push('', 'Try    npm run demo', 'Help   npx andon --help', 'Stop   Ctrl-C');
  return lines;
}
