import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { mailServer } from '../../../src/config/mail-server.js';
import { fileSchema } from '../../../src/config/schema.js';
import type {
  Connector,
  Delivery,
  Outcome,
  PartOfItem,
} from '../../../src/connectors/connector.js';
import { emailType } from '../../../src/connectors/email/email.js';
import { PostOffice } from '../../../src/connectors/email/post-office.js';
import { loadCatalogue } from '../../../src/instructions/catalogue.js';
import { dataSchemas } from '../../../src/instructions/data.js';
import type { JsonObject } from '../../../src/json.js';
import { TestSmtp } from '../../support/smtp.js';
import { until } from '../../support/until.js';

const entry = loadCatalogue().get('send_email')!;
const offices: PostOffice[] = [];
afterEach(() => {
  for (const office of offices.splice(0)) office.close();
});

interface Settings {
  url: string;
  from?: string;
  timeoutMs?: number;
  dkim?: { domain: string; selector: string; privateKey: string };
}

function connectorTo({
  url,
  from = 'Andon <andon@shop.example>',
  timeoutMs,
  dkim,
}: Settings): Connector {
  const problems: string[] = [];
  const settings = fileSchema.parse({ mail: { from } }).mail;
  const server = mailServer(url, settings, problems);
  if (!server) throw new Error(problems.join());
  const office = new PostOffice({
    ...server,
    dkim: dkim ?? null,
    timeoutMs: timeoutMs ?? server.timeoutMs,
  });
  offices.push(office);
  return emailType(office).create({ type: 'email' });
}

const mail: JsonObject = { to: 'ann@shop.example', subject: 'Your order', text: 'It left.' };

function delivery(data: JsonObject, more: Partial<Delivery> = {}): Delivery {
  return {
    queueId: 1042,
    instruction: 'send_email',
    entry,
    description: 'Send email',
    mode: 'non-blocking',
    client: null,
    source: null,
    channel: null,
    entity: null,
    attempt: 1,
    fence: 1,
    enqueuedAt: '2026-11-21T08:00:00.000Z',
    data,
    parts: [],
    signal: new AbortController().signal,
    log: () => {},
    progress: () => {},
    report: async () => {},
    ...more,
  };
}

const send = (connector: Connector, data = mail, more: Partial<Delivery> = {}) =>
  connector.deliver(delivery(data, more));

const failureOf = (outcome: Outcome) => ('failure' in outcome ? outcome.failure : null);

