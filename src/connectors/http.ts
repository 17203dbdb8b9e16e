import type { Connector, ConnectorType, Delivery, Outcome } from './connector.js';
import { type Answer, type Exchange, ExchangeError } from './exchange.js';
import { judge, judgeError } from './http-answer.js';
import { checked, type HttpSettings, httpSettingsSchema } from './http-settings.js';
import { sign } from './signature.js';

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

  constructor(settings: Omit<HttpSettings, 'type'>, exchange: Pick<Exchange, 'send'>) {
    this.settings = settings;
    this.exchange = exchange;
    const { pingUrl } = settings;
    if (pingUrl) this.ping = (signal) => this.get(pingUrl, signal);
  }

  /** Whatever answers below 500 is there, also with "not found" or "log in"; only "too many" is not. */
  private async get(pingUrl: string, signal: AbortSignal): Promise<void> {
    const url = new URL(pingUrl);
    const { headers, timeoutMs } = this.settings;
    const own = url.origin === new URL(this.settings.url).origin; // tokens go nowhere else
    const { status } = await this.exchange.send({
      method: 'GET',
      url,
      headers: { ...(own ? headers : {}), 'user-agent': 'Andon', 'accept-encoding': 'identity' },
      timeoutMs,
      signal,
    });
    if (status === 429 || status >= 500) throw new Error(`it answers ${status}`);
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
    const { outcome, log } = judge(answer, who);
    for (const line of log) delivery.log(line);
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
    });
  }
}

const bodyOf = (delivery: Delivery) => ({
  queueId: delivery.queueId,
  instruction: delivery.instruction,
  description: delivery.description,
  mode: delivery.mode,
  client: delivery.client,
  source: delivery.source,
  channel: delivery.channel,
  entity: delivery.entity,
  attempt: delivery.attempt,
  enqueuedAt: delivery.enqueuedAt,
  data: delivery.data,
});

function headersOf(delivery: Delivery, body: string, secret: string): Record<string, string> {
  const id = String(delivery.queueId);
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
