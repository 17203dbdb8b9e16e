import { describe, expect, it } from '@jest/globals';
import { type Answer, ExchangeError } from '../../../src/connectors/exchange.js';
import { judge, judgeError } from '../../../src/connectors/http-answer.js';

const answer = (status: number, body: unknown = '', headers: Answer['headers'] = {}): Answer => ({
  status,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const outcome = (...given: Parameters<typeof answer>) =>
  judge(answer(...given), 'the shop').outcome;
const html = { 'content-type': 'text/html; charset=utf-8' };

describe('an answer of success', () => {
  it.each([
    ['with no body', outcome(204), undefined],
    ['with white space', outcome(200, ' \n'), undefined],
    ['with plain text', outcome(200, 'OK', { 'content-type': 'text/plain' }), undefined],
    ['with a result', outcome(200, { result: { id: 7 } }), { id: 7 }],
    ['with JSON sent as a page', outcome(201, { result: 'x' }, html), 'x'],
    ['with JSON that is no object', outcome(200, [1]), undefined],
    ['with error fields that say none', outcome(200, { error: null, followUps: [] }), undefined],
    ['with an empty page', outcome(200, '', html), undefined],
  ])('%s is done', (_, found, result) => {
    expect(found).toEqual({ kind: 'done', result });
  });

  it.each([
    ['text', { error: 'bad consumer secret' }, 'bad consumer secret'],
    ['an object', { error: { message: 'handle taken' } }, 'handle taken'],
    ['a list', { error: [{ field: 'sku' }] }, '[{"field":"sku"}]'],
    ['an outcome', { outcome: 'failed' }, 'the shop answered 200 but reports a failure'],
    ['an outcome with words', { outcome: 'failed', detail: 'period closed' }, 'period closed'],
  ])('that declares an error as %s is a failure of the data', (_, body, message) => {
    expect(outcome(200, body)).toEqual({
      kind: 'fail',
      failure: { message, cause: 'data', status: 200 },
    });
  });

  it.each([
    [
      'is a page',
      outcome(200, '<h1>Log in</h1>', html),
      /^the shop answered a page instead of JSON/,
    ],
    ['is a page without saying so', outcome(200, '<!DOCTYPE html><p>'), /a page instead of JSON/],
    [
      'is broken JSON',
      outcome(200, '{"err', { 'content-type': 'application/json' }),
      /JSON that cannot be read/,
    ],
    [
      'asks for follow-ups that are none',
      outcome(200, { followUps: ['add_product'] }),
      /followUps that are no list of items/,
    ],
  ])('that %s fails rather than hide it', (_, found, message) => {
    expect(found).toMatchObject({
      kind: 'fail',
      failure: { cause: 'bug', message: expect.stringMatching(message) },
    });
  });

  it('hands its lines to the log, cleaned and bounded', () => {
    const log = (value: unknown) => judge(answer(200, { log: value }), 'the shop').log;
    expect(log('one')).toEqual(['one']);
    expect(log(['a', 3, 'b\u001b[31m\nc'])).toEqual(['a', 'b[31m c']);
    expect(log({})).toEqual([]);
    expect(log(Array(500).fill('x'.repeat(5_000)))).toHaveLength(100);
    expect(log(['x'.repeat(5_000)])[0]).toHaveLength(1_000);
  });
});

describe('an answer of refusal', () => {
  it.each([502, 504])('%s of a gateway leaves it unknown', (status) => {
    expect(outcome(status)).toMatchObject({ kind: 'unknown', failure: { status } });
  });

  it.each([408, 425, 500, 520, 599])('%s is tried again', (status) => {
    expect(outcome(status)).toEqual({
      kind: 'retry',
      failure: { message: `the shop answered ${status}`, cause: 'connection', status },
    });
  });

  it.each([
    [400, 'data'],
    [401, 'credentials'],
    [403, 'credentials'],
    [404, 'data'],
    [409, 'conflict'],
    [410, 'data'],
    [413, 'data'],
    [422, 'data'],
  ])('%s needs a person: %s', (status, cause) => {
    expect(outcome(status)).toEqual({
      kind: 'fail',
      failure: { message: `the shop answered ${status}`, cause, status },
    });
  });

  it.each([
    [402, '', 'credentials'],
    [407, '', 'credentials'],
    [405, '', 'bug'],
    [415, '', 'bug'],
    [412, '', 'conflict'],
    [423, 'locked by another user', 'conflict'],
    [409, 'sku TSH already exists', 'duplicate'],
    [422, 'handle has already been taken', 'duplicate'],
    [400, 'woocommerce_rest: duplicated SKU', 'duplicate'],
    [422, 'HANDLE_NOT_UNIQUE', 'duplicate'],
    [422, 'the order is already closed', 'data'],
    [401, 'already exists', 'credentials'],
    [422, { detail: 'no', cause: 'conflict' }, 'conflict'],
    [422, { detail: 'no', cause: 'weather' }, 'data'],
    [200, { error: 'duplicate SKU' }, 'duplicate'],
    [200, { error: 'no', cause: 'credentials' }, 'credentials'],
  ])('%s %s is of the class %s', (status, body, cause) => {
    expect(outcome(status, body)).toMatchObject({ kind: 'fail', failure: { cause } });
  });

  it('409 already_done is done', () => {
    expect(outcome(409, { outcome: 'already_done', result: 5 })).toEqual({
      kind: 'already-done',
      result: 5,
    });
    expect(outcome(422, { outcome: 'already_done' })).toMatchObject({ kind: 'fail' });
  });

  it.each([301, 302, 304, 307, 308])('%s is not followed', (status) => {
    expect(outcome(status, 'moved', { location: 'https://www.shop.example/in' })).toEqual({
      kind: 'fail',
      failure: {
        message: 'redirects are not followed: give the final URL (https://www.shop.example/in)',
        cause: 'bug',
        status,
      },
    });
    expect(outcome(status)).toMatchObject({
      failure: { message: 'redirects are not followed: give the final URL' },
    });
  });

  const dated = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString();
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['soon', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['0', 1_000],
    ['7', 7_000],
    ['86400', 86_400_000],
    ['9'.repeat(400), 86_400_000],
    [dated(-60), 1_000],
    [dated(172_800), 86_400_000],
  ])('429 and 503 with Retry-After %s hold the queue for %s ms', (value, forMs) => {
    const headers = { 'retry-after': value };
    expect(outcome(429, '', headers)).toMatchObject({
      kind: 'hold',
      forMs,
      failure: { cause: 'throttled', status: 429 },
    });
    expect(outcome(503, '', headers)).toMatchObject({
      kind: 'hold',
      forMs,
      failure: { cause: 'connection', status: 503 },
    });
  });

  it('with a date in Retry-After holds until then', () => {
    const held = outcome(429, '', { 'retry-after': dated(120) });
    expect(held).toMatchObject({ kind: 'hold' });
    const forMs = held.kind === 'hold' ? held.forMs : 0;
    expect(forMs).toBeGreaterThan(115_000);
    expect(forMs).toBeLessThanOrEqual(120_000);
  });

  it.each([
    ['detail', { title: 'T', detail: 'product "x" has no title' }, 'product "x" has no title'],
    ['title', { title: 'Unprocessable' }, 'Unprocessable'],
    ['message', { message: 'No product found to update' }, 'No product found to update'],
    ['error', { error: 'consumer_key unknown' }, 'consumer_key unknown'],
    ['first line', 'too many variants\nat line 7', 'too many variants'],
    [
      'first line of a page',
      '<html><head><style>p{}</style>\n<title>404 Not &amp; found</title>',
      '404 Not &amp; found',
    ],
    ['first line of unknown JSON', { code: 5 }, '{"code":5}'],
    ['status', ' \u0000 ', 'the shop answered 422'],
    ['status, when a page shows nothing', '<p></p>', 'the shop answered 422'],
  ])('is told by its %s', (_, body, message) => {
    expect(outcome(422, body)).toMatchObject({ failure: { message } });
  });

  it('cannot write control characters or novels into messages', () => {
    const message = (body: unknown) => {
      const found = outcome(422, body);
      return found.kind === 'fail' ? found.failure.message : '';
    };
    expect(message({ detail: 'a\u001b[2Jb\r\nSubject: c\u202e' })).toBe('a[2Jb Subject: c');
    expect(message({ detail: 'x'.repeat(9_999) })).toHaveLength(300);
    expect(message('y'.repeat(9_999))).toHaveLength(300);
    expect(message({ detail: `${'x'.repeat(299)}👕` })).toBe('x'.repeat(299));
  });

  it('is read quickly, however hostile', () => {
    const started = Date.now();
    for (const piece of ['<', '<script>', '<script ', ' ', '\n', '<!--'])
      outcome(422, piece.repeat(1_000_000 / piece.length));
    expect(Date.now() - started).toBeLessThan(500);
  });
});

describe('no answer', () => {
  it.each(['timeout', 'network'] as const)(
    'for %s is tried again when nothing was sent, unknown otherwise',
    (kind) => {
      const error = new ExchangeError(kind, 'words');
      const failure = { message: 'words', cause: 'connection' };
      expect(judgeError(error, 'the shop')).toEqual({ kind: 'retry', failure });
      error.sent = true;
      expect(judgeError(error, 'the shop')).toEqual({ kind: 'unknown', failure });
    },
  );

  it('for a refused address needs a person', () => {
    expect(judgeError(new ExchangeError('refused-address', 'words'), 'the shop')).toMatchObject({
      kind: 'fail',
      failure: { message: 'words', cause: 'data' },
    });
  });

  it('for a body too large goes by its status, and never takes it for a success', () => {
    const large = (status: number) =>
      judgeError(new ExchangeError('too-large', 'too large', answer(status)), 'the shop');
    expect(large(200)).toMatchObject({ kind: 'fail', failure: { cause: 'bug', status: 200 } });
    expect(large(500)).toMatchObject({ kind: 'retry', failure: { status: 500 } });
    expect(large(503)).toMatchObject({ kind: 'hold' });
  });
});
