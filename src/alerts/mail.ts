import type { Incident, Stage } from '../incidents/incident.js';
import { counted, duration, html, instant, line } from './words.js';

/** One item as a mail shows it. */
export interface MailItem {
  readonly queueId: number;
  /** "Add product to Cape Shopify" */
  readonly description: string;
  readonly title: string;
  /** `sku:TSH-RED-M` or ''. */
  readonly entity: string;
  readonly queue: string;
  readonly queueName: string;
  readonly blocks: boolean;
  readonly waiting: number;
  readonly message: string;
  readonly since: number;
  readonly itemUrl: string | null;
  readonly queueUrl: string | null;
}

/** All that a mail tells to one recipient: only what is routed to that one. */
export interface Notice {
  readonly stage: Stage;
  readonly incident: Pick<Incident, 'id' | 'cause' | 'farSide' | 'away' | 'since' | 'calmSince'>;
  readonly now: number;
  /** The newest that stand, at most ten. */
  readonly items: readonly MailItem[];
  readonly total: number;
  readonly open: number;
  readonly news: number;
  readonly queues: number;
  readonly types: readonly string[];
  readonly claimedBy: string | null;
  readonly incidentUrl: string | null;
}

export interface Mail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export function compose(notice: Notice): Mail {
  const subject = line(subjectOf(notice), 200);
  const paragraphs = leadOf(notice);
  return {
    subject,
    text: [...paragraphs, ...notice.items.map(itemText), footerOf(notice)].join('\n\n'),
    html: page(subject, paragraphs, notice),
  };
}

/** Queue ids stand in the subject: people forward nothing else. */
function subjectOf(notice: Notice): string {
  const [first] = notice.items;
  const what = first ? `${first.description}${first.title ? ` · ${first.title}` : ''}` : '';
  const more = notice.open > 1 ? ` and ${notice.open - 1} more` : '';
  const { farSide, away } = notice.incident;
  switch (notice.stage) {
    case 'recovery':
      return `Over: ${counted(notice.total, 'item')} at ${farSide} dealt with`;
    case 'digest':
      return `${notice.news} more: ${first ? `item ${first.queueId}${more}` : farSide}: ${what}`;
    case 'reminder':
      return `Still standing: ${first ? `item ${first.queueId}${more}: ${what}` : farSide}`;
    case 'escalation':
      return `Nobody has taken this on: ${first ? `item ${first.queueId}${more}: ${what}` : farSide}`;
    case 'first':
      if (!first) return `Trouble at ${farSide}`;
      if (away && notice.open > 1)
        return `${farSide} cannot be reached: item ${first.queueId}${more} wait`;
      if (first.blocks) return `Item ${first.queueId}${more} stopped ${first.queueName}: ${what}`;
      return `Item ${first.queueId}${more} failed: ${what}`;
  }
}

function leadOf(notice: Notice): string[] {
  const { incident, stage, now } = notice;
  const since = `since ${instant(incident.since)}`;
  const standing = `${counted(notice.open, 'item')} in ${counted(notice.queues, 'queue')}`;
  const lead: string[] = [];
  if (stage === 'recovery') {
    lead.push(
      `This is over. It lasted ${duration((incident.calmSince ?? now) - incident.since)}, and ${counted(notice.total, 'failure')} of yours belonged to it. Nothing is left to do.`,
    );
    return lead;
  }
  if (stage === 'first') lead.push(`${standing}, one cause, ${since}.`);
  if (stage === 'digest')
    lead.push(
      `${counted(notice.news, 'new failure')} of the same cause; ${standing} stand now, ${since}.`,
    );
  if (stage === 'reminder')
    lead.push(`${standing} still stand, for ${duration(now - incident.since)} now.`);
  if (stage === 'escalation')
    lead.push(
      `${standing} have been standing for ${duration(now - incident.since)}, and nobody has claimed it. You are on the second list.`,
    );
  if (incident.away)
    lead.push(
      `The far side, ${incident.farSide}, cannot be used (${incident.cause}). What is held goes on by itself once it is back; what failed wants a retry.`,
    );
  if (notice.claimedBy) lead.push(`${notice.claimedBy} looks after it.`);
  return lead.map((text) => line(text, 1_000));
}

