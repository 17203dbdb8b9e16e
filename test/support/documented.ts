import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { type Example, examples } from '../../src/api/examples.js';
import type { Answer, Api, CallOptions } from './api.js';

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, Media>> }>
  >;
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
}
interface Media {
  readonly schema: object;
  readonly example?: unknown;
}

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

export interface Made extends CallOptions {
  readonly path?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, string>>;
  /** Another Andon of the same kind. */
  readonly at?: Api;
}

/** In answers nothing may stand that is not documented: only in a test, for programs must not mind more. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(
    Object.entries(schema).map(([name, one]) => [name, strict(one)]),
  );
  return 'properties' in schema && !('additionalProperties' in schema)
    ? { ...inner, additionalProperties: false }
    : inner;
}

/**
 * An Andon that is called by what its OpenAPI document says, and judged by it: a status or a body that
 * is not documented throws. Remembers which answers were seen.
 */
export class Documented {
  readonly document: Document;
  private readonly api: Api;
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly compiled = new Map<object, ValidateFunction>();
  private readonly seen = new Set<string>();

  private constructor(api: Api, document: Document) {
    this.api = api;
    this.document = document;
    this.ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
    this.ajv.addFormat('uri', true);
    this.ajv.addFormat('uri-reference', true);
    const schemas = strict(document.components.schemas);
    this.ajv.addSchema({ $id: 'andon', components: { schemas } });
  }

  static async of(api: Api): Promise<Documented> {
    const { body } = await api.call('GET', '/openapi.json', { key: null });
    return new Documented(api, body as unknown as Document);
  }

  get operations(): { method: string; path: string; operation: Operation }[] {
    return Object.entries(this.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
    );
  }

  /** Every answer that is documented, as `enqueue 202`. */
  get documented(): string[] {
    return this.operations.flatMap(({ operation }) =>
      Object.keys(operation.responses).map((status) => `${operation.operationId} ${status}`),
    );
  }

  get unseen(): string[] {
    return this.documented.filter((one) => !this.seen.has(one));
  }

  find(name: string): { method: string; path: string; operation: Operation } {
    const found = this.operations.find(({ operation }) => operation.operationId === name);
    if (!found) throw new Error(`the document has no call ${name}`);
    return found;
  }

  /** @throws when what comes is not what is documented */
  async call(
    name: string,
    { path = {}, query = {}, at = this.api, ...options }: Made = {},
  ): Promise<Answer> {
    const { method, path: template, operation } = this.find(name);
    const to = template.replace(/\{(\w+)\}/g, (_, part: string) => String(path[part] ?? 'nothing'));
    const search = new URLSearchParams(query).toString();
    const answer = await at.call(method.toUpperCase(), search ? `${to}?${search}` : to, options);
    const documented = operation.responses[answer.status];
    if (!documented) throw new Error(`${name} answered ${answer.status}, which is not documented`);
    const type = String(answer.headers['content-type']).replace(/;.*/, '');
    const media = documented.content[type];
    if (!media) throw new Error(`${name} ${answer.status} is ${type}, which is not documented`);
    const said = /json/.test(type) ? answer.body : answer.text;
    this.judge(`${name} ${answer.status}`, media.schema, said);
    this.seen.add(`${name} ${answer.status}`);
    return answer;
  }

  /** Makes the call that the document shows, with these parts of the path in place of the shown ones. */
  example(name: string, path: Made['path'] = {}, more: Made = {}): Promise<Answer> {
    const example: Example | undefined = examples[name];
    if (!example) throw new Error(`${name} has no example`);
    const { body, query } = example;
    return this.call(name, { query, body, ...more, path: { ...example.path, ...path } });
  }

  private compile(schema: object): ValidateFunction {
    const text = JSON.stringify(strict(schema)).replaceAll('"#/', '"andon#/');
    const fits = this.ajv.compile(JSON.parse(text));
    this.compiled.set(schema, fits);
    return fits;
  }

  /** @throws when the value is not what the schema says */
  judge(what: string, schema: object, value: unknown): void {
    const fits = this.compiled.get(schema) ?? this.compile(schema);
    if (fits(value)) return;
    throw new Error(
      `${what} is not as documented: ${this.ajv.errorsText(fits.errors)}\n${JSON.stringify(value).slice(0, 2_000)}`,
    );
  }
}
