import { type Endpoint, endpointName, type Registry } from '../queues/registry.js';
import { PARALLEL, type QueueName } from '../redis/keys.js';
import type { BoardLine } from './line.js';
import { boardName } from './names.js';

/** A queue that there is, whatever happens in it; its endpoint is null for the parallel queue. */
export interface Enrolled {
  readonly queue: QueueName;
  readonly endpoint: Endpoint | null;
  /** Its name on the board. */
  readonly name: string;
  readonly line: BoardLine;
}

/** What Bull Board's list of queues can do. */
export interface BoardQueues {
  addQueue(line: BoardLine): void;
  removeQueue(name: string): void;
}

/** All queues there are, by their own names and by those of the board: channels and sources come and go. */
export class Roll {
  private readonly registry: Registry;
  private readonly board: BoardQueues;
  private readonly lineOf: (name: string, queue: QueueName) => BoardLine;
  private endpoints: readonly Endpoint[] | null = null;
  private byName = new Map<string, Enrolled>();
  private byQueue = new Map<QueueName, Enrolled>();

  constructor(
    registry: Registry,
    board: BoardQueues,
    lineOf: (name: string, queue: QueueName) => BoardLine,
  ) {
    this.registry = registry;
    this.board = board;
    this.lineOf = lineOf;
  }

  /** Everything that looks at the roll calls this first. Costs next to nothing while no endpoint changes. */
  async refresh(): Promise<void> {
    const endpoints = await this.registry.list();
    if (endpoints !== this.endpoints) this.enrol(endpoints);
  }

  /** @param name the board's, as it stands in its addresses or encoded once more */
  named(name: string): Enrolled | null {
    return this.byName.get(name) ?? this.byName.get(decoded(name)) ?? null;
  }

  of(queue: QueueName): Enrolled | null {
    return this.byQueue.get(queue) ?? null;
  }

  get size(): number {
    return this.byQueue.size;
  }

  all(): Iterable<Enrolled> {
    return this.byQueue.values();
  }

  /** One by one: Bull Board's own way to replace all compares each with each. */
  private enrol(endpoints: readonly Endpoint[]): void {
    const queues = endpoints.filter((one) => one.kind !== 'service');
    const clients = new Set([null, ...queues.map(({ client }) => client)]).size > 2;
    const before = this.byName;
    this.byName = new Map();
    this.byQueue = new Map();
    for (const endpoint of [...queues, null]) {
      const queue = endpoint ? endpointName(endpoint.kind, endpoint.id) : PARALLEL;
      const name = boardName(endpoint, clients);
      const known = before.get(name);
      const line = known?.queue === queue ? known.line : this.lineOf(name, queue);
      const enrolled = { queue, endpoint, name, line };
      this.byName.set(name, enrolled);
      this.byQueue.set(queue, enrolled);
      if (line !== known?.line) this.board.addQueue(line);
    }
    for (const name of before.keys()) if (!this.byName.has(name)) this.board.removeQueue(name);
    this.endpoints = endpoints;
  }
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    // A name may hold a percent sign.
    return name;
  }
}
