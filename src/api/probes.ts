import type { z } from 'zod';
import { alive, ready } from './answers/process.js';

/** What the machinery around a process asks it. No calls of the table: programs have no use for them. */
export interface Probe {
  readonly path: string;
  /** The operation of the OpenAPI document. */
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** Without a key. */
  readonly open: boolean;
  /** What it answers with success, and one of those; null for text. */
  readonly answer: z.ZodType | null;
  readonly example: unknown;
  readonly refusals: readonly number[];
}

export const probes: readonly Probe[] = [
  {
    path: '/healthz',
    name: 'alive',
    summary: 'Whether the process lives.',
    description: 'Asks nobody else, Redis neither.',
    open: true,
    answer: alive,
    example: { status: 'alive', version: '0.1.0' },
    refusals: [],
  },
  {
    path: '/readyz',
    name: 'ready',
    summary: 'Whether the process should be given work.',
    description:
      'Redis takes writes and, where a worker or the alerts run in the same process, they get on.',
    open: true,
    answer: ready,
    example: { status: 'ready' },
    refusals: [503],
  },
  {
    path: '/metrics',
    name: 'metrics',
    summary: 'Figures for Prometheus.',
    description:
      'Needs the scope `read`. Not for keys that are limited to a client, channels or sources.',
    open: false,
    answer: null,
    example: 'andon_claims_total{kind="blocking"} 1042',
    refusals: [401, 403, 429, 503],
  },
];
