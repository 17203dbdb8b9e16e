import type { Session } from '../../accounts/sessions.js';
import { Empty } from './parts.js';
import { Table } from './table.js';
import { Ago } from './time.js';

/** Where a user is logged in, told so that its owner knows it again. */
export const Sessions = ({ sessions, own }: { sessions: readonly Session[]; own?: string }) =>
  sessions.length === 0 ? (
    <Empty title="Not logged in anywhere" />
  ) : (
    <Table
      label="Sessions"
      rows={sessions}
      keyOf={(one) => one.id}
      columns={[
        {
          heading: 'Browser',
          cell: (one) => (
            <>
              {browser(one.agent)}
              {one.id === own ? <strong> (this one)</strong> : null}
            </>
          ),
        },
        { heading: 'Address', cell: (one) => one.address },
        { heading: 'Since', cell: (one) => <Ago at={one.createdAt} /> },
        { heading: 'Last used', cell: (one) => <Ago at={one.seenAt} /> },
      ]}
    />
  );

const browsers = [/Edg\//, /OPR\//, /Firefox\//, /Chrome\//, /Safari\//] as const;
const names = ['Edge', 'Opera', 'Firefox', 'Chrome', 'Safari'];
const systems = [/Windows/, /Android/, /iPhone|iPad/, /Mac OS/, /Linux/] as const;
const systemNames = ['Windows', 'Android', 'iOS', 'macOS', 'Linux'];

/** "Firefox on Linux": browsers name themselves in ways that nobody can read. */
function browser(agent: string): string {
  const name = names[browsers.findIndex((one) => one.test(agent))];
  const system = systemNames[systems.findIndex((one) => one.test(agent))];
  if (!name) return agent || 'unknown';
  return system ? `${name} on ${system}` : name;
}
