import { z } from 'zod';
import { MIB, type Route } from './route.js';

/** OpenAPI 3.1 of the very schemas that validate. */
export function openApi(routes: readonly Route[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const row of routes) {
    const path = row.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [row.method]: operation(row) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Andon',
      version,
      description: 'Instructions to shops and ERPs, in order. Errors are problem+json (RFC 9457).',
    },
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'id.secret' } },
      schemas: { Problem: problem },
    },
    security: [{ key: [] }],
    paths,
  };
}

const done = {
  description: 'Done.',
  content: { 'application/json': { schema: { type: 'object' } } },
};

function operation(row: Route): Record<string, unknown> {
  const fails = {
    description: 'Refused or not possible; the body says why and what to do.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  return {
    summary: row.summary,
    description: `Needs the scope \`${row.scope}\`.`,
    parameters: [
      ...parametersOf('path', row.params),
      ...parametersOf('query', row.query),
      ...(row.path.startsWith('/v1/items') && row.status === 202 ? [idempotencyHeader] : []),
    ],
    ...(row.body
      ? {
          requestBody: {
            required: !row.bodyOptional,
            description: `At most ${row.bodyLimit / MIB} MiB.`,
            content: { 'application/json': { schema: schemaOf(row.body) } },
          },
        }
      : {}),
    responses: {
      [row.status]: done,
      ...(row.mayCreate ? { 201: { ...done, description: 'Created.' } } : {}),
      '4XX': fails,
      '503': { ...fails, description: 'Redis cannot be reached; see Retry-After.' },
    },
  };
}

function parametersOf(where: 'path' | 'query', schema: z.ZodType | undefined): unknown[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema) as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(property.description ? { description: property.description } : {}),
    schema: property,
  }));
}

function schemaOf(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
}

const idempotencyHeader = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'Remembered for 7 days: the same key answers with the first result.',
  schema: { type: 'string', maxLength: 255 },
};

const problem = {
  type: 'object',
  required: ['type', 'title', 'status'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    requestId: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: { pointer: { type: 'string' }, detail: { type: 'string' } },
      },
    },
  },
};
