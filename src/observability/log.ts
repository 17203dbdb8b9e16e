import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { traceIdOf } from '../traces.js';

/** JSON lines on standard output, or readable ones on a terminal. Secrets do not pass. @param to instead of there */
export function makeLog(level: string, to?: DestinationStream): Logger {
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
  if (to) return pino(options, to);
  if (!process.stdout.isTTY) return pino(options);
  return pino(
    options,
    pretty({
      colorize: true,
      singleLine: true,
      ignore: 'pid,hostname',
      translateTime: 'HH:MM:ss',
      sync: true,
    }),
  );
}
