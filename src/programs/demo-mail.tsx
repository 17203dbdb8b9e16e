import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type RequestHandler, Router } from 'express';
import PostalMime, { type Email } from 'postal-mime';
import type { ComponentChildren } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { SMTPServer } from 'smtp-server';

/** Mails that are kept to look at. */
const KEPT = 200;

const shell =
  "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'";
/** What came by mail runs nothing and loads nothing; its links open beside it. */
const caged =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";

const looks = `:root{color-scheme:light dark}body{margin:0 auto;max-width:60rem;padding:1rem;font:16px/1.5 system-ui,sans-serif}
td,th{padding:.4rem .8rem .4rem 0;text-align:left;vertical-align:top}.time{white-space:nowrap}.subject{overflow-wrap:anywhere}.to{overflow-wrap:break-word}@media(max-width:40rem){table,tbody,tr,td{display:block}.to{overflow-wrap:anywhere}tr{margin-bottom:1rem}td{padding:0}}pre{white-space:pre-wrap;overflow-wrap:anywhere}
.parts{display:flex;flex-wrap:wrap;gap:1rem}.parts>*{flex:1 1 22rem;min-width:0;margin:0}iframe{border:1px solid #8888;height:58rem;width:100%}`;

/** The mail server of the demo, in this process: it takes every mail and shows it under `/demo/mail`. */
export class DemoMail {
  readonly mails: Email[] = [];
  private readonly server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    disableReverseLookup: true,
    onData: (stream, _, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        PostalMime.parse(Buffer.concat(chunks)).then((mail) => {
          this.mails.push(mail);
          if (this.mails.length > KEPT) this.mails.shift();
          done();
        }, done);
      });
    },
  });

  /** Answers where mails are to be sent. */
  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server.server, 'listening');
    return `smtp://127.0.0.1:${(this.server.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** The pages, below `/demo`. */
  readonly room: RequestHandler = Router()
    .get('/mail', (_, response) => {
      response.set('Content-Security-Policy', shell);
      response.type('html').send(
        page(
          'Mails',
          <>
            <h1>Mails that left</h1>
            {this.mails.length === 0 ? <p>None yet. Load this page again in a moment.</p> : null}
            <table>
              {this.mails
                .map((mail, n) => (
                  <tr key={n}>
                    <td class="time">{mail.date?.slice(11, 19)}</td>
                    <td class="subject">
                      <a href={`/demo/mail/${n}`}>{mail.subject || '(no subject)'}</a>
                    </td>
                    <td class="to">{mail.to?.map((one) => one.address).join(', ')}</td>
                  </tr>
                ))
                .reverse()}
            </table>
          </>,
        ),
      );
    })
    .get('/mail/:n', (request, response, next) => {
      const mail = this.mails[Number(request.params.n)];
      if (!mail) return next();
      response.set('Content-Security-Policy', shell);
      response.type('html').send(
        page(
          mail.subject ?? '',
          <>
            <p>
              <a href="/demo/mail">All mails</a>
            </p>
            <h1>{mail.subject}</h1>
            <p>
              From {mail.from?.address} to {mail.to?.map((one) => one.address).join(', ')}
            </p>
            <div class="parts">
              <iframe
                title="HTML part"
                sandbox="allow-popups allow-popups-to-escape-sandbox"
                src={`/demo/mail/${request.params.n}/html`}
              />
              <pre>{mail.text}</pre>
            </div>
          </>,
        ),
      );
    })
    .get('/mail/:n/html', (request, response, next) => {
      const html = this.mails[Number(request.params.n)]?.html;
      if (html === undefined) return next();
      response.set({ 'Content-Security-Policy': caged, 'Referrer-Policy': 'no-referrer' });
      response.type('html').send(html.replace('<head>', '<head><base target="_blank">'));
    });
}

const page = (title: string, body: ComponentChildren): string =>
  `<!doctype html>${renderToString(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <title>{`${title} · Andon demo`}</title>
        <style dangerouslySetInnerHTML={{ __html: looks }} />
      </head>
      <body>{body}</body>
    </html>,
  )}`;