function facts(item: MailItem): [string, string][] {
  const behind =
    item.waiting === 0 ? 'nothing' : `${counted(item.waiting, 'item')} in ${item.queueName}`;
  const rows: [string, string][] = [
    ['Error', line(item.message, 500)],
    ['Since', instant(item.since)],
    ['Queue', `${item.queueName} (${item.queue})`],
  ];
  if (item.entity)
    rows.unshift([entityLabel(item.entity), line(item.entity.replace(/^[^:]*:/, ''))]);
  if (item.blocks) rows.push(['Waits behind it', behind]);
  return rows;
}

const entityLabel = (entity: string): string =>
  ({ sku: 'SKU', order: 'Order', customer: 'Customer' })[entity.split(':')[0] ?? ''] ?? 'Record';

const headline = (item: MailItem): string =>
  line(`Item ${item.queueId}: ${item.description}${item.title ? ` · ${item.title}` : ''}`);

function itemText(item: MailItem): string {
  const lines = [headline(item), ...facts(item).map(([name, value]) => `  ${name}: ${value}`)];
  if (item.itemUrl) lines.push(`  Open the item: ${item.itemUrl}`);
  if (item.queueUrl && item.blocks) lines.push(`  Open the queue: ${item.queueUrl}`);
  return lines.join('\n');
}

function footerLines(notice: Notice): string[] {
  const rest = notice.open - notice.items.length;
  return [
    ...(notice.stage !== 'recovery' && rest > 0 ? [`… and ${rest} more.`] : []),
    ...(notice.incidentUrl ? [`All of it: ${notice.incidentUrl}`] : []),
    `Incident ${notice.incident.id}. Notification: ${notice.types.join(', ')}.`,
    'Who gets which notification is set under alerts; the name above is what an override needs.',
  ];
}

const footerOf = (notice: Notice): string => `--\n${footerLines(notice).join('\n')}`;

const styles = {
  body: 'margin:0;padding:16px;font:16px/1.45 system-ui,sans-serif;color:#1b1f24;background:#f4f5f7',
  card: 'max-width:600px;margin:0 auto 12px;padding:16px;background:#fff;border:1px solid #dfe3e8;border-radius:8px',
  name: 'padding:2px 12px 2px 0;color:#5a6472;vertical-align:top;white-space:nowrap',
  value: 'padding:2px 0;overflow-wrap:anywhere',
  foot: 'max-width:600px;margin:0 auto;color:#5a6472;font-size:13px;overflow-wrap:anywhere',
} as const;

function page(subject: string, paragraphs: readonly string[], notice: Notice): string {
  const lead = paragraphs.map((text) => `<p style="margin:0 0 8px">${html(text)}</p>`).join('');
  const footer = footerLines(notice).map(linked).join('<br>');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${html(subject)}</title></head>
<body style="${styles.body}">
<div style="${styles.card}"><h1 style="margin:0 0 8px;font-size:18px">${html(subject)}</h1>${lead}</div>
${notice.items.map(itemHtml).join('\n')}
<p style="${styles.foot}">${footer}</p>
</body></html>
`;
}

function itemHtml(item: MailItem): string {
  const rows = facts(item)
    .map(
      ([name, value]) =>
        `<tr><td style="${styles.name}">${html(name)}</td><td style="${styles.value}">${html(value)}</td></tr>`,
    )
    .join('');
  const links = [
    ...(item.itemUrl ? [link(item.itemUrl, 'Open the item')] : []),
    ...(item.queueUrl && item.blocks ? [link(item.queueUrl, 'Open the queue')] : []),
  ].join(' &nbsp; ');
  return `<div style="${styles.card}"><p style="margin:0 0 8px;font-weight:600;overflow-wrap:anywhere">${html(headline(item))}</p><table style="border-collapse:collapse;font-size:15px">${rows}</table>${links ? `<p style="margin:12px 0 0">${links}</p>` : ''}</div>`;
}

const link = (url: string, words: string): string =>
  `<a href="${html(url)}" style="color:#0b57d0">${html(words)}</a>`;

/** The only addresses in a footer are our own. */
const linked = (text: string): string =>
  html(text).replace(
    /(https?:\/\/\S+)/,
    (url) => `<a href="${url}" style="color:#0b57d0">${url}</a>`,
  );
