import { htmlOf } from './mail-html.js';
import { textOf } from './mail-text.js';
import type { Notice } from './notice.js';
import type { Message } from './ways.js';
import { counted, duration, instant, line } from './words.js';

export interface Mail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** What stands for the tokens of links in both, sealed until it leaves. */
  readonly acts?: string | undefined;
  /** In place of the texts, where it goes to no mailbox. */
  readonly message?: Message | undefined;
}

export function compose(notice: Notice): Mail {
  const subject = line(subjectOf(notice), 200);
  const paragraphs = leadOf(notice);
  return {
    subject,
    text: textOf(paragraphs, notice),
    html: htmlOf(subject, paragraphs, notice),
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
