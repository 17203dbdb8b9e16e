import { z } from 'zod';
import { Scrubber } from '../secrets/scrubber.js';
import type { Connector, ConnectorType, Delivery, Outcome } from './connector.js';
import { type Answer, type Exchange, ExchangeError } from './exchange.js';
import { judge, judgeError } from './http-answer.js';
import { checked } from './http-settings.js';
import { sign } from './signature.js';

/** What the connector knows of a registered webhook. */
export interface KnownWebhook {
  readonly id: string;
  readonly url: string;
  readonly client: string | null;
  /** The events it takes; null for all. */
  readonly events: readonly string[] | null;
  readonly disabled: { readonly at: string; readonly reason: string } | null;
  /** Newest first; each signs. */
  readonly secrets: readonly string[];
}

/** Where webhooks are registered. */
export interface WebhookBook {
  find(id: string): Promise<KnownWebhook | null>;
  /** It said that it is gone: nothing more is sent there until a person enables it. */
  disable(id: string, reason: string): Promise<void>;
}

/** Where there are none. */
export const noWebhooks: WebhookBook = { find: async () => null, disable: async () => {} };

const settingsSchema = z.strictObject({
  type: z.literal('webhook'),
  /** For the whole exchange. Milliseconds. */
  timeoutMs: z.int().min(100).max(600_000).default(15_000),
});
export type WebhookSettings = z.infer<typeof settingsSchema>;

/** Carries `send_webhook` out: an event to a registered address, signed as Standard Webhooks has it. */
export function webhookType(
  exchange: Pick<Exchange, 'send'>,
  book: () => WebhookBook,
): ConnectorType<WebhookSettings> {
  return {
    type: 'webhook',
    secrets: [],
    parse: (settings) => checked(settingsSchema, settings),
    create: ({ timeoutMs }) => new WebhookConnector(exchange, book(), timeoutMs),
  };
}

class WebhookConnector implements Connector {
  private readonly exchange: Pick<Exchange, 'send'>;
  private readonly book: WebhookBook;
  private readonly timeoutMs: number;

  constructor(exchange: Pick<Exchange, 'send'>, book: WebhookBook, timeoutMs: number) {
    this.exchange = exchange;
    this.book = book;
    this.timeoutMs = timeoutMs;
  }

  asks({ data }: Delivery): string {
    return `POST to webhook ${String(data['endpoint'])}`;
  }

  async deliver(delivery: Delivery): Promise<Outcome> {
    const id = String(delivery.data['endpoint']);
    const webhook = await this.book.find(id);
    // What is another client's does not exist for this one.
    if (
      !webhook ||
      (webhook.client !== null && webhook.client !== (delivery.client ?? webhook.client))
    )
      return fail(`there is no webhook "${id}": put it (PUT /v1/webhooks/${id}), then retry`);
    if (webhook.disabled)
      return fail(
        `the webhook "${id}" is disabled since ${webhook.disabled.at}: ${webhook.disabled.reason}; enable it, then retry`,
      );
    // Narrowed since it was enqueued, or an alert that it does not care for.
    if (webhook.events && !webhook.events.includes(String(delivery.data['event'])))
      return {
        kind: 'done',
        result: { notSent: `"${id}" takes ${webhook.events.join(', ')} only` },
      };
    const outcome = await this.send(webhook, delivery);
    return new Scrubber(webhook.secrets).deep(outcome) as Outcome;
  }

  private async send(webhook: KnownWebhook, delivery: Delivery): Promise<Outcome> {
    let answer: Answer;
    try {
      answer = await this.exchange.send(this.asked(webhook, delivery));
    } catch (error) {
      delivery.signal.throwIfAborted();
      if (error instanceof ExchangeError) return lenient(judgeError(error, WHO));
      throw error;
    }
    const { status } = answer;
    if (status >= 200 && status < 300) return { kind: 'done', result: { status } };
    if (status === 410) {
      await this.book.disable(webhook.id, 'it answered 410 Gone');
      return fail(
        `${WHO} answered 410 Gone: the webhook "${webhook.id}" is disabled until somebody enables it`,
        status,
      );
    }
    return lenient(judge(answer, WHO).outcome);
  }

  private asked({ url, secrets }: KnownWebhook, delivery: Delivery) {
    const body = JSON.stringify(bodyOf(delivery));
    const id = String(delivery.queueId);
    const timestamp = Math.floor(Date.now() / 1000);
    return {
      method: 'POST',
      url: new URL(url),
      headers: {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'accept-encoding': 'identity',
        'user-agent': 'Andon',
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': secrets.map((one) => sign(one, id, timestamp, body)).join(' '),
      },
      body,
      timeoutMs: this.timeoutMs,
      signal: delivery.signal,
    };
  }
}

const WHO = 'the receiver';

/** `bare`: chat programs take their own shape only. */
const bodyOf = ({ data, enqueuedAt }: Delivery): unknown =>
  data['bare'] === true
    ? (data['data'] ?? {})
    : { type: String(data['event']), timestamp: enqueuedAt, data: data['data'] ?? {} };

const fail = (message: string, status?: number): Outcome => ({
  kind: 'fail',
  failure: {
    message,
    cause: status === undefined ? 'data' : 'conflict',
    ...(status && { status }),
  },
});

/** A receiver that refuses may be one whose deploy went wrong; nothing waits behind a webhook, so it gets its days. */
function lenient(outcome: Outcome): Outcome {
  if (outcome.kind !== 'fail') return outcome;
  const { status = 0 } = outcome.failure;
  return status >= 400 && status < 500 ? { kind: 'retry', failure: outcome.failure } : outcome;
}
