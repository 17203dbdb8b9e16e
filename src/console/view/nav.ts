import type { Scope } from '../../accounts/caller.js';

export interface NavEntry {
  readonly path: string;
  readonly label: string;
  readonly permission: Scope;
  readonly unlimitedOnly?: boolean;
  /** Leaves the console's own pages. */
  readonly outside?: boolean;
}

/** The navigation, in this order. An entry shows once its page exists and the visitor may open it. */
export const navEntries: readonly NavEntry[] = [
  { path: '/', label: 'Needs attention', permission: 'read' },
  { path: '/queues', label: 'Queues', permission: 'read' },
  { path: '/clusters', label: 'Clusters', permission: 'read' },
  { path: '/incidents', label: 'Incidents', permission: 'read' },
  { path: '/alerts', label: 'Alerts', permission: 'read' },
  { path: '/known-errors', label: 'Known errors', permission: 'read' },
  { path: '/audit', label: 'Audit', permission: 'read' },
  { path: '/users', label: 'Users', permission: 'admin', unlimitedOnly: true },
  { path: '/board', label: 'Bull Board', permission: 'read', outside: true },
  { path: '/docs', label: 'API docs', permission: 'read', outside: true },
];
