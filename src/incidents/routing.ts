import type { Recipient } from '../config/alerts-schema.js';
import { isSuccess } from './types.js';

/** Who gets everything of a client that no override takes away. */
export interface TopLevel {
  readonly client: string | null;
  readonly recipients: readonly Recipient[];
  /** Whether they are told of successes too. */
  readonly successes: boolean;
  readonly escalation: {
    readonly afterMs: number;
    readonly recipients: readonly Recipient[];
  } | null;
}

export interface Override {
  readonly id: string;
  readonly client: string | null;
  readonly types: readonly string[];
  readonly channels: readonly string[];
  readonly sources: readonly string[];
  readonly recipients: readonly Recipient[];
}

/** All that is set about recipients, as of one moment. */
export interface Routing {
  readonly lists: readonly TopLevel[];
  readonly overrides: readonly Override[];
}

/** What a notification concerns. */
export interface Concern {
  readonly client: string | null;
  readonly channel: string | null;
  readonly source: string | null;
}

export interface Told extends Recipient {
  /** Why: by which types, and through the top level or which override. */
  readonly because: readonly { readonly type: string; readonly through: string }[];
}

export interface Lost {
  readonly address: string;
  readonly type: string;
  /** Id of the override that takes the notification away. */
  readonly override: string;
}

export interface Verdict {
  readonly told: readonly Told[];
  readonly lost: readonly Lost[];
  /** The client has nobody, so those without a client are told in its place. */
  readonly standIn: boolean;
}

/** How "why" names the two ways that are no override. */
export const TOP_LEVEL = 'top level';
export const STAND_IN = 'stand-in: the client has no recipients of its own';

/**
 * Who is told of these types, once each, and who would be but for an override. Several types are told
 * in one mail: whoever is routed any of them gets it.
 */
export function routeTo(routing: Routing, types: readonly string[], concern: Concern): Verdict {
  const own = topLevelOf(routing, concern.client);
  const standIn = own.length === 0 && concern.client !== null;
  const top = standIn ? topLevelOf(routing, null) : own;
  const wantsSuccesses = listOf(routing, standIn ? null : concern.client)?.successes ?? true;
  const told = new Map<string, Recipient & { because: { type: string; through: string }[] }>();
  const lost: Lost[] = [];
  const tell = (recipient: Recipient, type: string, through: string) => {
    const before = told.get(recipient.address);
    if (before) before.because.push({ type, through });
    else told.set(recipient.address, { ...recipient, because: [{ type, through }] });
  };
  for (const type of types) {
    const overrides = routing.overrides.filter((one) => applies(one, type, concern));
    for (const one of overrides) {
      for (const recipient of one.recipients) tell(recipient, type, `override ${one.id}`);
      for (const { address } of top) lost.push({ address, type, override: one.id });
    }
    if (overrides.length > 0 || (isSuccess(type) && !wantsSuccesses)) continue;
    for (const recipient of top) tell(recipient, type, standIn ? STAND_IN : TOP_LEVEL);
  }
  // Who is told after all, by another type or as a recipient of the override, has lost nothing.
  return {
    told: [...told.values()],
    lost: lost.filter(({ address, type }) => !toldOf(told.get(address), type)),
    standIn: standIn && top.length > 0,
  };
}

const toldOf = (told: Pick<Told, 'because'> | undefined, type: string): boolean =>
  told?.because.some((one) => one.type === type) ?? false;

export function topLevelOf(routing: Routing, client: string | null): readonly Recipient[] {
  return listOf(routing, client)?.recipients ?? [];
}

const listOf = (routing: Routing, client: string | null): TopLevel | undefined =>
  routing.lists.find((list) => list.client === client);

function applies(override: Override, type: string, { client, channel, source }: Concern): boolean {
  return (
    override.client === client &&
    override.types.includes(type) &&
    (override.channels.length === 0 || (channel !== null && override.channels.includes(channel))) &&
    (override.sources.length === 0 || (source !== null && override.sources.includes(source)))
  );
}
