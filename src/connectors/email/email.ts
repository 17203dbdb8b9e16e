import { z } from 'zod';
import { inWords } from '../../config/in-words.js';
import { InvalidInput } from '../../errors.js';
import { Scrubber } from '../../secrets/scrubber.js';
import type { Connector, ConnectorType, Delivery, Outcome } from '../connector.js';
import { discreet } from '../discreet.js';
import { clean, judgeRecipient, judgeSmtp } from './answer.js';
import { letterOf } from './message.js';
import { NotPosted, type Posted, type PostOffice } from './post-office.js';
import { UnknownTemplate } from './templates.js';

const settingsSchema = z.strictObject({ type: z.literal('email') });
export type EmailSettings = z.infer<typeof settingsSchema>;

/** Carries `send_email` out by SMTP. The server is the operator's, from the environment, not an endpoint's. */
export function emailType(office: PostOffice | null): ConnectorType<EmailSettings> {
  const scrubber = new Scrubber(loginOf(office));
  return {
    type: 'email',
    secrets: [],
    parse: (settings) => {
      const parsed = settingsSchema.safeParse(settings, { error: inWords });
      if (parsed.success) return parsed.data;
      const detail =
        'has no settings here: ANDON_SMTP_URL and mail in andon.yaml say how mails leave';
      throw new InvalidInput([{ pointer: '/connector', detail }]);
    },
    create: () =>
      // Mail servers like to repeat what they do not take.
      office ? discreet(new EmailConnector(office), scrubber) : withoutServer,
  };
}

/** The password, and the login as it travels. */
function loginOf(office: PostOffice | null): string[] {
  const login = office?.server.login;
  return login ? [login.password, `\0${login.user}\0${login.password}`] : [];
}

const withoutServer: Connector = {
  async deliver() {
    const message =
      'no mail server is set: set ANDON_SMTP_URL (as smtps://mail.example.com; docs/settings.md), restart, then retry';
    return { kind: 'fail', failure: { message, cause: 'credentials' } };
  },
};

class EmailConnector implements Connector {
  private readonly office: PostOffice;
  private readonly at: string;

  constructor(office: PostOffice) {
    this.office = office;
    this.at = `${office.server.host}:${office.server.port}`;
  }

  asks({ data }: Delivery): string {
    const count = [data['to'], data['cc'], data['bcc']].flat().filter(Boolean).length;
    return `mail to ${count} ${count === 1 ? 'recipient' : 'recipients'} by ${this.at}`;
  }

  /** Whoever got the mail at an earlier attempt does not get it again. */
  async deliver(delivery: Delivery): Promise<Outcome> {
    try {
      const { sender, message, recipients } = letterOf(delivery, this.office.server);
      const got = new Set(
        delivery.parts.filter(({ state }) => state === 'done').map(({ key }) => key),
      );
      const left = recipients.filter((address) => !got.has(address));
      if (left.length === 0) return { kind: 'already-done', result: { recipients } };
      const posted = await this.office.post(message, { from: sender, to: left }, delivery.signal);
      return await outcomeOf(posted, delivery, String(message.messageId), this.at);
    } catch (error) {
      if (error instanceof UnknownTemplate)
        return { kind: 'fail', failure: { message: error.message, cause: 'data' } };
      if (!(error instanceof NotPosted)) throw error;
      if (error.error.rejectedErrors)
        return ofRefused(error.error.rejectedErrors, delivery, this.at);
      return judgeSmtp(error.error, error.handedOver, this.at);
    }
  }

  ping(signal: AbortSignal): Promise<void> {
    return this.office.verify(signal);
  }
}

type Refusal = Posted['refused'][number];

async function outcomeOf(
  { accepted, refused, response }: Posted,
  delivery: Delivery,
  messageId: string,
  at: string,
): Promise<Outcome> {
  if (refused.length === 0)
    return { kind: 'done', result: { messageId, recipients: accepted, response: clean(response) } };
  for (const key of accepted) await delivery.report({ kind: 'recipient', key, state: 'done' });
  return reported(refused, delivery, at);
}

/** Nobody was accepted. */
function ofRefused(
  errors: readonly (Refusal['error'] & { readonly recipient?: string })[],
  delivery: Delivery,
  at: string,
): Promise<Outcome> {
  return reported(
    errors.map((error) => ({ address: error.recipient ?? 'a recipient', error })),
    delivery,
    at,
  );
}

/** Those who may get it later are tried again; the others need a person. */
async function reported(
  refused: readonly Refusal[],
  delivery: Delivery,
  at: string,
): Promise<Outcome> {
  const judged = refused.map(({ address, error }) => ({ address, ...judgeRecipient(error) }));
  for (const { address, failure } of judged) {
    const { message } = failure;
    await delivery.report({ kind: 'recipient', key: address, state: 'failed', message });
  }
  const first = judged.find(({ mayChange }) => mayChange) ?? judged[0];
  if (!first) throw new Error('a refused mail names nobody');
  const names = judged.map(({ address }) => address).join(', ');
  const message = `${at} does not take it for ${clean(names)}: ${first.failure.message}`;
  const failure = { ...first.failure, message };
  return first.mayChange ? { kind: 'retry', failure } : { kind: 'fail', failure };
}
