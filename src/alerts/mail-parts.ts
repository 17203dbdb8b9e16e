import type { ActLink, MailItem, Notice } from './notice.js';
import { counted, instant, line } from './words.js';

/** What the text part and the HTML part of a mail say alike. Plain text: whoever shows it escapes it. */
export const headlineOf = (item: MailItem): string =>
  line(`Item ${item.queueId}: ${item.description}${item.title ? ` · ${item.title}` : ''}`);

/** Name and value, in the order in which people need them. */
export function factsOf(item: MailItem): [string, string][] {
  const behind =
    item.waiting === 0 ? 'nothing' : `${counted(item.waiting, 'item')} in ${item.queueName}`;
  const record: [string, string][] = item.entity
    ? [[entityLabel(item.entity), line(item.entity.replace(/^[^:]*:/, ''))]]
    : [];
  return [
    ['Error', line(item.message, 500)],
    ['Cause', line(item.cause)],
    ...record,
    ['Since', instant(item.since)],
    ['Queue', line(`${item.queueName} (${item.queue})`)],
    ...(item.blocks ? [['Waits behind it', line(behind)] as [string, string]] : []),
  ];
}

const entityLabel = (entity: string): string =>
  ({ sku: 'SKU', order: 'Order', customer: 'Customer' })[entity.split(':')[0] ?? ''] ?? 'Record';

/** What is known to help, a paragraph each; empty when nothing is. */
export function adviceOf({ advice }: MailItem): string[] {
  if (!advice) return [];
  return [
    `Known error: ${advice.cause}`,
    `What helps: ${advice.todo}`,
    `Who must act: ${advice.who}`,
  ].map((text) => line(text, 1_200));
}

export const actLabels: Readonly<Record<ActLink['verb'], string>> = {
  retry: 'Retry',
  skip: 'Skip …',
  claim: 'I look after it',
};

/** The end of a mail, line by line. Its only addresses are our own. */
export function footerOf(notice: Notice): string[] {
  const rest = notice.open - notice.items.length;
  const example = notice.types[0] ?? 'queueError';
  return [
    ...(notice.stage !== 'recovery' && rest > 0 ? [`… and ${rest} more.`] : []),
    ...(notice.incidentUrl ? [`All of it: ${notice.incidentUrl}`] : []),
    `Incident ${notice.incident.id}. Notification: ${notice.types.join(', ')}.`,
    ...(notice.types.length > 0
      ? [
          `Somebody else should get this? Make an override under Alerts, or: andon recipients override ${example} ADDRESS`,
        ]
      : []),
    ...(hasActs(notice)
      ? ['The links that retry, skip or claim are for you alone: each asks first, and works once.']
      : []),
  ];
}

const hasActs = ({ claim, items }: Notice): boolean =>
  claim !== null || items.some(({ acts }) => acts.length > 0);
