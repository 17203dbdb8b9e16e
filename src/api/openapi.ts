import { z } from 'zod';
import { shapes } from './answers/shape.js';
import { type Example, examples } from './examples.js';
import { groupOf } from './groups.js';
import { type Probe, probes } from './probes.js';
import { problemPages, problemsOf } from './problem-pages.js';
import { PROBLEMS } from './problems.js';
import { MIB, type Route } from './route.js';
import { statusesOf } from './statuses.js';

type Schema = Record<string, unknown>;

/** OpenAPI 3.1 of the very schemas that validate. */
export function openApi(routes: readonly Route[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const row of routes) {
    const path = row.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [row.method]: operation(row) };
  }
  for (const probe of probes) paths[probe.path] = { get: probed(probe) };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Andon',
      version,
      description:
        'Instructions to shops and ERPs, in order. Errors are problem+json (RFC 9457); the `type` of each leads to a page that says what to do. Fields may be added to answers at any time.',
    },
    servers: [{ url: '/', description: 'where this document comes from' }],
    tags: [...new Set(routes.map(groupOf)), PROCESS].map((name) => ({ name })),
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'id.secret' } },
      schemas: { ...answerSchemas(), Problem: problem },
    },
    security: [{ key: [] }],
    paths,
  };
}

function operation(row: Route): Schema {
  const example = examples[row.name];
  return {
    operationId: row.name,
    tags: [groupOf(row)],
    summary: row.summary,
    description: `Needs the scope \`${row.scope}\`.${row.unlimitedOnly ? ' Not for keys that are limited to a client, channels or sources.' : ''}`,
    parameters: [
      ...parametersOf('path', row.params, example?.path),
      ...parametersOf('query', row.query, example?.query),
      ...(row.takesKey ? [idempotencyHeader] : []),
    ],
    ...(row.body
      ? {
          requestBody: {
            required: !row.bodyOptional,
            description: `At most ${row.bodyLimit / MIB} MiB.`,
            content: {
              'application/json': {
                schema: inputSchema(row.body),
                ...(example?.body === undefined ? {} : { example: example.body }),
              },
            },
          },
        }
      : {}),
    responses: Object.fromEntries(
      statusesOf(row).map((status) => [
        status,
        status < 300 ? success(row, status, example) : refusal(status),
      ]),
    ),
  };
}

/** Tag of what is asked of the process itself. */
const PROCESS = 'Health';

function probed({ name, summary, description, open, answer, example, refusals }: Probe): Schema {
  const content = answer
    ? { 'application/json': { schema: { $ref: refTo(nameOf(answer)) }, example } }
    : { 'text/plain': { schema: { type: 'string' }, example } };
  const refused = refusals.map((status) => [status, refusal(status)]);
  return {
    operationId: name,
    tags: [PROCESS],
    summary,
    description,
    ...(open ? { security: [] } : {}),
    parameters: [],
    responses: { 200: { description: 'Done.', content }, ...Object.fromEntries(refused) },
  };
}

function success(row: Route, status: number, example: Example | undefined): Schema {
  return {
    description: status === 201 && row.mayCreate ? 'Created.' : 'Done.',
    ...(row.takesKey ? { headers: enqueueHeaders } : {}),
    content: {
      'application/json': {
        schema: { $ref: refTo(nameOf(row.answer)) },
        ...(example ? { example: example.answer } : {}),
      },
    },
  };
}

function refusal(status: number): Schema {
  const types = problemsOf(status);
  const titles = types.map((type) => `${problemPages[type].title} (\`${PROBLEMS}/${type}\`)`);
  return {
    description: `${titles.join('; or: ')}.`,
    ...(status === 429 || status === 503 ? { headers: { 'Retry-After': retryAfter } } : {}),
    content: { 'application/problem+json': { schema: { $ref: refTo('Problem') } } },
  };
}

const refTo = (id: string): string => `#/components/schemas/${id}`;

function nameOf(answer: z.ZodType): string {
  const id = shapes.get(answer)?.id;
  if (id === undefined) throw new Error('an answer has no name: make it with named()');
  return id;
}

/** Without a word on further fields: they may come, and old clients must not mind. */
function answerSchemas(): Record<string, Schema> {
  const { schemas } = z.toJSONSchema(shapes, { io: 'input', unrepresentable: 'any', uri: refTo });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]),
  );
}

function parametersOf(
  where: 'path' | 'query',
  schema: z.ZodType | undefined,
  values: Readonly<Record<string, unknown>> = {},
): unknown[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = inputSchema(schema) as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(property.description ? { description: property.description } : {}),
    schema: property,
    ...(values[name] === undefined ? {} : { example: values[name] }),
  }));
}

/**
 * What a call takes. The only definitions that zod puts aside here are those of "any JSON value", and
 * in an OpenAPI document their `#/$defs` would lead nowhere: an empty schema says the same.
 */
function inputSchema(schema: z.ZodType): Schema {
  const {
    $schema: _,
    $defs: __,
    ...rest
  } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const text = JSON.stringify(rest, (_key, value: unknown) => {
    const isReference = typeof value === 'object' && value !== null && '$ref' in value;
    return isReference ? {} : value;
  });
  return JSON.parse(text) as Schema;
}

const idempotencyHeader = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'Remembered for 7 days: the same key answers with the first result.',
  schema: { type: 'string', maxLength: 255 },
  example: 'order-1001-v1',
};

const retryAfter = { description: 'Seconds.', schema: { type: 'integer', minimum: 0 } };

const enqueueHeaders = {
  Location: { description: 'Where a single item is.', schema: { type: 'string' } },
  'Idempotent-Replayed': {
    description: '`true` when all of it was there already.',
    schema: { type: 'string', enum: ['true'] },
  },
};

const problem = {
  type: 'object',
  required: ['type', 'title', 'status', 'requestId'],
  description: 'RFC 9457. More members may follow, such as `state`.',
  additionalProperties: true,
  properties: {
    type: {
      type: 'string',
      format: 'uri-reference',
      enum: Object.keys(problemPages).map((type) => `${PROBLEMS}/${type}`),
    },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'what is wrong this time, for people' },
    requestId: { type: 'string', description: 'stands in the log, too' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'detail'],
        properties: {
          pointer: { type: 'string', description: 'JSON pointer to what is wrong' },
          detail: { type: 'string' },
        },
      },
    },
  },
};
