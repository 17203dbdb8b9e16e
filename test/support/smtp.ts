import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll } from '@jest/globals';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { until } from './until.js';

/** A mail as the server took it: envelope, bytes, and what a mail program makes of them. */
export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
  readonly mail: Email;
}

/** A refusal, as `451 4.7.1 come again later`. */
export class Refusal extends Error {
  readonly responseCode: number;
  constructor(text: string) {
    super(text.slice(4));
    this.responseCode = Number(text.slice(0, 3));
  }
}

const refusal = (text: string | null | undefined) => (text ? new Refusal(text) : null);

/** How the server behaves; each may be changed at any time. */
export interface Manners {
  /** Refuses a connection, with its greeting. */
  greeting?: string | null;
  /** Cuts connections before a word is said. */
  hangUp?: boolean;
  /** Says nothing on connections, as a tarpit does. */
  silent?: boolean;
  /** Refuses a recipient: answers the refusal for an address, or nothing. */
  recipient?: (address: string) => string | null | undefined;
  /** Refuses the mail itself, after its last byte. */
  data?: string | null;
  /** Takes the whole mail, then cuts the connection without a word. */
  dropAfterData?: boolean;
  /** Takes the whole mail, then says nothing more. */
  silentAfterData?: boolean;
  /** Takes the whole mail, then says a little for ever, so that the line is never idle. */
  dripAfterData?: boolean;
}

const open = new Set<TestSmtp>();
afterAll(async () => {
  for (const server of open) await server.stop();
});

/** A real SMTP server that keeps what it gets, with the manners that a test wants. Gone after the tests of the file. */
export class TestSmtp {
  readonly mails: ReceivedMail[] = [];
  /** Mails whose last byte arrived, also those that were refused or dropped after it. */
  arrived = 0;
  connections = 0;
  manners: Manners = {};
  readonly port: number;
  private readonly server: SMTPServer;
  private readonly sockets: Set<Socket>;

  private constructor(server: SMTPServer, port: number, sockets: Set<Socket>) {
    this.server = server;
    this.port = port;
    this.sockets = sockets;
  }

  /** @param login `user:password` that is demanded; anybody may send without one */
  static async start({ login = '', port = 0 } = {}): Promise<TestSmtp> {
    const late: { smtp?: TestSmtp } = {};
    const smtp = () => late.smtp as TestSmtp;
    const sockets = new Set<Socket>();
    const options: SMTPServerOptions = {
      logger: false,
      disableReverseLookup: true,
      hideSTARTTLS: true,
      allowInsecureAuth: true,
      authOptional: login === '',
      authMethods: ['PLAIN', 'LOGIN'],
      closeTimeout: 50,
      onAuth: ({ username, password }, _, done) =>
        `${username}:${password}` === login
          ? done(null, { user: username })
          : done(new Refusal(`535 5.7.8 wrong password for ${username} (${password})`)),
      onConnect: (_, done) => {
        smtp().connections += 1;
        if (smtp().manners.hangUp) return smtp().cut();
        if (!smtp().manners.silent) done(refusal(smtp().manners.greeting));
      },
      onRcptTo: ({ address }, _, done) => done(refusal(smtp().manners.recipient?.(address))),
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', async () => {
          const { manners } = smtp();
          smtp().arrived += 1;
          if (manners.silentAfterData) return;
          if (manners.dripAfterData) return smtp().drip();
          if (manners.dropAfterData) return smtp().cut();
          const refused = refusal(manners.data);
          if (refused) return done(refused);
          const { mailFrom, rcptTo } = session.envelope;
          const raw = Buffer.concat(chunks).toString('latin1');
          smtp().mails.push({
            from: mailFrom ? mailFrom.address : '',
            to: rcptTo.map(({ address }) => address),
            raw,
            mail: await PostalMime.parse(Buffer.concat(chunks)),
          });
          done(null, `queued as ${smtp().mails.length}`);
        });
      },
    };
    const server = new SMTPServer(options);
    server.on('error', () => {}); // connections that a test cuts
    server.server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.listen(port, '127.0.0.1');
    await once(server.server, 'listening');
    late.smtp = new TestSmtp(server, (server.server.address() as AddressInfo).port, sockets);
    open.add(smtp());
    return smtp();
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  /** Cuts every connection, in the middle of whatever is said. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private drip(): void {
    for (const socket of this.sockets) {
      const timer = setInterval(() => socket.write('250-one moment\r\n'), 50);
      socket.once('close', () => clearInterval(timer));
    }
  }

  untilMails(count: number): Promise<unknown> {
    return until(`${count} mails to arrive`, () => this.mails.length >= count);
  }

  async stop(): Promise<void> {
    open.delete(this);
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.cut();
    await closed;
  }
}
