/**
 * The mail server of a campaign: a process of its own, which shares no code with the product. It writes down
 * each mail before it says that it took it. A line on its standard input sets its mood: `refuses` (for now,
 * at the greeting, the recipient or the last byte in turn), `hangs` (at the greeting, or after the last byte),
 * `drops` (takes the mail to its last byte and cuts the connection), `fine`.
 *
 *     node mailbox.mjs <file for its lines>
 */
import { openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';

const file = openSync(process.argv[2], 'a');
const now = () => Number(process.hrtime.bigint()) / 1e6;

let mood = 'fine';
let turn = 0;
const sockets = new Set();
const refused = (code, text) => Object.assign(new Error(text), { responseCode: code });
/** Each way of being out of sorts comes in its turn. */
const turnOf = (place, of) => turn % of === place;

const stages = [
  [/^Over: /, 'recovery'],
  [/^\d+ more: /, 'digest'],
  [/^Still standing: /, 'reminder'],
  [/^Nobody has taken this on: /, 'escalation'],
];

async function take(bytes, to) {
  const mail = await PostalMime.parse(bytes);
  const [, incident = ''] = /\/incidents\/(\d+)/.exec(mail.text ?? '') ?? [];
  const stage = stages.find(([subject]) => subject.test(mail.subject ?? ''))?.[1] ?? 'first';
  for (const { address } of to) {
    const line = { by: 'mail', at: now(), incident, to: address, stage, id: mail.messageId };
    writeSync(file, `${JSON.stringify(line)}\n`);
  }
}

const server = new SMTPServer({
  logger: false,
  disableReverseLookup: true,
  hideSTARTTLS: true,
  authOptional: true,
  closeTimeout: 50,
  onConnect(_, done) {
    turn += 1;
    if (mood === 'refuses' && turnOf(0, 3)) return done(refused(421, '4.3.2 come again later'));
    if (mood === 'hangs' && turnOf(0, 2)) return;
    done();
  },
  onRcptTo(_, __, done) {
    if (mood === 'refuses' && turnOf(1, 3)) return done(refused(451, '4.7.1 come again later'));
    done();
  },
  onData(stream, session, done) {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', async () => {
      if (mood === 'refuses') return done(refused(452, '4.2.2 the mailbox is full'));
      if (mood === 'hangs') return;
      if (mood === 'drops') {
        for (const socket of sockets) socket.destroy();
        return;
      }
      await take(Buffer.concat(chunks), session.envelope.rcptTo);
      done();
    });
  },
});
server.on('error', () => {}); // connections that are cut
server.server.on('connection', (socket) => {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
});
server.listen(0, '127.0.0.1', () => console.log(server.server.address().port));

const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => {
  mood = line;
});
orders.once('close', () => process.exit()); // whoever started it is gone
