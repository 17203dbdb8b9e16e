import { afterEach, describe, expect, it } from '@jest/globals';
import { connectorTypes } from '../../../src/connectors/registry.js';
import { isSecret } from '../../../src/connectors/signature.js';
import { InvalidInput } from '../../../src/errors.js';
import { later, tidy } from './far-side.js';

afterEach(tidy);

const typesFor = (networks: readonly string[]) => {
  const types = connectorTypes(networks);
  later(() => types.close());
  return types;
};

const faults = (type: string, settings: object, networks: readonly string[] = []) => {
  try {
    typesFor(networks)
      .get(type)
      .parse({ type, ...settings });
    return [];
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    return error.errors;
  }
};
const url = 'https://shop.example/in';

describe('connector settings', () => {
  it('name the known types when the type is unknown', () => {
    expect(() => typesFor([]).get('htpp')).toThrow(
      '/connector/type: there is no connector type "htpp"; known are: http, demo',
    );
  });

  it('are filled with defaults, and a secret is made', () => {
    const parsed = typesFor([]).get('http').parse({ type: 'http', url });
    expect(parsed).toEqual({
      type: 'http',
      url,
      headers: {},
      timeoutMs: 30_000,
      secret: expect.any(String),
    });
    expect(isSecret((parsed as { secret: string }).secret)).toBe(true);
  });

  it('keep what was given', () => {
    const given = {
      type: 'http',
      url,
      secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      headers: { Authorization: 'Basic YTpi' },
      timeoutMs: 100,
      pingUrl: 'https://shop.example/ping',
    };
    expect(typesFor([]).get('http').parse(given)).toEqual(given);
  });

  it.each([
    ['no URL', {}, '/connector/url', /must be a URL/],
    ['no web URL', { url: 'ftp://shop.example' }, '/connector/url', /http:\/\/ or https:\/\//],
    ['no URL at all', { url: 'shop.example' }, '/connector/url', /http:\/\/ or https:\/\//],
    ['a password in the URL', { url: 'https://a:b@shop.example' }, '/connector/url', /use headers/],
    ['a fragment', { url: `${url}#` }, '/connector/url', /fragment/],
    [
      'a forbidden address',
      { url: 'http://0x7f.1/' },
      '/connector/url',
      /127\.0\.0\.1 is a loopback address.*ANDON_CONNECTOR_NETWORKS/,
    ],
    ['a mapped address', { url: 'http://[::ffff:a9fe:a9fe]/' }, '/connector/url', /link-local/],
    ['a forbidden ping', { url, pingUrl: 'http://10.0.0.1/' }, '/connector/pingUrl', /private/],
    ['a weak secret', { url, secret: 'whsec_c2hvcnQ=' }, '/connector/secret', /24 to 64 bytes/],
    ['a short deadline', { url, timeoutMs: 99 }, '/connector/timeoutMs', /100/],
    ['a long deadline', { url, timeoutMs: 600_001 }, '/connector/timeoutMs', /600000/],
    ['an unknown setting', { url, timeout: 5 }, '/connector/timeout', /not a setting/],
    [
      'our header',
      { url, headers: { 'Webhook-Signature': 'x' } },
      '/connector/headers/Webhook-Signature',
      /Andon itself/,
    ],
    ['the Host header', { url, headers: { host: 'x' } }, '/connector/headers/host', /Andon itself/],
    [
      'our fence',
      { url, headers: { 'X-Andon-Fence': '9' } },
      '/connector/headers/X-Andon-Fence',
      /Andon itself/,
    ],
    [
      'an injected header',
      { url, headers: { 'x-a': 'b\r\nhost: c' } },
      '/connector/headers/x-a',
      /[Ii]nvalid/,
    ],
    [
      'a header name with a space',
      { url, headers: { 'x a/~': 'b' } },
      '/connector/headers/x a~1~0',
      /valid HTTP token/,
    ],
  ])('refuse %s', (_, settings, pointer, detail) => {
    expect(faults('http', settings)).toEqual([{ pointer, detail: expect.stringMatching(detail) }]);
  });

  it('report every fault at once, and never repeat a secret', () => {
    const found = faults('http', { url: 'x', headers: { 'x-a': 'hush\n' }, secret: 'hush' });
    expect(found.map((fault) => fault.pointer)).toEqual([
      '/connector/url',
      '/connector/secret',
      '/connector/headers/x-a',
    ]);
    expect(JSON.stringify(found)).not.toContain('hush');
  });

  it('take a private address once its network is allowed', () => {
    expect(faults('http', { url: 'http://10.1.2.3/' }, ['10.0.0.0/8'])).toEqual([]);
  });

  it('of the demo need no URL where loopback is allowed, and say so where it is not', () => {
    expect(typesFor(['127.0.0.0/8']).get('demo').parse({ type: 'demo' })).toMatchObject({
      type: 'demo',
      url: 'http://127.0.0.1:3100',
    });
    expect(faults('demo', {})).toEqual([
      { pointer: '/connector/url', detail: expect.stringMatching(/loopback/) },
    ]);
  });

  it('name what is secret in them', () => {
    const named = [...typesFor([]).types.values()].map((type) => [type.type, type.secrets]);
    expect(Object.fromEntries(named)).toMatchObject({
      http: ['secret', 'headers'],
      demo: ['secret', 'headers'],
      module: ['secrets'],
    });
  });
});
