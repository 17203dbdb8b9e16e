import { z } from 'zod';

/** One field of a body or query, as people read it. */
export interface Field {
  /** With its way: `entity.kind`, `items[].data`. */
  readonly name: string;
  readonly kind: string;
  /** `required`, or what stands for it when it is left out. */
  readonly need: string;
  readonly about: string;
}

/** As much of JSON Schema as the schemas of the API make use of. */
interface Shape {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
}

/** What may also be null is told as what it is else. */
function unwrapped(shape: Shape): Shape {
  const others = shape.anyOf?.filter(({ type }) => type !== 'null') ?? [];
  const [only] = others;
  return only && others.length === 1 ? { ...only, ...shape } : shape;
}

const shapeOf = (schema: z.ZodType): Shape =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape;

/** Every field of a schema, those within objects and lists too. */
export const fieldsOf = (schema: z.ZodType): Field[] => within(shapeOf(schema));

/** Names of the fields that must be there. */
export const requiredOf = (schema: z.ZodType): readonly string[] => shapeOf(schema).required ?? [];

function within({ properties = {}, required = [] }: Shape, before = ''): Field[] {
  return Object.entries(properties).flatMap(([own, whole]) => {
    const shape = unwrapped(whole);
    const name = before + own;
    const inner = shape.items ? within(shape.items, `${name}[].`) : within(shape, `${name}.`);
    const field = {
      name,
      kind: kindOf(shape),
      need: required.includes(own) ? 'required' : fallbackOf(shape),
      about: shape.description ?? '',
    };
    return [field, ...inner];
  });
}

const fallbackOf = (shape: Shape): string =>
  shape.default === undefined ? 'optional' : `default ${JSON.stringify(shape.default)}`;

function kindOf(shape: Shape): string {
  if (shape.enum) return shape.enum.join(' | ');
  switch (shape.type) {
    case 'string':
      if (shape.format === 'date-time') return 'time, ISO 8601';
      if (shape.format === 'uri') return 'URL';
      return shape.maxLength ? `text, at most ${shape.maxLength} characters` : 'text';
    case 'integer':
      return `whole number${range(shape.minimum, shape.maximum)}`;
    case 'array':
      return shape.items?.enum
        ? `list of ${shape.items.enum.join(' | ')}`
        : `list${range(shape.minItems, shape.maxItems)}`;
    case 'boolean':
      return 'true or false';
    default:
      return shape.type ?? 'JSON';
  }
}

function range(least: number | undefined, most: number | undefined): string {
  if (most === undefined || most === Number.MAX_SAFE_INTEGER) return least ? ` from ${least}` : '';
  return ` from ${least ?? 0} to ${most}`;
}
