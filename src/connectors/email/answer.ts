import type { Failure, Outcome } from '../connector.js';
import { oneLine } from './message.js';

/** What nodemailer's errors bear. */
export interface SmtpError extends Error {
  readonly code?: string;
  readonly originalCode?: string;
  readonly command?: string;
  readonly response?: string;
  readonly responseCode?: number;
  readonly rejected?: readonly string[];
  readonly rejectedErrors?: readonly SmtpError[];
}

const MESSAGE_CHARACTERS = 300;

/** What a mail that did not leave means for its item. `at` names the server: "mail.shop.example:587". */
export function judgeSmtp(error: SmtpError, handedOver: boolean, at: string): Outcome {
  const { responseCode: status } = error;
  if (status === undefined)
    return {
      kind: 'retry',
      failure: { cause: 'connection', message: handedOver ? unsure(at) : words(error, at) },
    };
  const message = said(error, at);
  if (isLogin(error)) {
    if (status < 500) return { kind: 'retry', failure: { message, cause: 'connection', status } };
    return {
      kind: 'fail',
      failure: {
        message: `${at} refuses the login: put the right user and password into ANDON_SMTP_URL, restart, then retry (${message})`,
        cause: 'credentials',
        status,
      },
    };
  }
  if (status < 500) return { kind: 'retry', failure: { message, cause: 'throttled', status } };
  // Before the first word about this mail: it is the server that is not well, or us it does not want.
  if (/^(CONN|EHLO|HELO|LHLO|STARTTLS|RSET)\b/.test(error.command ?? ''))
    return { kind: 'retry', failure: { message, cause: 'connection', status } };
  return { kind: 'fail', failure: { message, cause: 'data', status } };
}

/** Why one recipient did not get it, and whether that may change. */
export function judgeRecipient(error: SmtpError): { failure: Failure; mayChange: boolean } {
  const status = error.responseCode;
  const mayChange = status === undefined || status < 500;
  const message = clean(error.response ?? error.message);
  return {
    mayChange,
    failure: {
      message,
      cause: mayChange ? 'throttled' : 'data',
      ...(status !== undefined && { status }),
    },
  };
}

const isLogin = ({ code, responseCode, command }: SmtpError): boolean =>
  code === 'EAUTH' ||
  code === 'ENOAUTH' ||
  [530, 534, 535, 538].includes(responseCode ?? 0) ||
  /^AUTH\b/.test(command ?? '');

const unsure = (at: string): string =>
  `${at} had the whole mail but did not say whether it took it; it is sent again under the same Message-ID`;

const said = ({ response, message }: SmtpError, at: string): string =>
  `${at} says: ${clean(response ?? message)}`;

function words(error: SmtpError, at: string): string {
  const { code, originalCode } = error;
  if (originalCode === 'ECONNREFUSED') return `nothing answers at ${at} (connection refused)`;
  if (originalCode === 'EHOSTUNREACH' || originalCode === 'ENETUNREACH')
    return `nothing answers at ${at} (it cannot be reached from here)`;
  if (code === 'EDNS') return `the name of ${at} cannot be found`;
  if (code === 'ETLS' || /CERT|SSL|TLS|SIGNATURE|ISSUER/.test(originalCode ?? ''))
    return `no safe connection to ${at} could be made: ${clean(error.message)}`;
  if (code === 'ETIMEDOUT') return `${at} gave no answer in time`;
  if (code === 'ECONNECTION') return `${at} closed the connection`;
  return clean(error.message);
}

/** A server's text goes into logs and mails: one line of it, at a length that people read. */
export const clean = (text: string): string =>
  oneLine(text.slice(0, 4 * MESSAGE_CHARACTERS))
    .replace(/\s+/g, ' ')
    .slice(0, MESSAGE_CHARACTERS);
