import { actLabels, adviceOf, factsOf, footerOf, headlineOf } from './mail-parts.js';
import type { ActLink, MailItem, Notice } from './notice.js';
import { html } from './words.js';

/** Many mail programs drop style sheets, so that each element bears its own; dark ones are the exception. */
const styles = {
  body: 'margin:0;padding:12px;font:16px/1.45 system-ui,-apple-system,sans-serif;color:#1b1f24;background:#f4f5f7',
  card: 'max-width:600px;margin:0 auto 12px;padding:16px;background:#ffffff;border:1px solid #dfe3e8;border-radius:8px',
  subject: 'margin:0 0 8px;font-size:18px;line-height:1.3;overflow-wrap:anywhere',
  headline: 'margin:0 0 12px;font-weight:600;overflow-wrap:anywhere',
  name: 'margin:0;color:#5a6472;font-size:13px',
  value: 'margin:0 0 8px;overflow-wrap:anywhere',
  advice: 'margin:12px 0 0;padding:10px 12px;background:#eef4ff;border-radius:6px;font-size:15px',
  button:
    'display:inline-block;margin:8px 8px 0 0;padding:11px 16px;border:1px solid #c3ccd5;border-radius:6px;color:#1b1f24;background:#ffffff;text-decoration:none;font-weight:600',
  link: 'color:#0b57d0',
  foot: 'max-width:600px;margin:0 auto;padding:0 4px;color:#5a6472;font-size:13px;overflow-wrap:anywhere',
} as const;

const dark = `:root{color-scheme:light dark}
@media (prefers-color-scheme:dark){
.b{background:#151a21!important;color:#d5dce4!important}
.c{background:#1c232d!important;border-color:#2a3340!important}
.n,.f{color:#9aa5b3!important}
.k{background:#22314a!important}
.t{background:#242d39!important;border-color:#3d4a5b!important;color:#d5dce4!important}
a.l{color:#8ab4f8!important}
}`;

/** The mail as people see it, readable on a phone, in light and dark. All that is told is escaped. */
export function htmlOf(subject: string, paragraphs: readonly string[], notice: Notice): string {
  const lead = paragraphs.map((text) => `<p style="margin:0 0 8px">${html(text)}</p>`).join('');
  const claim = notice.claim ? `<p style="margin:0">${button(notice.claim)}</p>` : '';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><title>${html(subject)}</title><style>${dark}</style></head>
<body class="b" style="${styles.body}">
<div class="c" style="${styles.card}"><h1 style="${styles.subject}">${html(subject)}</h1>${lead}${claim}</div>
${notice.items.map(itemHtml).join('\n')}
<p class="f" style="${styles.foot}">${footerOf(notice).map(linked).join('<br>')}</p>
</body></html>
`;
}

function itemHtml(item: MailItem): string {
  const facts = factsOf(item)
    .map(
      ([name, value]) =>
        `<p class="n" style="${styles.name}">${html(name)}</p><p style="${styles.value}">${html(value)}</p>`,
    )
    .join('');
  const advice = adviceOf(item).map(html).join('<br>');
  const links = [
    ...(item.itemUrl ? [link(item.itemUrl, 'Open the item')] : []),
    ...(item.queueUrl && item.blocks ? [link(item.queueUrl, 'Open the queue')] : []),
  ].join(' &nbsp; ');
  return [
    `<div class="c" style="${styles.card}"><p style="${styles.headline}">${html(headlineOf(item))}</p>`,
    facts,
    advice ? `<p class="k" style="${styles.advice}">${advice}</p>` : '',
    item.acts.length > 0 ? `<p style="margin:4px 0 0">${item.acts.map(button).join('')}</p>` : '',
    links ? `<p style="margin:14px 0 0">${links}</p>` : '',
    '</div>',
  ].join('');
}

const button = ({ verb, url }: ActLink): string =>
  `<a class="t" href="${html(url)}" style="${styles.button}">${html(actLabels[verb])}</a>`;

const link = (url: string, words: string): string =>
  `<a class="l" href="${html(url)}" style="${styles.link}">${html(words)}</a>`;

/** The only addresses in a footer are our own. */
const linked = (text: string): string =>
  html(text).replace(
    /(https?:\/\/\S+)/,
    (url) => `<a class="l" href="${url}" style="${styles.link}">${url}</a>`,
  );
