import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Conflict, NotFound, ReasonNeeded } from '../errors.js';
import type { Catalogue } from '../instructions/catalogue.js';
import { type Entity, entityText } from '../instructions/entity.js';
import type { JsonObject } from '../json.js';
import { changeOf } from '../queues/audit-change.js';
import type { Item } from '../queues/item.js';
import type { Keys, QueueName } from '../redis/keys.js';
import type { Argument, ScriptName, Scripts } from '../redis/script.js';

/** How far a skip reaches: the item, everything of its entity now queued there, or that until its next add. */
export const skipScopes = ['item', 'entity', 'entity-until-add'] as const;
export type SkipScope = (typeof skipScopes)[number];

export interface SkipRequest {
  readonly actor: string;
  /** Why, in the words of a person. An add or a delete is not skipped without. */
  readonly reason?: string | undefined;
  /** What is kept in its place where nobody was asked: through which door it came. */
  readonly door?: string | undefined;
  readonly scope?: SkipScope | undefined;
  /** When a lasting rule (`entity-until-add`) ends by itself. */
  readonly until?: Date | undefined;
  readonly failedAt?: FailedAt;
}

/**
 * Of which failure a person decides, in milliseconds since 1970: an item that has failed anew meanwhile
 * is left as it is. Asked in the same step. Unset: whichever it stands with.
 */
export type FailedAt = number | undefined;

/** Where an item is, and what its caller knew of it besides. */
type Located = Pick<Item, 'queue' | 'queueId'> & Partial<Item>;

/** Whose rule it is: a client's for an entity; `client` undefined for a rule of an older release, of all clients. */
export interface RuleOwner {
  readonly entity: Entity;
  readonly client?: string | null | undefined;
}

/** Is told, after it was done, what a person did with an item, as that was before. It must not throw. */
export type Witness = (item: Partial<Item>, verb: 'retry' | 'skip' | 'resolve') => Promise<void>;

/** How often an edit looks anew when somebody else edited in between. */
const EDIT_TRIES = 3;

const readReply = z.tuple([z.tuple([z.string(), z.unknown(), z.array(z.string())])]);

const nobody: Witness = async () => {};

/**
 * What a person may do to items and queues. Every door (API, command line, dashboards) comes
 * through here; each verb is one script, all or nothing, that writes its event and audit line.
 */
export class Transitions {
  private readonly scripts: Scripts;
  private readonly keys: Keys;
  /** Instructions that add an entity: where "until the next add" ends. */
  private readonly adds: string;
  /** Instructions whose skip needs a reason. */
  private readonly grave: string;
  private readonly witness: Witness;

  constructor(
    scripts: Scripts,
    keys: Keys,
    catalogue: Pick<Catalogue, 'adds' | 'grave'>,
    witness: Witness = nobody,
  ) {
    this.scripts = scripts;
    this.keys = keys;
    this.adds = JSON.stringify(catalogue.adds);
    this.grave = JSON.stringify(catalogue.grave);
    this.witness = witness;
  }

  /** Runs a failed item again before everything behind it; a backing-off one at once. @throws Conflict */
  async retry(item: Located, actor: string, failedAt?: FailedAt): Promise<void> {
    await this.onItem('retry', 'retried', item, [actor, failedAt ?? '']);
    await this.witness(item, 'retry');
  }

  /**
   * Leaves the item undone and lets the queue go on; answers the ids of all that were skipped.
   * @throws Conflict, and ReasonNeeded when an add or a delete would go and nobody said why
   */
  async skip(item: Located, request: SkipRequest): Promise<number[]> {
    const reason = request.reason?.trim() ?? '';
    const ids = await this.onItem('skip', 'skipped', item, [
      request.actor,
      reason || (request.door ?? ''),
      request.scope ?? 'item',
      request.until ? request.until.getTime() : '',
      this.adds,
      request.failedAt ?? '',
      reason ? 1 : 0,
      this.grave,
    ]);
    await this.witness(item, 'skip');
    return ids.map(Number);
  }

  /**
   * Takes a skip back: the items wait again, each at the place that its turn gives it. All or none.
   * @param items of one queue
   * @throws Conflict when one is not skipped (any more), or something newer of its entity has run since
   */
  async undoSkip(items: readonly Located[], actor: string, reason = ''): Promise<void> {
    const [first] = items;
    if (!first) return;
    const ids = items.map(({ queueId }) => queueId).sort((a, b) => a - b);
    const reply = await this.onQueue('undo', first.queue, [actor, reason, ...ids]);
    const [verdict, id, other] = reply;
    if (verdict === 'ok') return;
    if (verdict === 'gone') throw new NotFound(`there is no item ${id}`);
    if (verdict === 'overtaken' && other === 'forgotten') {
      throw new Conflict(
        `item ${id} was skipped so long ago that items which have run since are not kept any more: whether it concerns what one of them did, nobody can tell. Send it anew instead`,
        { state: 'skipped' },
      );
    }
    if (verdict === 'overtaken') {
      throw new Conflict(
        `item ${other} has run since item ${id} was skipped: running the older one now could undo what the newer one did. Send it anew instead`,
        { state: 'skipped', overtakenBy: Number(other) },
      );
    }
    throw new Conflict(`item ${id} is ${verdict}, so there is no skip to undo`, { state: verdict });
  }

  /** Records that a person put the matter right by hand. @throws Conflict */
  async resolve(
    item: Located,
    request: { actor: string; reason?: string | undefined; reference?: string | undefined },
  ): Promise<void> {
    await this.onItem('resolve', 'resolved', item, [
      request.actor,
      request.reason ?? '',
      request.reference ?? '',
    ]);
    await this.witness(item, 'resolve');
  }

