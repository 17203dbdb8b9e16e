import type { Visitor } from '../accounts/guard.js';
import type { AndonError } from '../errors.js';
import type { Sight } from './page.js';
import { sentence } from './words.js';

const titles: Readonly<Record<number, string>> = {
  401: 'You are not logged in',
  403: 'You may not do that',
  404: 'There is nothing here',
  405: 'This is no page to open',
  409: 'That is not possible now',
  422: 'That was not understood',
  503: 'Redis cannot be reached',
};

/** What went wrong, in plain words, and where to go from here. */
export function problemSight(error: AndonError, visitor: Visitor | null): Sight {
  const title = titles[error.status] ?? error.title;
  return {
    title,
    status: error.status,
    bare: !visitor,
    body: (
      <section class="card narrow problem">
        <h1>{title}</h1>
        <p>{explain(error)}</p>
        <p class="buttons">
          {visitor ? (
            <a class="button primary" href="/">
              To what needs attention
            </a>
          ) : (
            <a class="button primary" href="/login">
              Log in
            </a>
          )}
        </p>
      </section>
    ),
  };
}

function explain(error: AndonError): string {
  if (error.status === 503) {
    return 'Andon’s store does not answer. Nothing is lost: what was accepted is kept there. Try again in a moment; when it stays so, look at the Redis server.';
  }
  if (error.status === 404) return 'It was removed, or it belongs to a client that you do not see.';
  if (error.status === 405)
    return 'Forms are sent to this address, or it is only read. Nothing was done: go back to the page you came from.';
  return sentence(error.message);
}
