import type { Settings } from '../checker/history.js';
import type { Violation } from '../checker/story.js';
import type { Aims } from './extent.js';
import type { Memory } from './memory.js';
import type { DoneFault, Recovery } from './recovery.js';

export interface Report {
  readonly seed: number;
  readonly options: {
    readonly ms: number;
    readonly aims: Aims | null;
    readonly queues: number;
    readonly rate: number;
    readonly intensity: number;
    readonly lockMs: number;
    readonly topology: string;
    readonly durability: string;
    readonly forgetful: boolean;
  };
  readonly started: number;
  /** How long the load lasted. */
  readonly ms: number;
  /** What the checker was told. */
  readonly judged: Settings;
  readonly faults: readonly DoneFault[];
  /** Kinds of faults that could not be made on this machine. */
  readonly without: readonly string[];
  /** Processes that ended by themselves, and were started again. */
  readonly endings: readonly string[];
  /** What must never be and is not for the checker to see: a process that hung or broke. */
  readonly complaints: readonly string[];
  readonly violations: readonly Violation[];
  readonly judgingMs: number;
  /** Null when the queues did not drain. */
  readonly drainedMs: number | null;
  /** File with every line. */
  readonly history: string;
  readonly recoveries: readonly Recovery[];
  /** What waits were before and while queues were blocked on purpose. */
  readonly neighbours: { readonly beforeP99Ms: number; readonly besideP99Ms: number } | null;
  readonly memory: readonly Memory[];
  readonly stopsMs: readonly number[];
  readonly counts: Readonly<Record<string, number>>;
  readonly timeline: readonly { started: number; done: number; accepted: number }[];
}

