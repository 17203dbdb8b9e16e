import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { traceIdOf } from '../traces.js';

/** JSON lines on standard output, or readable ones on a terminal. Secrets do not pass. */
export function makeLog(level: string): Logger {
  const options = {
    level,
    base: undefined,
    // Where the line belongs in a tracing tool.
    mixin: () => {
      const traceId = traceIdOf();
      return traceId ? { traceId } : {};
    },
    redact: {
      paths: [
        'secret',
        'key',
        'password',
        'authorization',
        'headers',
        '*.secret',
        '*.headers',
        '*.password',
      ],
      censor: '[hidden]',
    },
  };
  if (!process.stdout.isTTY) return pino(options);
  return pino(
    options,
    pretty({ colorize: true, ignore: 'pid,hostname', translateTime: 'HH:MM:ss', sync: true }),
  );
}
