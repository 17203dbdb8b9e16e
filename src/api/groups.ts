import type { Route } from './route.js';

/** Calls belong together by the first part of their path; groups stand in the order of the table. */
const groups: Readonly<Record<string, string>> = {
  items: 'Items',
  queues: 'Queues',
  summary: 'Queues',
  fleet: 'Queues',
  channels: 'Channels, sources and services',
  sources: 'Channels, sources and services',
  services: 'Channels, sources and services',
  incidents: 'Incidents and alerts',
  alerts: 'Incidents and alerts',
  webhooks: 'Webhooks',
  keys: 'Keys and audit',
  audit: 'Keys and audit',
  users: 'Users',
};

export function groupOf({ path }: Pick<Route, 'path'>): string {
  const [, , first = ''] = path.split('/');
  return groups[first] ?? first;
}
