import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

/** JSON lines on standard output, or readable ones on a terminal. Secrets do not pass. */
export function makeLog(level: string): Logger {
  const options = {
    level,
    base: undefined,
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
