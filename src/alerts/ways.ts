import type { JsonObject } from '../json.js';
import { factsOf, headlineOf } from './mail-parts.js';
import type { Notice } from './notice.js';

/** A recipient that is no mailbox: `webhook:ID`, `slack:ID`, `teams:ID`, each a registered webhook. */
export interface Way {
  readonly kind: 'webhook' | 'slack' | 'teams';
  readonly endpoint: string;
}

/** Null for a mail address. */
export function wayOf(address: string): Way | null {
  const [, kind, endpoint] = /^(webhook|slack|teams):(.+)$/.exec(address) ?? [];
  return kind && endpoint ? { kind: kind as Way['kind'], endpoint } : null;
}

const events: Readonly<Record<Notice['stage'], string>> = {
  first: 'incident.opened',
  digest: 'incident.grew',
  reminder: 'incident.stands',
  escalation: 'incident.escalated',
  recovery: 'incident.over',
};

/** What a way is told in place of a mail. */
export interface Message {
  readonly event: string;
  readonly data: JsonObject;
  /** The receiver wants the data as they are, not as a Standard Webhooks event. */
  readonly bare: boolean;
}

export function messageFor(way: Way, subject: string, notice: Notice): Message {
  const event = events[notice.stage];
  if (way.kind === 'webhook') return { event, data: eventOf(subject, notice), bare: false };
  const told = {
    subject,
    lines: notice.items.slice(0, 3).map(linesOf),
    url: notice.incidentUrl ?? notice.items[0]?.itemUrl ?? null,
  };
  return { event, data: way.kind === 'slack' ? slackOf(told) : teamsOf(told), bare: true };
}

/** Of successes there is no incident to speak of. */
export function plainMessage(way: Way, subject: string, lines: readonly string[]): Message {
  const event = 'items.done';
  if (way.kind === 'webhook') return { event, data: { subject, lines: [...lines] }, bare: false };
  const told = { subject, lines: [lines.join('\n')], url: null };
  return { event, data: way.kind === 'slack' ? slackOf(told) : teamsOf(told), bare: true };
}

function eventOf(subject: string, notice: Notice): JsonObject {
  const { incident, items, types, open, total, queues, claimedBy, incidentUrl } = notice;
  return {
    subject,
    notifications: [...types],
    incident: {
      id: incident.id,
      url: incidentUrl,
      cause: incident.cause,
      farSide: incident.farSide,
      since: new Date(incident.since).toISOString(),
      open,
      failures: total,
      queues,
      claimedBy,
    },
    items: items.map((item) => ({
      queueId: item.queueId,
      queue: item.queue,
      description: item.description,
      title: item.title,
      entity: item.entity || null,
      error: item.message,
      since: new Date(item.since).toISOString(),
      waitingBehind: item.blocks ? item.waiting : null,
      url: item.itemUrl,
    })),
  };
}

interface Told {
  readonly subject: string;
  readonly lines: readonly string[];
  readonly url: string | null;
}

const linesOf = (item: Notice['items'][number]): string =>
  [headlineOf(item), ...factsOf(item).map(([name, value]) => `${name}: ${value}`)].join('\n');

/** Blocks of plain text: what a product's name holds is neither a link nor a mention there. */
function slackOf({ subject, lines, url }: Told): JsonObject {
  return {
    text: subject.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
    blocks: [
      plain('header', subject, 150),
      ...lines.map((text) => plain('section', text, 3_000)),
      ...(url
        ? [
            {
              type: 'actions',
              elements: [{ type: 'button', text: { type: 'plain_text', text: 'Open' }, url }],
            },
          ]
        : []),
    ],
  };
}

const plain = (type: string, text: string, most: number): JsonObject => ({
  type,
  text: { type: 'plain_text', emoji: false, text: text.slice(0, most) },
});

/** An adaptive card of text runs, which know no markup. */
function teamsOf({ subject, lines, url }: Told): JsonObject {
  const runs = (text: string, strong = false): JsonObject => ({
    type: 'RichTextBlock',
    inlines: [{ type: 'TextRun', text, ...(strong && { weight: 'Bolder', size: 'Medium' }) }],
  });
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            runs(subject, true),
            ...lines.flatMap((text) => text.split('\n').map((line) => runs(line))),
          ],
          actions: url ? [{ type: 'Action.OpenUrl', title: 'Open', url }] : [],
        },
      },
    ],
  };
}
