/**
 * One step of one run, in a process of its own: `prepare` fills Redis, `measure` measures. The
 * runner sends the task, this answers with the figures.
 */
import { Redis } from 'ioredis';

let sends = 0;
const sendCommand = Redis.prototype.sendCommand;
Redis.prototype.sendCommand = function (...args) {
  sends += 1;
  return sendCommand.apply(this, args);
};

process.once('message', async ({ step, scenario, contender, size, warmUp, url }) => {
  try {
    const { prepare, measure } = await import(`./scenarios/${scenario}.mjs`);
    const { open } = await import(`./contenders/${contender}.mjs`);
    const tools = { sent: () => sends };
    if (step === 'measure' && warmUp) {
      const line = await open(url, 'warm-up');
      await prepare(line, warmUp);
      await measure(line, warmUp, tools);
      await line.close();
    }
    const line = await open(url, 'bench');
    const result = await (step === 'prepare' ? prepare(line, size) : measure(line, size, tools));
    await line.close();
    process.send({ result }, () => process.exit(0));
  } catch (error) {
    process.send({ error: error instanceof Error ? error.stack : String(error) }, () =>
      process.exit(1),
    );
  }
});
