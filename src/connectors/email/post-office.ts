import { createTransport, type SendMailOptions } from 'nodemailer';
import SMTPPool from 'nodemailer/lib/smtp-pool';
import type { MailServer } from '../../config/mail-server.js';
import type { SmtpError } from './answer.js';

/** Idle connections end before a server or a firewall on the way drops them without a word. Milliseconds. */
const IDLE_MS = 20_000;
/** For name, connection, greeting and encryption together. Milliseconds. */
const CONNECT_MS = 20_000;

/** What became of a mail that the server answered for at least one recipient. */
export interface Posted {
  readonly accepted: readonly string[];
  readonly refused: readonly { readonly address: string; readonly error: SmtpError }[];
  readonly response: string;
}

/** A mail did not leave, or nobody knows. */
export class NotPosted extends Error {
  readonly error: SmtpError;
  /** The server had all of it: it may have taken the mail although it did not say so. */
  readonly handedOver: boolean;
  constructor(error: SmtpError, handedOver: boolean) {
    super(error.message);
    this.name = 'NotPosted';
    this.error = error;
    this.handedOver = handedOver;
  }
}

/** The pool of connections to the mail server, shared by all mails of a process. */
export class PostOffice {
  readonly server: MailServer;
  private readonly pool: SMTPPool;
  private readonly transport: ReturnType<typeof transportOver>;

  constructor(server: MailServer) {
    this.server = server;
    this.pool = poolTo(server);
    this.transport = transportOver(this.pool);
  }

  /**
   * Sends one mail within the server's time limit for a whole mail; nodemailer's own limits only see silence, and
   * a server that says a little every minute could go on for ever.
   * @throws NotPosted, or the reason of `signal`
   */
  async post(
    message: SendMailOptions,
    envelope: { readonly from: string; readonly to: readonly string[] },
    signal: AbortSignal,
  ): Promise<Posted> {
    const stop = new AbortController();
    const { timeoutMs, host, port } = this.server;
    const late = new Error(`${host}:${port} did not take the mail within ${timeoutMs / 1000} s`);
    const timer = setTimeout(() => stop.abort(late), timeoutMs);
    const abort = () => stop.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    const passage = { handedOver: false };
    try {
      const info = await this.transport.sendMail({
        ...message,
        envelope: { from: envelope.from, to: [...envelope.to] },
        disableFileAccess: true,
        disableUrlAccess: true,
        signal: stop.signal,
        [PASSAGE]: passage,
        ...dkimOf(this.server),
      } as SendMailOptions);
      const refused = info.rejected.map((address, n) => ({
        address: String(address),
        error: (info.rejectedErrors?.[n] ?? new Error('refused')) as SmtpError,
      }));
      return { accepted: info.accepted.map(String), refused, response: info.response };
    } catch (error) {
      signal.throwIfAborted();
      throw new NotPosted((stop.signal.aborted ? late : error) as SmtpError, passage.handedOver);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Connects, encrypts and logs in. @throws what went wrong there */
  async verify(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const ended = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    await Promise.race([this.transport.verify(), ended]);
  }

  close(): void {
    this.pool.close({ force: true });
  }
}

/** Where a mail keeps whether all of it went out. */
const PASSAGE = 'andonPassage';

function poolTo(server: MailServer): SMTPPool {
  return new SMTPPool({
    host: server.host,
    port: server.port,
    secure: server.tls === 'always',
    requireTLS: server.tls === 'required',
    ignoreTLS: server.tls === 'off',
    ...(server.login && { auth: { user: server.login.user, pass: server.login.password } }),
    ...(server.login && { forceAuth: true }),
    maxConnections: server.connections,
    // A mail that was cut off is judged by us: sent again here, the receiver would get it twice in a second.
    maxRequeues: 0,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    dnsTimeout: CONNECT_MS,
    socketTimeout: Math.min(60_000, server.timeoutMs),
    idleTimeout: IDLE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

function transportOver(pool: SMTPPool) {
  const transport = createTransport(pool);
  transport.use('stream', (mail, done) => {
    const passage = (mail.data as unknown as Record<string, { handedOver: boolean } | undefined>)[
      PASSAGE
    ];
    mail.message.processFunc((stream) => {
      // Read to its end by the connection, which happens only after the server asked for the mail.
      stream.once('end', () => {
        if (passage) passage.handedOver = true;
      });
      return stream;
    });
    done();
  });
  return transport;
}

const dkimOf = ({ dkim }: MailServer) =>
  dkim && {
    dkim: { domainName: dkim.domain, keySelector: dkim.selector, privateKey: dkim.privateKey },
  };
