import type { Connector, ConnectorType, Delivery, Outcome, Verdict } from './connector.js';
import { type Answer, type Exchange, ExchangeError } from './exchange.js';
import { judge, judgeError, judgeLook } from './http-answer.js';
import { checked, type HttpSettings, httpSettingsSchema } from './http-settings.js';
import { sign } from './signature.js';
import { toldOf } from './told.js';

/** Carries items out by one signed POST each, to any far side that keeps to DESIGN §5. */
export function httpType(exchange: Pick<Exchange, 'send' | 'guard'>): ConnectorType<HttpSettings> {
  const schema = httpSettingsSchema(exchange.guard);
  return {
    type: 'http',
    secrets: ['secret', 'headers'],
    parse: (settings) => checked(schema, settings),
    create: (settings) => new HttpConnector(settings, exchange),
  };
}

export class HttpConnector implements Connector {
  private readonly settings: Omit<HttpSettings, 'type'>;
  private readonly exchange: Pick<Exchange, 'send'>;
  /** Only where there is a `pingUrl`: to POST something that is no item could do harm. */
  readonly ping?: (signal: AbortSignal) => Promise<void>;
  /** Only where there is a `verifyUrl`. */
  readonly verify?: (delivery: Delivery) => Promise<Verdict>;

  constructor(settings: Omit<HttpSettings, 'type'>, exchange: Pick<Exchange, 'send'>) {
    this.settings = settings;
    this.exchange = exchange;
    const { pingUrl, verifyUrl } = settings;
    if (pingUrl) this.ping = (signal) => this.get(pingUrl, signal);
    if (verifyUrl) this.verify = (delivery) => this.look(verifyUrl, delivery);
  }

  /** Whatever answers below 500 is there, also with "not found" or "log in"; only "too many" is not. */
  private async get(pingUrl: string, signal: AbortSignal): Promise<void> {
    const url = new URL(pingUrl);
    const { timeoutMs } = this.settings;
    const { status } = await this.exchange.send({
      method: 'GET',
      url,
      headers: { ...this.headersFor(url), 'user-agent': 'Andon', 'accept-encoding': 'identity' },
      timeoutMs,
      signal,
    });
    if (status === 429 || status >= 500) throw new Error(`it answers ${status}`);
  }

  /** Tokens go nowhere but to the far side itself. */
  private headersFor(url: URL): Readonly<Record<string, string>> {
    return url.origin === new URL(this.settings.url).origin ? this.settings.headers : {};
  }

  /** Whatever is no plain yes or no leaves it unknown. */
  private async look(verifyUrl: string, delivery: Delivery): Promise<Verdict> {
    const url = new URL(verifyUrl);
    const { timeoutMs, secret } = this.settings;
    const body = JSON.stringify(bodyOf(delivery));
    // No idempotency key, and an id of its own: whoever remembers those must not take this for the delivery.
    const id = `verify-${delivery.queueId}`;
    const { 'idempotency-key': _, ...headers } = headersOf(delivery, body, secret, id);
    const method = 'POST';
    try {
      const all = { ...this.headersFor(url), ...headers };
      const answer = await this.exchange.send({
        method,
        url,
        headers: all,
        body,
        timeoutMs,
        signal: delivery.signal,
        tellTrace: true,
      });
      return judgeLook(answer, farSide(delivery));
    } catch (error) {
      delivery.signal.throwIfAborted();
      if (!(error instanceof ExchangeError)) throw error;
      return { kind: 'unknown', failure: { message: error.message, cause: 'connection' } };
    }
  }

  asks(): string {
    // Paths and queries of some far sides are as good as passwords.
    return `POST to ${new URL(this.settings.url).host}`;
  }

  /** An abort is not an outcome: whoever aborted knows what follows, so its reason is thrown. */
  async deliver(delivery: Delivery): Promise<Outcome> {
    const who = farSide(delivery);
    let answer: Answer;
    try {
      answer = await this.send(delivery);
    } catch (error) {
      delivery.signal.throwIfAborted();
      if (error instanceof ExchangeError) return judgeError(error, who);
      throw error;
    }
    const { outcome, log, parts } = judge(answer, who);
    for (const line of log) delivery.log(line);
    await Promise.all(parts.map((part) => delivery.report(part)));
    return outcome;
  }

  private send(delivery: Delivery): Promise<Answer> {
    const { url, headers, timeoutMs, secret } = this.settings;
    const body = JSON.stringify(bodyOf(delivery));
    return this.exchange.send({
      method: 'POST',
      url: new URL(url),
      headers: { ...headers, ...headersOf(delivery, body, secret) },
      body,
      timeoutMs,
      signal: delivery.signal,
      tellTrace: true,
      fresh: delivery.entry.resend === 'verify',
      bodyLimit: ANSWER_LIMIT,
    });
  }
}

/** Longest answer to a delivery, in bytes: it may bring thousands of follow-ups. */
const ANSWER_LIMIT = 8 * 1024 * 1024;

const bodyOf = (delivery: Delivery) => ({
  ...toldOf(delivery),
  /** What earlier attempts brought about, so that only the rest is left to do. */
  done: delivery.parts
    .filter(({ state }) => state === 'done')
    .map(({ kind, key }) => ({ kind, key })),
});

function headersOf(
  delivery: Delivery,
  body: string,
  secret: string,
  id = String(delivery.queueId),
): Record<string, string> {
  const timestamp = Math.floor(Date.now() / 1000);
  return {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    accept: 'application/json, application/problem+json',
    'accept-encoding': 'identity',
    'user-agent': 'Andon',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': sign(secret, id, timestamp, body),
    'idempotency-key': id,
    'x-andon-attempt': String(delivery.attempt),
    'x-andon-fence': String(delivery.fence),
  };
}

/** How a message calls the far side that said nothing about itself. */
function farSide({ entry }: Delivery): string {
  if (entry.target === 'channel') return 'the shop';
  return entry.target === 'source' ? 'the ERP' : 'the service';
}
