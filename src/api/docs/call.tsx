import type { VNode } from 'preact';
import type { z } from 'zod';
import { type Example, examples } from '../examples.js';
import { problemsOf } from '../problem-pages.js';
import { PROBLEMS } from '../problems.js';
import { MIB, type Route } from '../route.js';
import { statusesOf } from '../statuses.js';
import { fieldsOf } from './fields.js';
import { Table } from './shell.js';

/** One call: what it needs, its fields, how it is made with curl, what it answers. */
export function Call({ row, url }: { row: Route; url: string }): VNode {
  const path = row.path.replace(/:(\w+)/g, '{$1}');
  const example = examples[row.name];
  const body = row.bodyOptional ? 'Body, may be left out' : 'Body';
  return (
    <details id={row.name}>
      <summary>
        <code class={`method ${row.method}`}>{row.method.toUpperCase()}</code>
        <code class="path">{path}</code>
        <span class="about">{row.summary}</span>
      </summary>
      <p class="status">
        Needs the scope <code>{row.scope}</code>
        {row.unlimitedOnly ? ', of a key that is limited to nothing' : ''}. Answers{' '}
        <Statuses row={row} />.
      </p>
      {row.query ? <Fields caption="Query" schema={row.query} /> : null}
      {row.body ? (
        <Fields caption={`${body}, at most ${row.bodyLimit / MIB} MiB`} schema={row.body} />
      ) : null}
      {example ? (
        <>
          <h3>Example</h3>
          <pre>{curl(url, row, example)}</pre>
          <h3>Answer</h3>
          <pre>{JSON.stringify(example.answer, null, 2)}</pre>
        </>
      ) : null}
    </details>
  );
}

function Statuses({ row }: { row: Route }): VNode {
  return (
    <>
      {statusesOf(row).map((status, n) => {
        const [type, ...others] = problemsOf(status);
        // Where a status can mean several things, the list of all of them tells which.
        const to = others.length === 0 ? `${PROBLEMS}/${type}` : '#errors';
        return (
          <span key={status}>
            {n > 0 ? ', ' : ''}
            {status < 300 ? status : <a href={to}>{status}</a>}
          </span>
        );
      })}
    </>
  );
}

function Fields({ caption, schema }: { caption: string; schema: z.ZodType }): VNode {
  const rows = fieldsOf(schema).map(({ name, kind, need, about }) => [
    <code key={name}>{name}</code>,
    kind,
    need,
    about,
  ]);
  return (
    <>
      <h3>{caption}</h3>
      <Table headings={['Field', 'Kind', 'Needed', 'Meaning']} rows={rows} />
    </>
  );
}

/** The call as a command of the shell. */
export function curl(url: string, row: Route, example: Example): string {
  const path = row.path.replace(/:(\w+)/g, (_, part: string) => example.path?.[part] ?? part);
  const query = new URLSearchParams(example.query).toString();
  const to = `${url}${path}${query ? `?${query}` : ''}`;
  const method =
    row.method === 'get' || (row.method === 'post' && example.body)
      ? ''
      : `-X ${row.method.toUpperCase()} `;
  const lines = [
    `curl ${method}${query ? `'${to}'` : to}`,
    `-H "Authorization: Bearer $ANDON_KEY"`,
    ...(row.takesKey ? ['-H "Idempotency-Key: $(uuidgen)"'] : []),
    ...(example.body
      ? ['-H "Content-Type: application/json"', `-d '${JSON.stringify(example.body, null, 2)}'`]
      : []),
  ];
  return lines.join(' \\\n  ');
}
