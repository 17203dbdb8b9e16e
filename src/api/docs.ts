import type { z } from 'zod';
import { faultsIn } from '../config/faults.js';
import { type Catalogue, type CatalogueEntry, describe } from '../instructions/catalogue.js';
import { dataSchemas } from '../instructions/data.js';
import { fieldsOf, requiredOf } from './docs-fields.js';
import { MIB, type Route } from './route.js';

const escaped = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.codePointAt(0)};`);
const code = (text: string) => `<code>${escaped(text)}</code>`;

/** The API on one page, for people; the address is all that differs from one request to the next. */
export function docsPage(routes: readonly Route[], catalogue: Catalogue): (url: string) => string {
  const instructions = table(
    ['Instruction', 'What it does', 'Goes to', 'Blocking', 'Required in data'],
    catalogue.names.flatMap((name) => instruction(catalogue.get(name))),
  );
  const calls = routes.map(call).join('\n');
  return (url) => page(url, instructions, calls);
}

function instruction(entry: CatalogueEntry | undefined): string[][] {
  if (!entry) return [];
  return [
    [
      code(entry.instruction),
      escaped(describe(entry, { channel: '…', source: '…' })),
      entry.target ? `a ${entry.target}` : `service ${code(entry.service ?? '')}`,
      entry.mode === 'blocking' ? 'yes' : 'no',
      neededBy(dataSchemas[entry.data]),
    ],
  ];
}

/** The fields that must be there, and what is still asked for when all of them are. */
function neededBy(schema: z.ZodType): string {
  const required = requiredOf(schema);
  const filled = Object.fromEntries(required.map((name) => [name, 'x@shop.example']));
  const more = faultsIn(schema, filled).map(({ detail }) => escaped(detail));
  return [...required.map(code), ...more].join(', ') || 'nothing';
}

function call(row: Route): string {
  const path = row.path.replace(/:(\w+)/g, '{$1}');
  const body = row.bodyOptional ? 'Body, may be left out' : 'Body';
  return `<details><summary>${code(row.method.toUpperCase())} ${code(path)} <span>${escaped(row.summary)}</span></summary>
<p>Needs the scope ${code(row.scope)}. Answers ${row.status}${row.mayCreate ? ', or 201 when it is new' : ''}.</p>
${row.query ? fields('Query', row.query) : ''}
${row.body ? fields(`${body}, at most ${row.bodyLimit / MIB} MiB`, row.body) : ''}
</details>`;
}

function fields(caption: string, schema: z.ZodType): string {
  const rows = fieldsOf(schema).map(({ name, kind, need, about }) => [
    code(name),
    escaped(kind),
    escaped(need),
    escaped(about),
  ]);
  return `<h3>${caption}</h3>\n${table(['Field', 'Kind', 'Needed', 'Meaning'], rows)}`;
}

/** Cells are HTML. On a narrow screen each stands in a line of its own, behind its heading. */
function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = headings.map((heading) => `<th>${heading}</th>`).join('');
  const lines = rows.map((cells) =>
    cells.map((cell, n) => (cell ? `<td data-name="${headings[n]}">${cell}</td>` : '<td></td>')),
  );
  return `<table><thead><tr>${head}</tr></thead><tbody>
${lines.map((cells) => `<tr>${cells.join('')}</tr>`).join('\n')}
</tbody></table>`;
}

const page = (url: string, instructions: string, calls: string) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Andon API</title>
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
  h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
  pre { padding: 1rem; overflow-x: auto; background: color-mix(in srgb, currentColor 8%, transparent); border-radius: .4rem; }
  table { border-collapse: collapse; width: 100%; }
  td, th { text-align: left; padding: .35rem .8rem .35rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
  details { border-bottom: 1px solid var(--line); padding: .35rem 0; }
  details[open] { padding-bottom: 1.5rem; }
  details > :not(summary) { margin-left: 1.1rem; }
  details > table { width: calc(100% - 1.1rem); }
  summary { cursor: pointer; }
  summary span { margin-left: .5rem; opacity: .8; }
  @media (max-width: 40rem) {
    thead { display: none; }
    table, tbody, tr, td { display: block; }
    tr { padding: .5rem 0; border-bottom: 1px solid var(--line); }
    td { padding: 0; border: 0; }
    td[data-name]:not(:first-child)::before { content: attr(data-name) ": "; opacity: .65; }
    pre { white-space: pre-wrap; }
    pre, code { overflow-wrap: anywhere; }
    summary span { display: block; margin: 0 0 0 1.1rem; }
  }
</style></head><body>
<h1>Andon API</h1>
<p>Andon carries instructions to shops and ERPs in the order in which they came. When one fails, its
queue stops until a person has retried, skipped or resolved it.</p>
<p>Every call but the health checks needs a key: <code>Authorization: Bearer id.secret</code>.
Errors are <code>application/problem+json</code> and say what is wrong and where.
The whole description for programs is at <a href="/openapi.json">/openapi.json</a>.</p>
<h2>Enqueue a product</h2>
<pre>curl ${escaped(url)}/v1/items \\
  -H "Authorization: Bearer $ANDON_KEY" \\
  -H "Content-Type: application/json" \\
  -H "Idempotency-Key: product-tsh-red-m-1" \\
  -d '{"instruction": "add_product", "channel": "12",
       "data": {"sku": "TSH-RED-M", "title": "Red T-shirt"}}'</pre>
<h2>Instructions</h2>
<p>A blocking one waits for its turn in the queue of its channel or source, and stops that queue when
it fails. A non-blocking one runs beside all others. Whatever else <code>data</code> holds is not checked:
it is passed on as it is.</p>
${instructions}
<h2>Calls</h2>
<p>Open a call to see its fields.</p>
${calls}
<h2>Health</h2>
<p><code>GET /healthz</code> answers while the process lives. <code>GET /readyz</code> answers 200 while Redis takes writes
and, where a worker or the alerts run in the same process, while they get on. <code>GET /metrics</code> is for Prometheus,
with a key of the scope <code>read</code> that is limited to no client.</p>
</body></html>
`;
