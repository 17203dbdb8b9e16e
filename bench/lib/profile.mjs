import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { findRedisServer } from '../../dist/redis/binary.js';
import { composeScript } from '../../dist/redis/script.js';
import { percentile } from './numbers.mjs';

export async function redisVersion() {
  const { stdout } = await promisify(execFile)(findRedisServer(), ['--version']);
  return /v=(\S+)/.exec(stdout)?.[1] ?? 'unknown';
}

/**
 * Has Redis write down every command with its time in its slow log, and sums it up by script: what
 * INFO commandstats cannot tell apart. Costs a few percent, so only on demand.
 */
export async function watchScripts(url) {
  const redis = new Redis(url);
  await redis.config('SET', 'slowlog-max-len', '200000');
  await redis.config('SET', 'slowlog-log-slower-than', '0');
  return {
    async stop() {
      await redis.config('SET', 'slowlog-log-slower-than', '-1');
      const names = namesBySha();
      const times = new Map();
      for (const [, , us, command] of await redis.slowlog('GET', -1)) {
        const name = command[0].toLowerCase();
        const what =
          name === 'evalsha' ? `script ${names.get(command[1]) ?? command[1].slice(0, 8)}` : name;
        if (!times.has(what)) times.set(what, []);
        times.get(what).push(us);
      }
      redis.disconnect();
      return Object.fromEntries(
        [...times].map(([what, all]) => [
          what,
          {
            calls: all.length,
            mean: all.reduce((a, b) => a + b) / all.length,
            p99: percentile(all, 0.99),
          },
        ]),
      );
    },
  };
}

/** Our scripts by the hash that Redis knows them by; BullMQ's stay hashes. */
function namesBySha() {
  const files = readdirSync(new URL('../../dist/lua', import.meta.url)).filter((f) =>
    f.endsWith('.lua'),
  );
  return new Map(
    files.map((file) => {
      const name = file.slice(0, -4);
      return [createHash('sha1').update(composeScript(name)).digest('hex'), name];
    }),
  );
}
