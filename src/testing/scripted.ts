import type { Connector, Delivery, Outcome, Verdict } from '../connectors/connector.js';

/** What a delivery comes to: an outcome, or a function that decides. */
export type Script = Outcome | ((delivery: Delivery) => Outcome | Promise<Outcome>);

/** A connector that does as it is told, and remembers what it was asked. */
export class ScriptedConnector implements Connector {
  /** Every delivery, in the order in which they were started. */
  readonly deliveries: Delivery[] = [];
  /** For the deliveries that no `next` is left for. */
  otherwise: Script = { kind: 'done' };
  /** Is the far side there? */
  there = true;
  /** What `verify` finds. */
  verdict: Verdict = { kind: 'not-there' };
  private readonly script: Script[] = [];

  /** What the next deliveries come to, one each. */
  next(...outcomes: readonly Script[]): this {
    this.script.push(...outcomes);
    return this;
  }

  async deliver(delivery: Delivery): Promise<Outcome> {
    this.deliveries.push(delivery);
    const script = this.script.shift() ?? this.otherwise;
    return typeof script === 'function' ? script(delivery) : script;
  }

  async ping(): Promise<void> {
    if (!this.there) throw new Error('nobody there');
  }

  async verify(): Promise<Verdict> {
    return this.verdict;
  }
}
