import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Said wherever a Redis server is needed and none is installed. */
export const HOW_TO_GET_REDIS =
  'No redis-server or valkey-server was found. Install one ' +
  '(Debian, Ubuntu: sudo apt-get install redis-server; Fedora: sudo dnf install valkey; ' +
  'macOS: brew install redis), or set REDIS_URL to a Redis that runs already.';

/** Path of the first Redis server on `PATH`; Valkey is the same to us. */
export function findRedisServer(path = process.env['PATH'] ?? ''): string | null {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const directory of path.split(delimiter).filter(Boolean)) {
      const candidate = join(directory, name);
      if (isExecutable(candidate)) return candidate;
    }
  }
  return null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
