import { type ConsoleRoute, page } from '../page.js';
import { queuesSeenBy, type SeenQueue } from '../queues-seen.js';
import type { ConsoleServices } from '../services.js';
import { Badge, Empty, Live } from '../view/parts.js';
import { Table } from '../view/table.js';
import { Ago } from '../view/time.js';

/** What needs somebody now: every queue that stands, the longest standing first. */
export const attentionPages = (services: ConsoleServices): ConsoleRoute[] => [
  page('/', {
    permission: 'read',
    render: async ({ caller }) => {
      const seen = await queuesSeenBy(caller, services);
      const standing = seen
        .filter(({ status }) => status.state !== 'running')
        .sort((a, b) => sinceOf(a).localeCompare(sinceOf(b)));
      return {
        title: standing.length > 0 ? `${standing.length} need attention` : 'Needs attention',
        body: (
          <>
            <h1>Needs attention</h1>
            <Live name="attention">
              {standing.length > 0 ? (
                <Standing queues={standing} />
              ) : (
                <Empty title="Nothing needs you">
                  {seen.length === 1
                    ? 'The one queue that you see runs.'
                    : `All ${seen.length} queues that you see run.`}
                </Empty>
              )}
            </Live>
          </>
        ),
      };
    },
  }),
];

const sinceOf = ({ status }: SeenQueue): string =>
  status.blockedBy?.since ?? status.pausedBy?.at ?? status.oldestWaitingAt ?? '';

const Standing = ({ queues }: { queues: readonly SeenQueue[] }) => (
  <Table
    label="Queues that stand"
    rows={queues}
    keyOf={({ status }) => status.name}
    columns={[
      { heading: 'State', cell: ({ status }) => <Badge state={status.state} /> },
      {
        heading: 'Queue',
        cell: ({ status, endpoint }) => (
          <>
            <strong>{endpoint?.description ?? status.name}</strong>
            <span class="muted block">
              {[status.name, endpoint?.client].filter(Boolean).join(' · ')}
            </span>
          </>
        ),
      },
      { heading: 'Why', cell: ({ status }) => <Why status={status} /> },
      { heading: 'Since', cell: (one) => <Ago at={sinceOf(one) || null} /> },
      {
        heading: 'Waiting',
        number: true,
        cell: ({ status }) => status.counts.waiting.toLocaleString('en'),
      },
    ]}
  />
);

function Why({ status }: { status: SeenQueue['status'] }) {
  const { blockedBy, pausedBy, heldReason } = status;
  if (blockedBy) {
    return (
      <>
        {blockedBy.title}
        <span class="error block">{blockedBy.error}</span>
      </>
    );
  }
  if (pausedBy) {
    return (
      <>
        paused by {pausedBy.actor}
        {pausedBy.reason ? `: ${pausedBy.reason}` : ''}
      </>
    );
  }
  return (
    <>
      {heldReason ?? 'held'}
      {status.heldUntil ? (
        <span class="muted block">
          goes on <Ago at={status.heldUntil} />
        </span>
      ) : null}
    </>
  );
}
