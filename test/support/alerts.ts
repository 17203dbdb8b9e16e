import { Alerter } from '../../src/alerts/alerter.js';
import { Ledger } from '../../src/alerts/ledger.js';
import { Links } from '../../src/alerts/links.js';
import { Successes } from '../../src/alerts/successes.js';
import { Writer } from '../../src/alerts/writer.js';
import { type Timings, timingsSchema } from '../../src/config/alerts-schema.js';
import type { Delivery, Outcome } from '../../src/connectors/connector.js';
import { TroubleFinder } from '../../src/incidents/find.js';
import { Recipients } from '../../src/incidents/recipients.js';
import { loadCatalogue } from '../../src/instructions/catalogue.js';
import { done, type Line, silent } from './line.js';
import { until } from './until.js';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A mail as it would leave. */
export interface Sent {
  readonly key: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** What the mail server says of a mail: nothing means that it takes it. */
export type MailServer = (mail: Sent) => Outcome | undefined;

/** The alerts of a line, under a clock that the test turns. */
export class Watch {
  readonly line: Line;
  readonly recipients: Recipients;
  readonly ledger: Ledger;
  readonly sent: Sent[] = [];
  readonly timings: Timings;
  alerter: Alerter;
  mailServer: MailServer = () => undefined;
  /** Whatever else is delivered. */
  deliver: (delivery: Delivery) => Outcome | Promise<Outcome> = () => done;
  private ahead = 0;

  constructor(line: Line, timings: Partial<Timings> = {}) {
    this.line = line;
    this.timings = timingsSchema.parse(timings);
    this.recipients = new Recipients(line.redis, line.keys);
    this.ledger = new Ledger(line.redis, line.scripts, line.keys);
    this.alerter = this.another();
    line.script = (delivery) =>
      delivery.instruction === 'send_email' ? this.receive(delivery) : this.deliver(delivery);
  }

  /** One more alerter, as another process would have it. */
  another(enqueuer = this.line.enqueuer, ledger = this.ledger): Alerter {
    const { line } = this;
    const catalogue = loadCatalogue();
    const finder = new TroubleFinder(line.redis, line.scripts, line.keys);
    const links = new Links('https://andon.example');
    const writer = new Writer({
      finder,
      registry: line.registry,
      catalogue,
      keys: line.keys,
      links,
    });
    return new Alerter(
      {
        finder,
        ledger,
        recipients: this.recipients,
        registry: line.registry,
        catalogue,
        enqueuer,
        writer,
        successes: new Successes({
          scripts: line.scripts,
          keys: line.keys,
          finder,
          registry: line.registry,
          ledger,
        }),
        keys: line.keys,
      },
      { timings: this.timings, holdGraceMs: 15 * MINUTE, now: () => this.now(), leaseMs: 60_000 },
      silent,
    );
  }

  now(): number {
    return Date.now() + this.ahead;
  }

  /** Lets time pass for the alerter, which looks once a `step`. */
  async pass(ms: number, step = ms): Promise<void> {
    for (let passed = 0; passed < ms; passed += step) {
      this.ahead += step;
      await this.alerter.turn();
    }
  }

  /** Looks, and looks again when the burst is over: what is due now has been decided. */
  async look(): Promise<void> {
    await this.alerter.turn();
    await this.pass(this.timings.lookMs + 1_000);
  }

  private receive(delivery: Delivery): Outcome {
    const { to, subject, text, html } = delivery.data as Record<string, string>;
    const [first] = to as unknown as (string | { address: string })[];
    const address = typeof first === 'string' ? first : (first?.address ?? '');
    const mail = { key: String(delivery.queueId), to: address, subject, text, html } as Sent;
    const refusal = this.mailServer(mail);
    if (refusal) return refusal;
    this.sent.push(mail);
    return done;
  }

  to(address: string): Sent[] {
    return this.sent.filter((mail) => mail.to === address);
  }

  subjects(address: string): string[] {
    return this.to(address).map((mail) => mail.subject);
  }

  /** The mails that were ever enqueued, by the item that each of them is. */
  async mailItems(): Promise<{ to: string; state: string; title: string }[]> {
    const { items } = await this.line.finder.search({ instruction: 'send_email' }, 5_000);
    return items.map(({ data, state, title }) => {
      const [first] = data['to'] as (string | { address: string })[];
      return { to: typeof first === 'string' ? first : (first?.address ?? ''), state, title };
    });
  }

  /** Waits until no mail is on its way. */
  async delivered(): Promise<void> {
    await until('the mails to be delivered', async () =>
      (await this.mailItems()).every(
        (mail) => mail.state === 'completed' || mail.state === 'failed',
      ),
    );
  }
}
