import { createHash } from 'node:crypto';
import type { SendMailOptions } from 'nodemailer';
import type { MailServer } from '../../config/mail-server.js';
import { type Addresses, addressesIn, type MailAddress } from '../../instructions/address.js';
import type { JsonObject } from '../../json.js';
import type { Delivery } from '../connector.js';
import { filled } from './templates.js';

/** The data of `send_email`, as `instructions/data.ts` has checked it. */
export interface MailData {
  readonly to: Addresses;
  readonly cc?: Addresses;
  readonly bcc?: Addresses;
  readonly replyTo?: Addresses;
  readonly subject: string;
  readonly text?: string;
  readonly html?: string;
  readonly template?: string;
  readonly values?: JsonObject;
  readonly thread?: string;
  readonly attachments?: readonly { filename: string; contentType?: string; content: string }[];
}

/** A mail, who sends it and whom it is for, each mailbox once. */
export interface Letter {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly message: SendMailOptions;
}

/**
 * Builds the mail of an item.
 * @throws UnknownTemplate
 */
export function letterOf(delivery: Delivery, server: Pick<MailServer, 'from' | 'replyTo'>): Letter {
  const data = delivery.data as unknown as MailData;
  const [to, cc, bcc] = [data.to, data.cc, data.bcc].map(addressesIn) as [
    MailAddress[],
    MailAddress[],
    MailAddress[],
  ];
  const replyTo = data.replyTo ? addressesIn(data.replyTo).map(shown) : server.replyTo;
  const [sender] = addressesIn(server.from);
  const domain = sender?.address.split('@')[1] ?? 'localhost';
  const thread = data.thread && `<${digest(data.thread)}.thread@${domain}>`;
  return {
    sender: sender?.address ?? server.from,
    recipients: [...new Set([...to, ...cc, ...bcc].map(({ address }) => address))],
    message: {
      from: sender ? shown(sender) : server.from,
      to: to.map(shown),
      ...(cc.length > 0 && { cc: cc.map(shown) }),
      ...(replyTo && { replyTo }),
      subject: oneLine(data.subject),
      ...(data.template === undefined
        ? { text: data.text, html: data.html }
        : filled(data.template, { subject: oneLine(data.subject), ...data.values })),
      messageId: messageIdOf(delivery, domain),
      ...(thread && { inReplyTo: thread, references: [thread] }),
      // Nobody's holiday notice should answer a program.
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
      attachments: data.attachments?.map(({ filename, contentType, content }) => ({
        filename: oneLine(filename),
        content: Buffer.from(content, 'base64'),
        ...(contentType && { contentType: oneLine(contentType) }),
      })),
    },
  };
}

/**
 * The same at every attempt, so that a receiver which got a mail twice can drop one of them. With the time
 * of the enqueue, because two installations count their queue ids alike.
 */
function messageIdOf({ queueId, enqueuedAt }: Delivery, domain: string): string {
  return `<andon.${queueId}.${Date.parse(enqueuedAt).toString(36)}@${domain}>`;
}

const shown = ({ name, address }: MailAddress) => ({ name: oneLine(name), address });

const digest = (text: string): string =>
  createHash('sha256').update(text).digest('base64url').slice(0, 22);

/** Without line ends, which could start another header, and without what hides or turns letters round. */
export const oneLine = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\p{Cf}/gu, '')
    .trim();