  /** Changes what an item will send; the old data stays in its history. @throws Conflict */
  async edit(
    item: Located,
    change: { actor: string; data: JsonObject; title: string; entity: Entity | null },
  ): Promise<void> {
    const entity = change.entity ? entityText(change.entity) : '';
    const data = JSON.stringify(change.data);
    for (let tries = 1; ; tries += 1) {
      // The audit keeps what changed, without secrets: worked out here, and stored only if it is still true.
      const before = await this.stored(item);
      const audited = { client: before.client, ...changeOf(before.data, change.data) };
      const verdict = await this.onQueue('edit', item.queue, [
        item.queueId,
        change.actor,
        data,
        change.title,
        entity,
        before.sha,
        JSON.stringify(audited),
      ]);
      if (verdict[0] === 'changed' && tries < EDIT_TRIES) continue;
      this.demandOk(item, 'edited', verdict);
      return;
    }
  }

  /** Whose an item is and what it would send now, with the SHA-1 of its stored text. @throws NotFound, Conflict */
  private async stored(
    item: Located,
  ): Promise<{ client: string | null; data: unknown; sha: string }> {
    const { queue, queueId } = item;
    const shard = this.keys.shardOf(queue);
    const [[state, , flat]] = readReply.parse(
      await this.scripts.run('read', shard, ['0', queue, queueId]),
    );
    const fields = new Map<string, string | undefined>(
      flat.flatMap((name, n) => (n % 2 === 0 ? [[name, flat[n + 1]] as const] : [])),
    );
    const text = fields.get('data');
    if (text === undefined) {
      if (state === 'removed') this.demandOk(item, 'edited', [state]);
      throw new NotFound(`there is no item ${queueId}`);
    }
    return {
      client: fields.get('client') || null,
      data: JSON.parse(text),
      sha: createHash('sha1').update(text).digest('hex'),
    };
  }

  /** Ends a rule "keep skipping until the next add". What it has skipped stays skipped. @throws Conflict */
  async endRule(
    queue: QueueName,
    { entity, client }: RuleOwner,
    actor: string,
    reason = '',
  ): Promise<void> {
    const name = entityText(entity);
    const place = this.keys.ruleOf(client, name);
    const [verdict] = await this.onQueue('end-rule', queue, [name, actor, reason, place]);
    if (verdict !== 'ok') throw new Conflict(`${queue} has no rule that skips ${name} (any more)`);
  }

  /** Stops a queue by hand. The running item is finished. @throws Conflict when it was paused */
  async pause(queue: QueueName, actor: string, reason = ''): Promise<void> {
    const [verdict] = await this.onQueue('pause', queue, [actor, reason]);
    if (verdict !== 'ok') throw new Conflict(`${queue} is paused already`, { state: 'paused' });
  }

  /** Lets a paused queue run again, and never lifts a block. @throws Conflict */
  async resume(queue: QueueName, actor: string): Promise<void> {
    const [verdict, blockedBy] = await this.onQueue('resume', queue, [actor]);
    if (verdict === 'blocked') {
      throw new Conflict(`${queue} is blocked by item ${blockedBy}: retry, skip or resolve it`, {
        state: 'blocked',
        blockedBy: Number(blockedBy),
      });
    }
    if (verdict !== 'ok') throw new Conflict(`${queue} is not paused`, { state: 'running' });
  }

  /** Skips everything that waits now, from the head; a failed head and what comes later stay. Answers how many. */
  async clear(queue: QueueName, actor: string, reason: string, waiting: number): Promise<number> {
    const portion = 1_000;
    let skipped = 0;
    let last = '';
    while (skipped < waiting) {
      const wanted = Math.min(portion, waiting - skipped);
      const [gone, upTo] = await this.onQueue('clear', queue, [actor, reason, wanted, last]);
      const done = Number(gone);
      last = upTo ?? '';
      skipped += done;
      if (done < wanted) break;
    }
    return skipped;
  }

  private async onItem(
    script: ScriptName,
    done: string,
    item: Located,
    args: readonly Argument[],
  ): Promise<string[]> {
    return this.demandOk(
      item,
      done,
      await this.onQueue(script, item.queue, [item.queueId, ...args]),
    );
  }

  /** The rest of a script's answer. @throws whatever else it says */
  private demandOk(item: Located, done: string, [verdict, ...rest]: readonly string[]): string[] {
    if (verdict === 'ok') return rest;
    if (verdict === 'removed') {
      throw new Conflict(
        `item ${item.queueId} was removed with plain BullMQ, so it cannot be ${done}: skip or resolve it`,
        { state: 'failed' },
      );
    }
    if (verdict === 'gone') throw new NotFound(`there is no item ${item.queueId}`);
    if (verdict === 'changed')
      throw new Conflict(`item ${item.queueId} is edited by others at this moment: try again`);
    if (verdict === 'reason') throw new ReasonNeeded(Number(rest[0]), rest[1] ?? '', item.queueId);
    if (verdict === 'anew') {
      throw new Conflict(`item ${item.queueId} has failed anew since: look at it again`, {
        state: 'failed',
      });
    }
    throw new Conflict(`item ${item.queueId} is ${verdict}, so it cannot be ${done}`, {
      state: verdict,
    });
  }

  private async onQueue(
    script: ScriptName,
    queue: QueueName,
    args: readonly Argument[],
  ): Promise<string[]> {
    const reply = await this.scripts.run(script, this.keys.shardOf(queue), [queue, ...args]);
    return z.array(z.coerce.string()).parse(reply);
  }
}