describe('a mail arrives as it was meant', () => {
  test('with text and HTML, names, copies and where answers go', async () => {
    const smtp = await TestSmtp.start();
    const outcome = await send(connectorTo(smtp), {
      to: ['Ann Ös <ann@shop.example>', { name: 'Ben, sales', address: 'ben@shop.example' }],
      cc: 'cy@shop.example, dee@shop.example',
      bcc: 'boss@shop.example',
      replyTo: 'help@shop.example',
      subject: 'Grüße',
      text: 'Plain',
      html: '<b>Rich</b>',
    });
    expect(outcome.kind).toBe('done');
    const [got] = smtp.mails;
    expect(got?.from).toBe('andon@shop.example');
    expect(got?.to).toEqual([
      'ann@shop.example',
      'ben@shop.example',
      'cy@shop.example',
      'dee@shop.example',
      'boss@shop.example',
    ]);
    expect(got?.mail.to).toEqual([
      { name: 'Ann Ös', address: 'ann@shop.example' },
      { name: 'Ben, sales', address: 'ben@shop.example' },
    ]);
    expect(got?.mail.subject).toBe('Grüße');
    expect(got?.mail.text?.trim()).toBe('Plain');
    expect(got?.mail.html).toContain('<b>Rich</b>');
    expect(got?.mail.replyTo).toEqual([{ name: '', address: 'help@shop.example' }]);
    expect(got?.raw).not.toContain('boss@shop.example');
  });

  test('under one Message-ID, however often it is tried', async () => {
    const smtp = await TestSmtp.start();
    const connector = connectorTo(smtp);
    await send(connector);
    await send(connector, mail, { attempt: 2 });
    await send(connector, mail, { queueId: 1043 });
    const ids = smtp.mails.map((one) => one.mail.messageId);
    expect(ids[0]).toMatch(/^<andon\.1042\.\w+@shop\.example>$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  test('mails of one thread name it', async () => {
    const smtp = await TestSmtp.start();
    await send(connectorTo(smtp), { ...mail, thread: 'incident 7' });
    expect(smtp.mails[0]?.mail.references).toMatch(/^<\S+\.thread@shop\.example>$/);
  });

  test('with its attachments', async () => {
    const smtp = await TestSmtp.start();
    const content = Buffer.from('a,b\n').toString('base64');
    const attachments = [{ filename: 'prices.csv', contentType: 'text/csv', content }];
    await send(connectorTo(smtp), { ...mail, attachments });
    const [file] = smtp.mails[0]?.mail.attachments ?? [];
    expect(file?.filename).toBe('prices.csv');
    expect(Buffer.from(file?.content as ArrayBuffer).toString()).toBe('a,b\n');
  });

  test('signed, when a DKIM key is set', async () => {
    const smtp = await TestSmtp.start();
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const dkim = { domain: 'shop.example', selector: 's1', privateKey };
    await send(connectorTo({ url: smtp.url, dkim }));
    expect(smtp.mails[0]?.raw).toMatch(/^DKIM-Signature: .*d=shop\.example;\s+q=dns\/txt; s=s1/s);
  });
});

describe('templates', () => {
  const values = {
    heading: 'Stock <script>alert(1)</script>',
    paragraphs: ['5 > 3 & "so"'],
    facts: [{ name: 'SKU', value: '<img src=x onerror=alert(1)>' }],
    link: { label: 'Look', url: 'javascript:alert(1)' },
  };

  test('what is filled in is escaped in HTML and plain in the text', async () => {
    const smtp = await TestSmtp.start();
    const { text: _, ...without } = mail;
    await send(connectorTo(smtp), { ...without, template: 'notice', values });
    const got = smtp.mails[0]?.mail;
    expect(got?.html).toContain('Stock &lt;script&gt;alert(1)&lt;/script&gt;');
    expect(got?.html).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(got?.html).not.toMatch(/<script|<img|javascript:/);
    expect(got?.text).toContain('SKU: <img src=x onerror=alert(1)>');
    expect(got?.text).toContain('5 > 3 & "so"');
  });

  test.each(['../../etc/passwd', 'notice.txt', 'nothing'])(
    '%s is none, and it is said which there are',
    async (template) => {
      const smtp = await TestSmtp.start();
      const outcome = await send(connectorTo(smtp), { ...mail, template });
      expect(outcome).toMatchObject({ kind: 'fail', failure: { cause: 'data' } });
      expect(failureOf(outcome)?.message).toMatch(/there are: .*notice/);
      expect(smtp.mails).toEqual([]);
    },
  );
});

describe('nothing in the data becomes a header, a recipient or a file', () => {
  test.each([
    ['a line end in an address', 'ann@shop.example\r\nBcc: all@shop.example'],
    ['a line end in a name', { name: 'Ann\r\nBcc: all@shop.example', address: 'ann@shop.example' }],
    ['letters turned round', { name: 'Ann \u202egpj.exe', address: 'ann@shop.example' }],
    ['a line separator', 'ann\u2028@shop.example'],
    ['no address', 'ann'],
    ['an empty list', []],
    ['an address in an address', { name: '', address: 'ann@shop.example>, <eve@evil.example' }],
    ['two @', 'ann@shop.example@evil.example'],
  ])('%s is refused at the enqueue', (_, to) => {
    expect(dataSchemas.email.safeParse({ ...mail, to }).success).toBe(false);
  });

  test('a subject keeps its words and loses its line ends and turned letters', async () => {
    const smtp = await TestSmtp.start();
    await send(connectorTo(smtp), { ...mail, subject: 'Order\r\nBcc: eve@evil.example \u202egpj' });
    expect(smtp.mails[0]?.to).toEqual(['ann@shop.example']);
    expect(smtp.mails[0]?.mail.subject).toBe('Order Bcc: eve@evil.example gpj');
    expect(smtp.mails[0]?.mail.bcc).toBeUndefined();
  });

  test.each([['text'], ['html']])('%s cannot name a file', async (part) => {
    expect(dataSchemas.email.safeParse({ ...mail, [part]: { path: '/etc/passwd' } }).success).toBe(
      false,
    );
  });
});

describe('what the mail server does decides what follows', () => {
  test('nothing answers: it is tried again', async () => {
    const smtp = await TestSmtp.start();
    const { url } = smtp;
    await smtp.stop();
    expect(await send(connectorTo({ url }))).toMatchObject({
      kind: 'retry',
      failure: { cause: 'connection', message: expect.stringContaining('connection refused') },
    });
  });

  test('a connection that is cut before a word is not tried again behind our back', async () => {
    const smtp = await TestSmtp.start();
    smtp.manners = { hangUp: true };
    const outcome = await send(connectorTo(smtp));
    expect(outcome).toMatchObject({ kind: 'retry', failure: { cause: 'connection' } });
    expect(smtp.connections).toBe(1);
  });

  test('there is no such name: it is tried again', async () => {
    const outcome = await send(connectorTo({ url: 'smtp://nowhere.invalid:25' }));
    expect(outcome).toMatchObject({ kind: 'retry', failure: { cause: 'connection' } });
  });

  test.each<[string, object, object]>([
    ['it is too busy', { greeting: '421 4.3.2 too busy' }, { kind: 'retry' }],
    [
      'it wants nobody',
      { greeting: '554 5.3.2 no service' },
      { kind: 'retry', failure: { cause: 'connection' } },
    ],
    [
      'it greylists',
      { recipient: () => '451 4.7.1 come back later' },
      { kind: 'retry', failure: { cause: 'throttled', status: 451 } },
    ],
    [
      'it does not know the recipient',
      { recipient: () => '550 5.1.1 no such user' },
      { kind: 'fail', failure: { cause: 'data', status: 550 } },
    ],
    [
      'it is full after the last byte',
      { data: '452 4.3.1 disk full' },
      { kind: 'retry', failure: { cause: 'throttled', status: 452 } },
    ],
    [
      'it takes the mail for spam',
      { data: '554 5.7.1 spam' },
      { kind: 'fail', failure: { cause: 'data', status: 554 } },
    ],
  ])('%s', async (_, manners, expected) => {
    const smtp = await TestSmtp.start();
    smtp.manners = manners;
    expect(await send(connectorTo(smtp))).toMatchObject(expected);
    expect(smtp.mails).toEqual([]);
  });

  test('a wrong password is for a person, who is told what to set', async () => {
    const smtp = await TestSmtp.start({ login: 'ann:right' });
    const wrong = await send(connectorTo({ url: smtp.url.replace('//', '//ann:wrong@') }));
    expect(wrong).toMatchObject({ kind: 'fail', failure: { cause: 'credentials', status: 535 } });
    expect(failureOf(wrong)?.message).toContain('ANDON_SMTP_URL');
    const right = await send(connectorTo({ url: smtp.url.replace('//', '//ann:right@') }));
    expect(right.kind).toBe('done');
  });

  test('a password does not go to another machine in the clear', () => {
    const settings = fileSchema.parse({ mail: { from: 'a@shop.example' } }).mail;
    const tls = (url: string) => mailServer(url, settings, [])?.tls;
    expect(tls('smtp://ann:secret@mail.example')).toBe('required');
    expect(tls('smtp://mail.example')).toBe('offered');
    expect(tls('smtp://ann:secret@127.0.0.1:25')).toBe('offered');
    expect(tls('smtps://ann:secret@mail.example')).toBe('always');
  });

  test('cut off after the last byte, it was sent once and is tried again with the same Message-ID', async () => {
    const smtp = await TestSmtp.start();
    const connector = connectorTo(smtp);
    smtp.manners = { dropAfterData: true };
    const outcome = await send(connector);
    expect(outcome).toMatchObject({ kind: 'retry', failure: { cause: 'connection' } });
    expect(failureOf(outcome)?.message).toContain('same Message-ID');
    expect(smtp.arrived).toBe(1);
    smtp.manners = {};
    expect((await send(connector)).kind).toBe('done');
  });

  test.each([
    ['says nothing at all', { silent: true }, 'did not take the mail within 0.3 s'],
    ['says nothing after the last byte', { silentAfterData: true }, 'same Message-ID'],
  ])('a server that %s ends within the time for a whole mail', async (_, manners, words) => {
    const smtp = await TestSmtp.start();
    smtp.manners = manners;
    const outcome = await send(connectorTo({ url: smtp.url, timeoutMs: 300 }));
    expect(outcome).toMatchObject({ kind: 'retry', failure: { cause: 'connection' } });
    expect(failureOf(outcome)?.message).toContain(words);
  });

  test('a server that trickles its words for ever ends within that time as well', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      socket.on('error', () => {});
      sockets.add(socket);
      const timer = setInterval(() => socket.write('220-still here\r\n'), 20);
      socket.once('close', () => clearInterval(timer));
    });
    server.listen(0, '127.0.0.1');
    await until('a server to listen', () => server.address());
    const { port } = server.address() as { port: number };
    const outcome = await send(connectorTo({ url: `smtp://127.0.0.1:${port}`, timeoutMs: 300 }));
    for (const socket of sockets) socket.destroy();
    server.close();
    expect(outcome).toMatchObject({ kind: 'retry', failure: { cause: 'connection' } });
  });

  test('an abort ends it at once and is no outcome', async () => {
    const smtp = await TestSmtp.start();
    smtp.manners = { silent: true };
    const stop = new AbortController();
    const ended = send(connectorTo(smtp), mail, { signal: stop.signal });
    await until('a connection', () => smtp.connections);
    stop.abort(new Error('the lock was lost'));
    await expect(ended).rejects.toThrow('the lock was lost');
  });

  test('a ping finds out whether the server is back and takes us', async () => {
    const smtp = await TestSmtp.start({ login: 'ann:right' });
    const connector = connectorTo({ url: smtp.url.replace('//', '//ann:right@') });
    await connector.ping?.(new AbortController().signal);
    await smtp.stop();
    await expect(connector.ping?.(new AbortController().signal)).rejects.toThrow();
  });
});

