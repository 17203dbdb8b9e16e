import type { ComponentChildren, VNode } from 'preact';
import type { z } from 'zod';
import { faultsIn } from '../../config/faults.js';
import { type Catalogue, type CatalogueEntry, describe } from '../../instructions/catalogue.js';
import { dataSchemas } from '../../instructions/data.js';
import { requiredOf } from './fields.js';
import { Problems } from './problem.js';
import { Table } from './shell.js';
import type { Snippet } from './snippets.js';

/** What is to be known before the first call. */
export function GettingStarted({ url }: { url: string }): VNode {
  return (
    <section>
      <h2 id="start">Getting started</h2>
      <p>
        Put a channel, enqueue a product for it, look what became of it. The admin key stands in{' '}
        <code>data/admin-key</code> after the first start.
      </p>
      <pre>{`export ANDON_KEY=$(cat data/admin-key)

curl -X PUT ${url}/v1/channels/12 \\
  -H "Authorization: Bearer $ANDON_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"description": "Cape Shopify",
       "connector": {"type": "http", "url": "https://connect.example.com/andon"}}'

curl ${url}/v1/items \\
  -H "Authorization: Bearer $ANDON_KEY" \\
  -H "Content-Type: application/json" \\
  -H "Idempotency-Key: product-tsh-red-m-1" \\
  -d '{"instruction": "add_product", "channel": "12",
       "data": {"sku": "TSH-RED-M", "title": "Red T-shirt"}}'

curl "${url}/v1/items?entity=sku:TSH-RED-M" -H "Authorization: Bearer $ANDON_KEY"`}</pre>
      <p>
        The answer to an enqueue is 202 and says where the item stands. It is given when Redis has
        the item: from then on it is never lost, and runs after everything that was accepted for the
        same channel before it.
      </p>
    </section>
  );
}

export function Authentication(): VNode {
  return (
    <section>
      <h2 id="auth">Authentication</h2>
      <p>
        Every call under <code>/v1</code> needs a key: <code>Authorization: Bearer id.secret</code>.
        Give each program its own, with the least that it needs. A key may be limited to a client,
        channels or sources; what it may not see answers 404.
      </p>
      <Table
        headings={['Scope', 'May']}
        rows={[
          [<code key="s">enqueue</code>, 'send items'],
          [<code key="s">read</code>, 'look at items, queues, settings and incidents'],
          [
            <code key="s">operate</code>,
            'retry, skip, resolve, edit, pause; also everything of read',
          ],
          [<code key="s">admin</code>, 'everything'],
        ]}
      />
      <p>
        <a href="#createKey">POST /v1/keys</a> or <code>andon keys create</code> makes one. The
        secret is shown once; only its hash is stored.
      </p>
    </section>
  );
}

export function Idempotency(): VNode {
  return (
    <section>
      <h2 id="idempotency">Sending again without doubt</h2>
      <p>
        Networks lose answers. Send an <code>Idempotency-Key</code> with every enqueue, and the same
        key when you send it again: the item is stored once. The second answer is the first one,
        with <code>Idempotent-Replayed: true</code>.
      </p>
      <ul>
        <li>
          Make keys of what the item is about (<code>order-1001-v3</code>), or at random once,
          before the first try.
        </li>
        <li>1 to 255 printable characters without blanks, remembered for 7 days.</li>
        <li>
          API keys with the same limits (client, channels, sources) share them, so that a new API
          key finds what the one before has sent; others never meet.
        </li>
        <li>The same key with another body is refused with 422, and nothing is stored.</li>
        <li>
          In a batch, each item may have an <code>idempotencyKey</code> of its own; then an item
          counts once in whatever batch it comes.
        </li>
        <li>
          Send again after a lost connection, 429, 502, 503 and 504; wait as long as{' '}
          <code>Retry-After</code> says, else half a second, doubling.
        </li>
      </ul>
    </section>
  );
}

