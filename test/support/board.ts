import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from '@jest/globals';
import express, { type Request } from 'express';
import { Caller, type Limits, type Scope } from '../../src/accounts/caller.js';
import { FleetSwitch } from '../../src/blocking/fleet-switch.js';
import { BOARD_PATH, board } from '../../src/board/board.js';
import { loadCatalogue } from '../../src/instructions/catalogue.js';
import { Standing } from '../../src/queues/standing.js';
import { readStatus } from '../../src/queues/status.js';
import { Presence } from '../../src/redis/presence.js';
import { type Line, silent } from './line.js';

export const noLimits: Limits = { clients: null, channels: null, sources: null };

export interface Person {
  readonly actor?: string;
  readonly scopes?: readonly Scope[];
  readonly limits?: Limits;
  /** That one's rights, asked again while something goes on; those that it came with unless given. */
  readonly anew?: () => Caller | null;
}

/** Bull Board over a line, for one person, or for several who share it. It is closed after the test. */
export class TestBoard {
  readonly url: string;
  private readonly person: string;

  private constructor(url: string, person = 'Thandi') {
    this.url = url;
    this.person = person;
  }

  static async open(
    line: Line,
    person: Person = {},
    others: readonly (Person & { actor: string })[] = [],
  ): Promise<TestBoard> {
    const [caller, ...rest] = [person, ...others].map(
      ({ actor = 'Thandi', scopes = ['operate'], limits = noLimits }) =>
        new Caller(actor, scopes, limits),
    );
    const callerOf = (request: Request) =>
      rest.find(({ actor }) => actor === request.get('x-test-person')) ?? caller!;
    const app = express().use(
      BOARD_PATH,
      board({
        redis: line.redis,
        keys: line.keys,
        catalogue: loadCatalogue(),
        registry: line.registry,
        finder: line.finder,
        anew: async (caller) => (person.anew ? person.anew() : caller),
        standing: new Standing(line.redis, line.scripts, line.keys),
        transitions: line.transitions,
        fleetSwitch: new FleetSwitch(line.redis, line.scripts, line.keys),
        log: silent,
        presence: new Presence(line.redis, line.keys),
        status: (names) => readStatus(line.scripts, line.keys, names),
        callerOf,
        // Whose token it is, is a matter of sessions: desk-doors sees to that.
        tokenOf: () => 'token',
        ownForm: (_request, _response, next) => next(),
      }),
    );
    const server = createServer(app);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.add(server);
    return new TestBoard(`http://127.0.0.1:${(server.address() as AddressInfo).port}${BOARD_PATH}`);
  }

  /** The same board as another of those whom it was opened for sees it. */
  as(actor: string): TestBoard {
    return new TestBoard(this.url, actor);
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const answer = await fetch(this.url + path, {
      method,
      redirect: 'manual',
      headers: { 'x-test-person': this.person, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith('{') ? JSON.parse(text) : { text } };
  }

  /** The queues as the board's page polls them. */
  async queues(query = ''): Promise<ShownQueue[]> {
    const { body } = await this.call('GET', `/api/queues?page=1&jobsPerPage=10${query}`);
    return body['queues'] as ShownQueue[];
  }
}

export interface ShownQueue {
  readonly name: string;
  readonly displayName: string;
  readonly description?: string;
  readonly readOnlyMode: boolean;
  readonly isPaused: boolean;
  readonly hasWorkers: boolean | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly jobs: readonly ShownJob[];
}

export interface ShownJob {
  readonly id: string;
  readonly name: string;
  readonly isFailed: boolean;
  readonly failedReason?: string;
  readonly externalUrl?: { readonly href: string };
}

const servers = new Set<Server>();

afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  servers.clear();
});