describe('several recipients', () => {
  const three = { ...mail, to: ['ann@shop.example', 'ben@shop.example', 'cy@shop.example'] };

  test('those who got it do not get it again', async () => {
    const smtp = await TestSmtp.start();
    const connector = connectorTo(smtp);
    const parts: PartOfItem[] = [];
    const report = async (part: PartOfItem) => void parts.push(part);
    smtp.manners = { recipient: (to) => (to.startsWith('ben') ? '450 4.2.1 try later' : null) };
    const first = await send(connector, three, { report });
    expect(first).toMatchObject({ kind: 'retry', failure: { cause: 'throttled', status: 450 } });
    expect(failureOf(first)?.message).toContain('ben@shop.example');
    smtp.manners = {};
    const second = await send(connector, three, { parts, attempt: 2 });
    expect(second.kind).toBe('done');
    expect(smtp.mails.map(({ to }) => to)).toEqual([
      ['ann@shop.example', 'cy@shop.example'],
      ['ben@shop.example'],
    ]);
    expect(smtp.mails[1]?.mail.to).toHaveLength(3);
  });

  test('one that does not exist is told to a person, by name, when the others have it', async () => {
    const smtp = await TestSmtp.start();
    smtp.manners = { recipient: (to) => (to.startsWith('ben') ? '550 5.1.1 no such user' : null) };
    const parts: PartOfItem[] = [];
    const outcome = await send(connectorTo(smtp), three, {
      report: async (part) => void parts.push(part),
    });
    expect(outcome).toMatchObject({ kind: 'fail', failure: { cause: 'data', status: 550 } });
    expect(parts.map(({ key, state }) => `${key} ${state}`)).toEqual([
      'ann@shop.example done',
      'cy@shop.example done',
      'ben@shop.example failed',
    ]);
  });
});
