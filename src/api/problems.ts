import type { ErrorRequestHandler, Response } from 'express';
import {
  AndonError,
  MethodNotAllowed,
  NotFound,
  type ProblemType,
  StoreUnavailable,
  TooLarge,
  TooManyRequests,
  UnsupportedMediaType,
} from '../errors.js';
import type { Log } from '../log.js';
import { isOutage, troubleOf } from '../redis/outage.js';
import { tell } from './limits.js';

/**
 * Where the pages of the types lie. The path alone: the same at every address that this API has, and yet
 * it leads, from the request that was refused, to the page.
 */
export const PROBLEMS = '/problems';

/** Turns whatever was thrown into an RFC 9457 answer. The only place that decides a status. */
export function problems(log: Log): ErrorRequestHandler {
  return (thrown, request, response, next) => {
    if (response.headersSent) return next(thrown);
    const error = known(thrown);
    const requestId: unknown = response.locals['requestId'];
    if (!error) {
      log.error({ requestId, path: request.path, error: stackOf(thrown) }, 'a request broke');
      send(response, 500, 'internal', 'Something broke here', {
        detail: `this is a defect of Andon's; say request ${String(requestId)} when you report it`,
        requestId,
      });
      return;
    }
    if ('retryAfter' in error) response.set('Retry-After', String(error.retryAfter));
    if (error instanceof TooManyRequests) tell(response, error.room);
    if (error instanceof MethodNotAllowed) response.set('Allow', error.allow.join(', '));
    if (error.status === 401) response.set('WWW-Authenticate', 'Bearer realm="andon"');
    send(response, error.status, error.type, error.title, {
      detail: error.message,
      ...(error.errors.length > 0 ? { errors: error.errors } : {}),
      ...error.facts,
      requestId,
    });
  };
}

function send(
  response: Response,
  status: number,
  type: ProblemType,
  title: string,
  rest: Record<string, unknown>,
): void {
  response
    .status(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: `${PROBLEMS}/${type}`, title, status, ...rest }));
}

function known(thrown: unknown): AndonError | null {
  if (thrown instanceof AndonError) return thrown;
  if (isOutage(thrown)) {
    return new StoreUnavailable(
      `${troubleOf(thrown)}; whether this request was stored is not known: send it again with the same Idempotency-Key`,
    );
  }
  return fromExpress(thrown);
}

/** What express and its body reader throw carries a status. */
function fromExpress(thrown: unknown): AndonError | null {
  const status = thrown instanceof Error && 'status' in thrown ? thrown.status : null;
  if (status === 413) return new TooLarge('the body is larger than this call takes');
  if (status === 415) return new UnsupportedMediaType('send the body as plain application/json');
  if (status === 404) return new NotFound('there is nothing here');
  if (typeof status === 'number' && status >= 400 && status < 500 && thrown instanceof Error) {
    return new BadRequest(thrown.message);
  }
  return null;
}

class BadRequest extends AndonError {
  readonly type = 'bad-request';
  readonly status = 400;
  readonly title = 'The request could not be read';
}

const stackOf = (thrown: unknown): string =>
  thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
