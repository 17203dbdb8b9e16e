import { actLabels, adviceOf, factsOf, footerOf, headlineOf } from './mail-parts.js';
import type { MailItem, Notice } from './notice.js';

/** The mail for programs that show text only, and for what people forward. */
export function textOf(paragraphs: readonly string[], notice: Notice): string {
  const claim = notice.claim ? [`${actLabels.claim}: ${notice.claim.url}`] : [];
  const footer = ['--', ...footerOf(notice)].join('\n');
  return [...paragraphs, ...claim, ...notice.items.map(itemText), footer].join('\n\n');
}

function itemText(item: MailItem): string {
  return [
    headlineOf(item),
    ...factsOf(item).map(([name, value]) => `  ${name}: ${value}`),
    ...adviceOf(item).map((text) => `  ${text}`),
    ...item.acts.map(({ verb, url }) => `  ${actLabels[verb]}: ${url}`),
    ...(item.itemUrl ? [`  Open the item: ${item.itemUrl}`] : []),
    ...(item.queueUrl && item.blocks ? [`  Open the queue: ${item.queueUrl}`] : []),
  ].join('\n');
}
