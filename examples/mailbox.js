/**
 * A mail server that shows what it gets, to see Andon's mails without sending any:
 *
 *   node examples/mailbox.js 2525        and Andon with ANDON_SMTP_URL=smtp://127.0.0.1:2525
 */
import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';

const port = Number(process.argv[2] ?? 2525);
const server = new SMTPServer({
  authOptional: true,
  hideSTARTTLS: true,
  disableReverseLookup: true,
  async onData(stream, _session, done) {
    const {
      to = [],
      subject,
      text = '',
    } = await PostalMime.parse(await Buffer.concat(await stream.toArray()));
    console.log(
      `To      ${to.map((one) => one.address).join(', ')}\nSubject ${subject}\n\n${text.trim()}\n`,
    );
    done();
  },
});
server.listen(port, '127.0.0.1', () =>
  console.log(`Mails for 127.0.0.1:${port} are shown here.\n`),
);
