import type { Route } from './route.js';

const escaped = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.codePointAt(0)};`);

/** The calls of the API on one page, for people. */
export function docsPage(routes: readonly Route[], url: string): string {
  const rows = routes
    .map(
      (row) =>
        `<tr><td><code>${row.method.toUpperCase()}</code></td><td><code>${escaped(row.path.replace(/:(\w+)/g, '{$1}'))}</code></td><td>${escaped(row.summary)}</td><td>${row.scope}</td></tr>`,
    )
    .join('\n');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Andon API</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
  pre { padding: 1rem; overflow-x: auto; background: color-mix(in srgb, currentColor 8%, transparent); border-radius: .4rem; }
  .wide { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; }
  td, th { text-align: left; padding: .35rem .8rem .35rem 0; vertical-align: top; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
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
  -d '{"instruction": "add_product", "channel": "12", "data": {"sku": "TSH-RED-M", "title": "Red T-shirt"}}'</pre>
<h2>Calls</h2>
<div class="wide"><table><thead><tr><th>Method</th><th>Path</th><th>What it does</th><th>Scope</th></tr></thead><tbody>
${rows}
</tbody></table></div>
<h2>Health</h2>
<p><code>GET /healthz</code> answers while the process lives. <code>GET /readyz</code> answers 200 while Redis takes writes.</p>
</body></html>
`;
}
