import { afterEach, describe, expect, it } from '@jest/globals';
import { ExchangeError } from '../../../src/connectors/exchange.js';
import { httpType } from '../../../src/connectors/http.js';
import { deadPort, exchangeFor, farSide, loopback, rawFarSide, tidy } from './far-side.js';

afterEach(tidy);

const connectorOf = (
  settings: { url?: string; pingUrl?: string; headers?: Record<string, string> },
  networks: readonly string[] = loopback,
) => {
  const type = httpType(exchangeFor(networks));
  const whole = { type: 'http', url: 'http://127.0.0.1:9/', timeoutMs: 5_000, ...settings };
  return type.create(type.parse(whole));
};
const ping = (pingUrl: string, signal = new AbortController().signal) =>
  connectorOf({ pingUrl }).ping!(signal);

describe('the ping of the http connector', () => {
  it('is there only where a pingUrl is', () => {
    expect(connectorOf({}).ping).toBeUndefined();
  });

  it.each([200, 204, 302, 401, 404])('takes an answer of %s for being back', async (status) => {
    const methods: unknown[] = [];
    const url = await farSide((request, response) => {
      methods.push(request.method);
      response.writeHead(status).end();
    });
    await ping(url);
    expect(methods).toEqual(['GET']);
  });

  it.each([429, 500, 502, 503])('takes %s for still being away', async (status) => {
    const url = await farSide((_, response) => response.writeHead(status).end());
    await expect(ping(url)).rejects.toThrow(`it answers ${status}`);
  });

  it('is in vain when nothing listens', async () => {
    const port = await deadPort();
    await expect(ping(`http://127.0.0.1:${port}/`)).rejects.toThrow(/connection refused/);
  });

  it('ends at once when it is given up', async () => {
    const abort = new AbortController();
    const url = await rawFarSide(() => abort.abort());
    await expect(ping(url, abort.signal)).rejects.toBeInstanceOf(ExchangeError);
  });

  it('carries the headers to its own far side only, and never a signature', async () => {
    const seen: unknown[] = [];
    const listen = () =>
      farSide(({ headers }, response) => {
        seen.push([headers.authorization, headers['webhook-signature']]);
        response.end();
      });
    const [own, other] = [await listen(), await listen()];
    const headers = { Authorization: 'Bearer token' };
    const never = new AbortController().signal;
    for (const pingUrl of [own, other])
      await connectorOf({ url: own, pingUrl, headers }).ping!(never);
    expect(seen).toEqual([
      ['Bearer token', undefined],
      [undefined, undefined],
    ]);
  });

  it('never reaches a private network that nobody allowed', async () => {
    const url = (await farSide((_, response) => response.end())).replace('127.0.0.1', 'localhost');
    const connector = connectorOf({ url, pingUrl: url }, []);
    await expect(connector.ping!(new AbortController().signal)).rejects.toThrow(
      /ANDON_CONNECTOR_NETWORKS/,
    );
  });
});
