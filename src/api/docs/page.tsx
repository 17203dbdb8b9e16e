import type { Catalogue } from '../../instructions/catalogue.js';
import { groupOf } from '../groups.js';
import type { Route } from '../route.js';
import { Call } from './call.js';
import {
  Authentication,
  Errors,
  GettingStarted,
  Idempotency,
  Instructions,
  Lists,
  Programs,
} from './sections.js';
import { document } from './shell.js';
import { receiving, sending } from './snippets.js';

const chapters = [
  ['start', 'Getting started'],
  ['auth', 'Authentication'],
  ['idempotency', 'Sending again'],
  ['errors', 'Errors'],
  ['lists', 'Lists'],
  ['programs', 'Programs'],
  ['instructions', 'Instructions'],
] as const;

/** The API on one page, for people; the address is all that differs from one request to the next. */
export function docsPage(routes: readonly Route[], catalogue: Catalogue): (url: string) => string {
  const programs = { sending: sending(), receiving: receiving() };
  const groups = [...new Set(routes.map(groupOf))];
  const anchor = (group: string) => group.toLowerCase().replace(/[^a-z]+/g, '-');
  return (url) =>
    document(
      'Andon API',
      <div class="frame">
        <nav aria-label="Contents">
          <a class="name" href="/docs">
            Andon API
          </a>
          <ul>
            {chapters.map(([id, name]) => (
              <li key={id}>
                <a href={`#${id}`}>{name}</a>
              </li>
            ))}
          </ul>
          <span class="over">Calls</span>
          <ul>
            {groups.map((group) => (
              <li key={group}>
                <a href={`#${anchor(group)}`}>{group}</a>
              </li>
            ))}
          </ul>
          <ul>
            <li>
              <a href="/openapi.json">openapi.json</a>
            </li>
          </ul>
        </nav>
        <main>
          <h1>Andon API</h1>
          <p class="lead">
            Andon carries instructions to shops and ERPs in the order in which they came. When one
            fails, its queue stops until a person has retried, skipped or resolved it.
          </p>
          <GettingStarted url={url} />
          <Authentication />
          <Idempotency />
          <Errors />
          <Lists />
          <Programs {...programs} />
          <Instructions catalogue={catalogue} />
          <h2 id="calls">Calls</h2>
          <p>
            Open a call to see its fields and an example. The whole description for programs is at{' '}
            <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).
          </p>
          {groups.map((group) => (
            <section key={group}>
              <h2 id={anchor(group)}>{group}</h2>
              {routes
                .filter((row) => groupOf(row) === group)
                .map((row) => (
                  <Call key={row.name} row={row} url={url} />
                ))}
            </section>
          ))}
          <h2 id="health">Health</h2>
          <p>
            <code>GET /healthz</code> answers while the process lives. <code>GET /readyz</code>{' '}
            answers 200 while Redis takes writes and, where a worker or the alerts run in the same
            process, while they get on. <code>GET /metrics</code> is for Prometheus, with a key of
            the scope <code>read</code> that is limited to no client.
          </p>
        </main>
      </div>,
    );
}