/** The report as one page that needs nothing else. */
export function page(report: Report): string {
  const { counts, faults, violations, complaints } = report;
  const bad = violations.length + complaints.length;
  const made = new Set<string>(faults.map((one) => one.kind));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Fault campaign, seed ${report.seed}: ${bad} violations</title>
<style>${STYLE}</style></head><body><main>
<h1>Fault campaign <small>seed ${report.seed}</small></h1>
<p class="verdict ${bad ? 'bad' : 'good'}">${bad ? `${bad} violations` : 'No violation'}</p>
<dl>${fact('Redis', named(report.options))}${fact('Faults', faults.length)}${fact('Deliveries', counts['deliveries'] ?? 0)}${fact('Items accepted', counts['asked, accepted'] ?? 0)}${fact('Load', `${Math.round(report.ms / 1000)} s`)}${fact('Queues empty after', report.drainedMs === null ? 'never' : `${(report.drainedMs / 1000).toFixed(1)} s`)}${fact('Longest stop', report.stopsMs.length ? `${(Math.max(...report.stopsMs) / 1000).toFixed(1)} s` : '–')}</dl>
<h2>Deliveries a second, and what was done to the system</h2>
${timeline(report)}
<h2>Recovery</h2>
<p>From the end of a fault until work went on; for half-open connections and killed workers from its beginning; of a master's loss, the longest time without a delivery after it. One on top of which another one of Redis or of the shop came counts only when it was within its goal all the same, or beyond it before.</p>
<table><thead><tr><th>Fault<th>Measured<th>Median<th>Longest<th>Goal</thead><tbody>
${report.recoveries
  .map(
    (one) =>
      `<tr${one.goalMs !== null && one.maxMs > one.goalMs ? ' class="late"' : ''}><td>${text(one.kind)}<td class="n">${one.times}<td class="n">${seconds(one.medianMs)}<td class="n">${seconds(one.maxMs)}<td class="n">${one.goalMs === null ? '–' : seconds(one.goalMs)}`,
  )
  .join('\n')}
</tbody></table>
${report.neighbours ? `<p>Before the first fault p99 of all waits was ${report.neighbours.beforeP99Ms} ms, and ${report.neighbours.besideP99Ms} ms while every fourth queue was blocked on purpose.</p>` : ''}<h2>Memory at most</h2><table class="counts"><tbody>${report.memory.map(({ who, maxMb }) => `<tr><td>${text(who)}<td class="n">${maxMb} MB`).join('')}</tbody></table>
${violations.length > 0 ? `<h2>Violations</h2>${violations.slice(0, 50).map(shown).join('')}` : ''}
${complaints.length > 0 ? `<h2>Processes</h2><ul>${complaints.map((one) => `<li>${text(one)}`).join('')}</ul>` : ''}
<h2>Faults</h2>${report.without.length > 0 ? `<p>Left out, as this machine lacks a tool for it (docs/faults.md): ${text(report.without.join(', '))}.</p>` : ''}${table(counts, (name) => made.has(name))}
<h2>What was asked, answered and seen</h2>${table(counts, (name) => !made.has(name) && !['faults', 'deliveries'].includes(name))}
<p class="again">Again: <code>${text(again(report))}</code>. The whole history is in <code>${text(report.history)}</code>.</p>
</main></body></html>`;
}

const named = ({ topology, durability }: Report['options']) => `${topology}, ${durability}`;

const again = ({ seed, options }: Report) =>
  `npm run faults -- --minutes ${+(options.ms / 60_000).toFixed(2)} --seed ${seed} --queues ${options.queues} --rate ${options.rate} --intensity ${options.intensity} --lock ${options.lockMs} --topology ${options.topology} --durability ${options.durability}${options.aims ? ` --deliveries ${options.aims.deliveries} --faults ${options.aims.faults}` : ''}${options.forgetful ? ' --forgetful' : ''}`;

const table = (counts: Report['counts'], which: (name: string) => boolean) =>
  `<table class="counts"><tbody>${Object.entries(counts)
    .filter(([name]) => which(name))
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([name, n]) => `<tr><td>${text(name)}<td class="n">${n.toLocaleString('en')}`)
    .join('')}</tbody></table>`;

const fact = (name: string, value: string | number) =>
  `<div><dt>${name}<dd>${typeof value === 'number' ? value.toLocaleString('en') : text(value)}</div>`;
const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
const text = (raw: string) =>
  raw.replace(
    /[&<>"]/g,
    (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c,
  );

/** A violation as a person reads it: the rule, the sentence, and its lines in order of time. */
export function excerpt(violation: Violation): string {
  const timeOf = (line: object) =>
    'at' in line ? Number(line.at) : 'asked' in line ? Number(line.asked) : Number.NaN;
  const lines = [...violation.events].sort((a, b) => timeOf(a) - timeOf(b));
  const first = lines.map(timeOf).find((at) => !Number.isNaN(at)) ?? 0;
  return lines
    .map((line) => {
      const at = timeOf(line);
      const when = Number.isNaN(at) ? '' : `${((at - first) / 1000).toFixed(3)} s`;
      const { by, ...rest } = line as { by: string };
      return `${when.padStart(10)}  ${by.padEnd(9)} ${JSON.stringify(rest)}`;
    })
    .join('\n');
}

const shown = (violation: Violation) =>
  `<section><h3>${text(violation.rule)} <small>${text(violation.queue)} · ${text(violation.item)}</small></h3><p>${text(violation.says)}</p><pre>${text(excerpt(violation))}</pre></section>`;

const LANES = ['processes', 'links', 'doors', 'redis', 'shop', 'alerts', 'mail'] as const;

function timeline({ timeline: bins, faults, started }: Report): string {
  const [width, high, row, left] = [1_000, 180, 18, 74];
  const most = Math.max(1, ...bins.map((bin) => bin.started));
  const long = (n: number) => (n / Math.max(1, bins.length)) * (width - left);
  const x = (n: number) => (left + long(n)).toFixed(1);
  const area = bins
    .map((bin, n) => `${x(n)},${(high - (bin.done / most) * (high - 10)).toFixed(1)}`)
    .join(' ');
  const height = high + 14 + LANES.length * row + 18;
  const ticks = faults.map((one) => {
    const y = high + 14 + LANES.indexOf(one.lane) * row;
    const from = (one.from - started) / 1_000;
    const wide = Math.max(1.5, long((one.till - one.from) / 1_000)).toFixed(1);
    const tip = `${one.kind}, ${one.subject}, at ${from.toFixed(1)} s for ${((one.till - one.from) / 1000).toFixed(1)} s`;
    return `<rect class="${one.lane}" x="${x(from)}" y="${y}" width="${wide}" height="${row - 5}"><title>${text(tip)}</title></rect>`;
  });
  const names = LANES.map(
    (lane, n) => `<text x="0" y="${high + 14 + n * row + 11}" class="lane">${lane}</text>`,
  );
  const step = Math.max(1, Math.ceil(bins.length / 10));
  const marks = bins
    .map((_, n) => n)
    .filter((n) => n % step === 0)
    .map((n) => `<text x="${x(n)}" y="${height - 4}">${n} s</text>`);
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Deliveries a second over time, and the faults below"><polygon points="${left},${high} ${area} ${width},${high}"/><text x="${left}" y="12">${most} a second</text>${ticks.join('')}${names.join('')}${marks.join('')}</svg>`;
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1d232b;--soft:#68717d;--line:#dde1e6;--ground:#fff;--good:#1a7f4b;--bad:#b3261e;--area:#4c7fb8;--a:#b3261e;--b:#b7791f;--c:#6b46c1;--d:#2f7d6d;--e:#a05a2c;--f:#9b2c6f;--g:#5a6b1f}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#98a2b0;--line:#333a44;--ground:#14181d;--good:#5cc58d;--bad:#ff8a80;--area:#5b94d6;--a:#ff8a80;--b:#e5b567;--c:#b39ddb;--d:#6fc3b2;--e:#d9a57a;--f:#e58fbf;--g:#b8c77a}}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}main{max-width:1040px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:1.6rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:0}small,dt,.again,svg text{color:var(--soft);fill:var(--soft);font-weight:400}
.verdict{font-size:1.2rem;font-weight:600}.good{color:var(--good)}.bad,.late td{color:var(--bad)}
dl{display:flex;flex-wrap:wrap;gap:12px 32px;margin:1rem 0}dd{margin:0;font-size:1.3rem;font-variant-numeric:tabular-nums}
table.counts{columns:2;column-gap:48px;display:block}table.counts tbody{display:block}table.counts tr{display:flex;justify-content:space-between;break-inside:avoid;border-bottom:1px solid var(--line)}table.counts td{border:0}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid var(--line)}.n{font-variant-numeric:tabular-nums}
svg{width:100%;height:auto}svg text{font-size:11px}polygon{fill:var(--area);opacity:.55}rect.processes{fill:var(--a)}rect.links{fill:var(--b)}rect.redis{fill:var(--c)}rect.shop{fill:var(--d)}rect.doors{fill:var(--e)}rect.alerts{fill:var(--f)}rect.mail{fill:var(--g)}
section{border-left:3px solid var(--bad);padding:0 0 0 12px;margin:16px 0}pre{overflow-x:auto;font-size:12px}`;
