#!/usr/bin/env -S UV_THREADPOOL_SIZE=16 node

// Asked every few seconds by whoever watches a container, so the rest of the program is not loaded for it.
process.exitCode = (await (process.argv[2] === 'health' ? health() : all())) || process.exitCode;

async function health(): Promise<number> {
  return (await import('./programs/health.js')).runHealth(process.argv);
}

async function all(): Promise<number> {
  const { runCli } = await import('./cli/program.js');
  const { addServing } = await import('./programs/serve.js');
  return runCli(process.argv, addServing);
}
