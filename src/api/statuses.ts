import type { Route } from './route.js';

/** What any call can be refused with before it was looked at, or when Redis is away. */
const always = [401, 403, 429, 503];

/** Every status that a call answers with, but 500: that is a defect, not an answer. */
export function statusesOf(row: Route): number[] {
  const { params, query, body, takesKey, mayCreate, refuses, status } = row;
  const readable = params || body || takesKey ? [400] : [];
  const sized = body ? [413, 415] : [];
  const checked = params || query || body ? [422] : [];
  const done = mayCreate ? [status, 201] : [status];
  const all = [...done, ...always, ...readable, ...sized, ...checked, ...refuses];
  return [...new Set(all)].sort((a, b) => a - b);
}
