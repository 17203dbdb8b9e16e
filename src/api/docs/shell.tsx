import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Response } from 'express';
import type { ComponentChildren, VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';

const css = readFileSync(new URL('./docs.css', import.meta.url), 'utf8');

/** Nothing is loaded and nothing runs; the one style sheet stands in the page itself. */
const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(css).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** A page of the documentation as HTML. What it shows is escaped by the renderer. */
export function document(title: string, body: ComponentChildren): string {
  const page: VNode = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title}</title>
        {/* Our own file, in which no angle bracket stands that ends the element. */}
        <style dangerouslySetInnerHTML={{ __html: css }} />
      </head>
      <body>{body}</body>
    </html>
  );
  return `<!doctype html>${renderToString(page)}`;
}

export function sendPage(response: Response, html: string): void {
  response.set('Content-Security-Policy', policy);
  response.set('X-Content-Type-Options', 'nosniff');
  response.type('html').send(html);
}

/** `code` between backquotes becomes code; all else is text. */
export function Prose({ text }: { text: string }): VNode {
  return (
    <>{text.split('`').map((part, n) => (n % 2 === 1 ? <code key={part}>{part}</code> : part))}</>
  );
}

/** On a narrow screen each cell stands in a line of its own, behind its heading. */
export function Table(props: {
  headings: readonly string[];
  rows: readonly (readonly ComponentChildren[])[];
}): VNode {
  const { headings, rows } = props;
  return (
    <table>
      <thead>
        <tr>
          {headings.map((heading) => (
            <th key={heading}>{heading}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((cells, n) => (
          <tr key={n}>
            {cells.map((cell, at) => (
              <td key={headings[at]} data-name={cell ? headings[at] : undefined}>
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
