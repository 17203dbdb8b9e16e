import { type BulkRun, untouched } from '../../blocking/bulk-run.js';
import { Badge } from './parts.js';
import { Table } from './table.js';
import { Ago } from './time.js';

export interface RunCounts {
  readonly done: number;
  readonly failed: number;
  readonly left: number;
  readonly released: number;
  readonly untouched: number;
}

export function countsOf(run: BulkRun): RunCounts {
  const counts = { done: 0, failed: 0, left: 0, released: 0, untouched: untouched(run).length };
  for (const { kind } of run.results.values()) counts[kind] += 1;
  return counts;
}

/** Bulk runs, the newest first. */
export const Runs = ({ runs }: { runs: readonly BulkRun[] }) => (
  <Table
    label="Bulk runs"
    rows={runs}
    keyOf={(run) => run.id}
    columns={[
      { heading: 'State', cell: (run) => <Badge state={run.state} /> },
      {
        heading: 'What',
        cell: (run) => (
          <a href={`/runs/${run.id}`}>
            {run.verb} {run.title}
          </a>
        ),
      },
      {
        heading: 'Done',
        number: true,
        cell: (run) => `${countsOf(run).done} of ${run.chosen.length}`,
      },
      { heading: 'By', cell: (run) => run.actor },
      { heading: 'Begun', cell: (run) => <Ago at={run.startedAt} /> },
    ]}
  />
);
