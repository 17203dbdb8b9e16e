import { readFileSync } from 'node:fs';
import ipaddr from 'ipaddr.js';
import { messageOf } from '../errors.js';
import type { MailSettings } from './schema.js';

/** The mail server and how mails leave for it, all of it checked. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** `always` encrypts from the first byte (smtps://). */
  readonly tls: 'always' | 'required' | 'offered' | 'off';
  readonly login: { readonly user: string; readonly password: string } | null;
  readonly from: string;
  readonly replyTo: string | null;
  readonly dkim: {
    readonly domain: string;
    readonly selector: string;
    readonly privateKey: string;
  } | null;
  /** Milliseconds for one whole mail. */
  readonly timeoutMs: number;
  readonly connections: number;
}

/** Null without a URL, or when something was wrong with it; then a sentence stands in `problems`. */
export function mailServer(
  text: string | undefined,
  settings: MailSettings | null | undefined,
  problems: string[],
): MailServer | null {
  if (text === undefined || !settings) return null;
  const wrong = (sentence: string) => void problems.push(sentence);
  // What is wrong is told without the URL, which may hold a password.
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^smtps?:$/.test(url.protocol) || url.hostname === '') {
    wrong('ANDON_SMTP_URL: must be a smtp:// or smtps:// URL, as smtp://user:password@host:587.');
    return null;
  }
  if (url.search || url.hash || !['', '/'].includes(url.pathname))
    wrong(
      'ANDON_SMTP_URL: must end after host and port; the rest is set under mail in andon.yaml.',
    );
  const login = loginOf(url);
  if (login === undefined) wrong('ANDON_SMTP_URL: its user or password is not well encoded (%…).');
  const user = login?.user ?? '';
  const from = settings.from ?? (/^[^\s@]+@[^\s@]+$/.test(user) ? user : '');
  if (from === '')
    wrong(
      'ANDON_SMTP_URL is set, so mail.from in andon.yaml or ANDON_MAIL_FROM must say who mails come from.',
    );
  for (const [name, address] of [
    ['from', from],
    ['replyTo', settings.replyTo],
  ] as const)
    if (address && !/^[^\p{Cc}\p{Cf}]*[^\s@<>]+@[^\s@<>]+>?$/u.test(address))
      wrong(`mail.${name}: must be a mail address, as Andon <andon@shop.example>.`);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    host,
    port: Number(url.port) || (url.protocol === 'smtps:' ? 465 : 587),
    tls: url.protocol === 'smtps:' ? 'always' : (settings.tls ?? usual(host, Boolean(login))),
    login: login ?? null,
    from,
    replyTo: settings.replyTo ?? null,
    dkim: settings.dkim ? signer(settings.dkim, wrong) : null,
    timeoutMs: settings.timeoutMs,
    connections: settings.connections,
  };
}

/** Null for none, undefined when it cannot be decoded. */
function loginOf({ username, password }: URL): MailServer['login'] | undefined {
  if (username === '') return null;
  try {
    return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    return undefined;
  }
}

/** A password goes to another machine encrypted or not at all. */
function usual(host: string, hasPassword: boolean): MailServer['tls'] {
  const own =
    host === 'localhost' || (ipaddr.isValid(host) && ipaddr.parse(host).range() === 'loopback');
  return hasPassword && !own ? 'required' : 'offered';
}

function signer(
  { domain, selector, keyFile }: NonNullable<MailSettings['dkim']>,
  wrong: (sentence: string) => void,
): MailServer['dkim'] {
  try {
    const privateKey = readFileSync(keyFile, 'utf8');
    if (/-----BEGIN (RSA )?PRIVATE KEY-----/.test(privateKey))
      return { domain, selector, privateKey };
    wrong(`mail.dkim.keyFile: ${keyFile} holds no private key in PEM form.`);
  } catch (error) {
    wrong(`mail.dkim.keyFile cannot be read: ${messageOf(error)}.`);
  }
  return null;
}
