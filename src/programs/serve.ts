import type { Command } from 'commander';
import { loadConfig } from '../config/load.js';
import type { Role } from '../system.js';
import { addCheck } from './check.js';
import { addDemo } from './demo.js';
import { addDoctor } from './doctor.js';
import { addHealth } from './health.js';
import { addMigrate } from './migrate.js';
import { addSecrets } from './rotate.js';
import { serve } from './up.js';

const summaries = {
  up: 'Run everything in this process: API, worker and alerts, on a private Redis unless REDIS_URL is set',
  api: 'Run the HTTP API only',
  worker: 'Run a worker only; start as many as you like',
  alerts: 'Run the alerts only: one process tells, others stand by',
} as const;

const rolesOf: Record<keyof typeof summaries, readonly Role[]> = {
  up: ['api', 'worker', 'alerts'],
  api: ['api'],
  worker: ['worker'],
  alerts: ['alerts'],
};

/** The commands that run Andon itself. */
export function addServing(program: Command): void {
  for (const name of ['up', 'api', 'worker', 'alerts'] as const) {
    program
      .command(name)
      .description(summaries[name])
      .option('--allow-volatile', 'go on with a Redis that forgets (for experiments)')
      .action(async ({ allowVolatile }: { allowVolatile?: boolean }) => {
        await serve(loadConfig(), { roles: rolesOf[name], allowVolatile: allowVolatile ?? false });
      });
  }
  addCheck(program);
  addDoctor(program);
  addHealth(program);
  addSecrets(program);
  addMigrate(program);
  addDemo(program);
}
