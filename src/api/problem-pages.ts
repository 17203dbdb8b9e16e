import type { ProblemType } from '../errors.js';

/** What is to be known of one type of problem. */
export interface ProblemPage {
  readonly title: string;
  readonly statuses: readonly number[];
  /** What happened, for somebody who sees it for the first time. */
  readonly happened: string;
  /** What to do next, in this order. `code` stands between backquotes. */
  readonly next: readonly string[];
  /** Where it is met besides, or instead of, the calls under `/v1`. */
  readonly where?: 'the desk' | 'health';
  /** Whether sending the same request again can help; programs decide by it. */
  readonly again: 'no' | 'later' | 'same key';
}

/** A page for each type that an answer can bear; the compiler finds a type without one. */
export const problemPages: Readonly<Record<ProblemType, ProblemPage>> = {
  'bad-json': {
    title: 'The body is not JSON that can be stored unchanged',
    statuses: [400],
    happened:
      'The body is broken JSON, or JSON that would not survive being stored: a name given twice in one object, a number that no computer keeps exactly, text that is not UTF-8, or nesting that is too deep. Nothing was stored.',
    next: [
      '`errors[0].pointer` says where, `detail` what.',
      'Send long numbers, such as ids of 20 digits, as text.',
      'Write the body with the JSON library of your language, not by joining strings.',
    ],
    again: 'no',
  },
  'bad-request': {
    title: 'The request could not be read',
    statuses: [400],
    happened: 'The address or the headers cannot be understood, as a broken %-escape in the path.',
    next: [
      'Percent-encode what you put into a path: `encodeURIComponent`, `rawurlencode`, `urllib.parse.quote`.',
      'Compare with the example of the call in `/docs`.',
    ],
    again: 'no',
  },
  conflict: {
    title: 'Not possible in the present state',
    statuses: [409],
    happened:
      'What was asked does not fit the present state: the item is not failed any more, the queue is blocked, the name is taken. Often somebody else was quicker.',
    next: [
      'Read the item or queue again: `state` in the answer says what it is now.',
      'A queue that is blocked is opened by retry, skip or resolve of the item named in `detail`, never by resume.',
      'After a lost answer it may be your own first request that did it: the history of the item says who.',
    ],
    again: 'no',
  },
  forbidden: {
    title: 'That is not allowed to this key or user',
    statuses: [403],
    happened:
      'The key is known, but lacks the scope that the call needs, or is limited to a client while the call concerns all. At the desk: the role or the clients of the user do not allow it.',
    next: [
      '`detail` names the scope. An admin makes a key with it: `andon keys create --scope …`, or `POST /v1/keys`.',
      'Give a program the least that it needs: `enqueue` to send items, `read` to look, `operate` to retry and skip.',
    ],
    again: 'no',
  },
  'idempotency-key-reused': {
    title: 'This Idempotency-Key was used for another request',
    statuses: [422],
    happened:
      'Within the last 7 days this key came with another body. The first request stands; this one was not stored.',
    next: [
      'Use one key for one piece of work, and the same key only to send the very same body again.',
      'Make keys of what the item is about, as `order-1001-v3`, or at random once for each item, before the first try.',
    ],
    again: 'no',
  },
  internal: {
    title: 'Something broke here',
    statuses: [500],
    happened:
      'A defect of Andon. Whether the request was stored is not known; order and blocks hold all the same.',
    next: [
      'Send an enqueue again with the same `Idempotency-Key`: it is stored once.',
      'Look before you repeat a retry, skip or resolve.',
      'Report it with the `requestId` of the answer, which also stands in the log of the API.',
    ],
    again: 'same key',
  },
  'invalid-input': {
    title: 'The request is not valid',
    statuses: [400, 422],
    happened:
      'The request was understood, and something in it is not what it should be: a field that is missing, unknown or of another kind, a channel that there is not. Nothing was stored.',
    next: [
      '`errors` has each fault: `pointer` says where (a JSON pointer into the body, or the name of a parameter), `detail` what is expected.',
      'The fields of every call stand in `/docs`.',
      'Of a batch, nothing was stored: mend the item that the pointer names, and send the whole batch again.',
    ],
    again: 'no',
  },
  'login-needed': {
    title: 'You are not logged in, or your session has ended',
    statuses: [401],
    where: 'the desk',
    happened: 'A page or the board was asked for without a session that still counts.',
    next: [
      'Log in again at `/login`.',
      'Programs do not log in: they send `Authorization: Bearer <id>.<secret>` to `/v1/…`.',
    ],
    again: 'no',
  },
  'method-not-allowed': {
    title: 'This path does not take this method',
    statuses: [405],
    happened:
      'There is such a path, but not for `GET`, `POST` or whatever was sent. Nothing was done.',
    next: ['The header `Allow` and `detail` say what it takes; `/docs` what each does.'],
    again: 'no',
  },
  'not-found': {
    title: 'Not found',
    statuses: [404],
    happened:
      'There is no such item, queue, channel or call, or none that this key may see: what belongs to others does not exist for a limited key. Finished items are removed in the end (`retention`).',
    next: [
      'Compare the id and the address with `/docs`.',
      'Look at what the key is limited to: `andon keys list`.',
    ],
    again: 'no',
  },
  'not-ready': {
    title: 'This process is not ready',
    statuses: [503],
    where: 'health',
    happened:
      '`GET /readyz` of a process that should get no work now: it is starting or stopping, Redis takes no writes, or nothing has moved for too long.',
    next: [
      'Wait: a start takes seconds. Send requests to another process meanwhile.',
      'When it goes on, `andon doctor` says what is wrong and what to do.',
    ],
    again: 'later',
  },
  'wrong-layout': {
    title: 'The data are of another layout',
    statuses: [503],
    where: 'health',
    happened:
      'The data in Redis are being brought to another layout (`andon migrate`), or a newer Andon has taken over and this process is an older one. Nothing was stored.',
    next: [
      'Wait as long as `Retry-After` says and send it again with the same `Idempotency-Key`.',
      'When it goes on: run `andon migrate` again if it was interrupted, and start the newer Andon everywhere.',
    ],
    again: 'same key',
  },
  'not-replicated': {
    title: 'Stored, but not yet on a replica',
    statuses: [503],
    happened:
      'With `ANDON_DURABILITY=replicated` a success is told only when a replica has the write. Redis has it, its replicas had it not in time: a failover right now could lose it.',
    next: [
      'Wait as long as `Retry-After` says and send it again with the same `Idempotency-Key`: it is stored once.',
      'A retry, skip or resolve that was stored answers 409 then.',
      'When it goes on: look whether the replicas of Redis are there and keep up (`INFO replication`).',
    ],
    again: 'same key',
  },
  'store-unavailable': {
    title: 'The queue store cannot be reached',
    statuses: [503],
    happened:
      'Redis cannot be reached, or takes no writes now (it is full, or fails over). Whether this request was stored is not known.',
    next: [
      'Wait as long as `Retry-After` says and send it again with the same `Idempotency-Key`: it is stored once.',
      'When it goes on: is Redis up, has it memory left? `GET /readyz` says when it takes writes again.',
    ],
    again: 'same key',
  },
  'too-large': {
    title: 'The body is too large',
    statuses: [413],
    happened: 'The body has more bytes than the call takes: 1 MiB, or 10 MiB for a batch.',
    next: [
      'Split a batch; order is kept between batches that are sent one after the other.',
      'Send pictures as addresses (`src`), not as their bytes.',
    ],
    again: 'no',
  },
  'too-many-requests': {
    title: 'Too many requests',
    statuses: [429],
    happened:
      'This key, or this address, has made more requests in a period than `api.rateLimit` allows.',
    next: [
      'Wait as long as `Retry-After` says; `RateLimit` in each answer says how many are left.',
      'Send items in batches: up to 1,000 are one request.',
      'The limits are in `config/andon.yaml`. Behind a proxy everybody has one address, unless `ANDON_TRUST_PROXY` says that there is one.',
    ],
    again: 'same key',
  },
  'too-many-tries': {
    title: 'Too many failed logins',
    statuses: [429],
    where: 'the desk',
    happened: 'This user, or this address, has given too many wrong passwords.',
    next: [
      'Wait as long as the page says.',
      'An admin makes a new password: `andon users password NAME`.',
    ],
    again: 'later',
  },
  unauthorized: {
    title: 'A valid API key is needed',
    statuses: [401],
    happened: 'No key was sent, or one that is not known or was revoked.',
    next: [
      'Send the header `Authorization: Bearer <id>.<secret>`: both parts, with the dot between.',
      'The first admin key stands in `data/admin-key`; others are made by `andon keys create` or `POST /v1/keys`.',
    ],
    again: 'no',
  },
  'unsupported-media-type': {
    title: 'The body must be application/json',
    statuses: [415],
    happened: 'The body came without, or with another `Content-Type`, or compressed.',
    next: ['Send one header `Content-Type: application/json`, and the body as plain UTF-8.'],
    again: 'no',
  },
};

export const isProblemType = (name: string): name is ProblemType =>
  Object.hasOwn(problemPages, name);

/** The types that a status of a call can mean. */
export const problemsOf = (status: number): ProblemType[] =>
  (Object.keys(problemPages) as ProblemType[]).filter(
    (type) => !problemPages[type].where && problemPages[type].statuses.includes(status),
  );