export function Errors(): VNode {
  return (
    <section>
      <h2 id="errors">Errors</h2>
      <p>
        Refusals are <code>application/problem+json</code> (RFC 9457). <code>type</code> leads to a
        page that says what to do, <code>detail</code> says what is wrong this time,{' '}
        <code>errors</code> where in the request, and <code>requestId</code> stands in the log, too.
        Compare by <code>type</code>; texts may change.
      </p>
      <pre>{`{
  "type": "/problems/invalid-input",
  "title": "The request is not valid",
  "status": 422,
  "detail": "/data/sku: is missing",
  "errors": [{ "pointer": "/data/sku", "detail": "is missing" }],
  "requestId": "0d6f2c3e-…"
}`}</pre>
      <Problems />
    </section>
  );
}

export function Lists(): VNode {
  return (
    <section>
      <h2 id="lists">Lists</h2>
      <p>
        A list answers <code>items</code> and <code>nextCursor</code>. Give that as{' '}
        <code>cursor</code> for the next page; null means that this was the last. <code>limit</code>{' '}
        is 50 unless said, at most 200. Times are ISO 8601 in UTC. Fields may be added to answers at
        any time: let your program pass over what it does not know.
      </p>
    </section>
  );
}

export function Programs(props: {
  sending: readonly Snippet[];
  receiving: readonly Snippet[];
}): VNode | null {
  if (props.sending.length === 0) return null;
  return (
    <section>
      <h2 id="programs">Programs to start from</h2>
      <p>
        Each sends one item twice under one key, then a batch, and looks up the first. They lie in{' '}
        <code>examples/programs</code>.
      </p>
      {props.sending.map((one) => (
        <SnippetOf key={one.file} snippet={one} />
      ))}
      <h3>The far side: check the signature of what Andon delivers</h3>
      <p>
        An <code>http</code> connector and a webhook are signed by Standard Webhooks: HMAC-SHA-256
        over <code>webhook-id.webhook-timestamp.body</code> with the secret that was shown when the
        channel or webhook was made.
      </p>
      {props.receiving.map((one) => (
        <SnippetOf key={one.file} snippet={one} />
      ))}
    </section>
  );
}

function SnippetOf({ snippet: { title, file, text } }: { snippet: Snippet }): VNode {
  return (
    <details class="snippet">
      <summary>
        {title} <span class="muted">{file}</span>
      </summary>
      <pre>{text}</pre>
    </details>
  );
}

export function Instructions({ catalogue }: { catalogue: Catalogue }): VNode {
  return (
    <section>
      <h2 id="instructions">Instructions</h2>
      <p>
        A blocking one waits for its turn in the queue of its channel or source, and stops that
        queue when it fails. A non-blocking one runs beside all others. Whatever else{' '}
        <code>data</code> holds is not checked: it is passed on as it is.
      </p>
      <Table
        headings={['Instruction', 'What it does', 'Goes to', 'Blocking', 'Required in data']}
        rows={catalogue.names.flatMap((name) => {
          const entry = catalogue.get(name);
          return entry ? [instruction(entry)] : [];
        })}
      />
    </section>
  );
}

function instruction(entry: CatalogueEntry): ComponentChildren[] {
  return [
    <code key="name">{entry.instruction}</code>,
    describe(entry, { channel: '…', source: '…' }),
    entry.target ? (
      `a ${entry.target}`
    ) : (
      <span key="to">
        service <code>{entry.service}</code>
      </span>
    ),
    entry.mode === 'blocking' ? 'yes' : 'no',
    neededBy(dataSchemas[entry.data]),
  ];
}

/** The fields that must be there, and what is still asked for when all of them are. */
function neededBy(schema: z.ZodType): ComponentChildren {
  const required = requiredOf(schema);
  const filled = Object.fromEntries(required.map((name) => [name, 'x@shop.example']));
  const more = faultsIn(schema, filled).map(({ detail }) => detail);
  const all = [...required.map((name) => <code key={name}>{name}</code>), ...more];
  if (all.length === 0) return 'nothing';
  return all.flatMap((one, n) => (n > 0 ? [', ', one] : [one]));
}
