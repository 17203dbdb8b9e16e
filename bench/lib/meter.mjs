import { cpus } from 'node:os';

/**
 * Measures a stretch of time: how long it was, who used the processors meanwhile (this process,
 * Redis, everybody else: the noise), and what Redis was asked.
 */
export async function startMeter(redis) {
  const before = await sample(redis);
  return {
    startedAt: before.at,
    async stop() {
      const at = performance.now();
      const after = await sample(redis);
      const seconds = (at - before.at) / 1000;
      const share = (value) => (value / seconds) * 100;
      const worker = after.worker - before.worker;
      const server = after.redis - before.redis;
      return {
        seconds,
        workerCpu: share(worker),
        redisCpu: share(server),
        othersCpu: Math.max(0, share(after.machine - before.machine - worker - server)),
        commands: difference(before.commands, after.commands),
      };
    },
  };
}

async function sample(redis) {
  const [commands, cpu] = (await redis.pipeline().info('commandstats').info('cpu').exec()).map(
    ([, text]) => fields(text),
  );
  const used = process.cpuUsage();
  return {
    worker: (used.user + used.system) / 1e6,
    redis: Number(cpu.used_cpu_user) + Number(cpu.used_cpu_sys),
    machine: busySeconds(),
    commands: Object.fromEntries(
      Object.entries(commands).map(([name, text]) => [
        name.replace(/^cmdstat_/, ''),
        Object.fromEntries(
          text
            .split(',')
            .map((pair) => pair.split('='))
            .map(([k, v]) => [k, Number(v)]),
        ),
      ]),
    ),
    at: performance.now(),
  };
}

const fields = (text) =>
  Object.fromEntries(
    [...text.matchAll(/^([^#:\r\n]+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]),
  );

const busySeconds = () =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) /
  1000;

function difference(before, after) {
  const made = {};
  for (const [name, { calls, usec }] of Object.entries(after)) {
    const more = calls - (before[name]?.calls ?? 0);
    if (more > 0) made[name] = { calls: more, usec: usec - (before[name]?.usec ?? 0) };
  }
  delete made.info;
  return made;
}

/** All calls, those that scripts make inside Redis too. */
export const callsOf = (commands) =>
  Object.values(commands).reduce((sum, { calls }) => sum + calls, 0);
