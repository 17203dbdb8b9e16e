import type { Json, JsonObject } from '../../json.js';
import type { Cause, PartOfItem } from '../connector.js';
import { whatIsWrong, whatIsWrongWithImage, whatIsWrongWithVariant } from './rules.js';

/** What a demo shop or ERP answers: a status, and a sentence for the log or the error. */
export interface Reply {
  readonly status: number;
  readonly sentence: string;
  readonly cause?: Cause;
  /** What became of the product, each variant and each image. */
  readonly parts?: readonly PartOfItem[];
}

/** A part that an earlier attempt brought about. */
type Done = Pick<PartOfItem, 'kind' | 'key'>;

/** One thing that arrived. */
export interface Received {
  readonly key: string;
  readonly instruction: string;
  readonly entity: Json;
  readonly attempt: number;
  readonly fence: number;
  readonly at: string;
  /** What was answered: by the shop or, with `fault`, by the fault switch in front of it. */
  readonly status: number;
  readonly fault?: string;
}

/** Arrivals that are remembered; the oldest go first. */
const RECEIVED_MOST = 100_000;

const keyFields = {
  product: 'sku',
  variant: 'sku',
  order: 'orderNumber',
  customer: 'code',
} as const;
type Kind = keyof typeof keyFields;

/** What one demo shop or ERP keeps. */
export class DemoStore {
  private readonly place: string;
  private readonly received: Received[] = [];
  private readonly records: Readonly<Record<Kind, Map<string, JsonObject>>> = {
    product: new Map(),
    variant: new Map(),
    order: new Map(),
    customer: new Map(),
  };
  /** Their sources, by SKU. */
  private readonly images = new Map<string, Json[]>();
  /** By idempotency key: the highest fence seen, and whether it was carried out. */
  private readonly keys = new Map<string, { fence: number; completed: boolean }>();

  /** @param place how it calls itself: "shop", "ERP". */
  constructor(place: string) {
    this.place = place;
  }

  note(arrival: Received): void {
    this.received.push(arrival);
    if (this.received.length > RECEIVED_MOST) this.received.shift();
  }

  /** Carries an instruction out, once for each key; null when that key was completed before. */
  accept(
    key: string,
    fence: number,
    instruction: string,
    data: JsonObject,
    done: readonly Done[] = [],
  ): Reply | null {
    const known = this.keys.get(key) ?? { fence, completed: false };
    if (fence < known.fence)
      return { status: 409, sentence: `stale: fence ${fence} after fence ${known.fence}` };
    if (known.completed) {
      this.keys.set(key, { fence, completed: true });
      return null;
    }
    const reply = this.carryOut(instruction, data, done);
    this.keys.set(key, { fence, completed: reply.status === 200 });
    return reply;
  }

  completed(key: string): boolean {
    return this.keys.get(key)?.completed ?? false;
  }

  get view() {
    const { product, variant, order, customer } = this.records;
    return {
      products: Object.fromEntries(product),
      variants: Object.fromEntries(variant),
      images: Object.fromEntries(this.images),
      orders: Object.fromEntries(order),
      customers: Object.fromEntries(customer),
      received: this.received,
    };
  }

  private carryOut(instruction: string, data: JsonObject, done: readonly Done[]): Reply {
    if (instruction === 'clear_channel') return this.clear();
    const [, verb = '', kind] = pattern.exec(instruction) ?? [];
    if (kind === 'image') return this.image(verb, String(data.sku), data);
    if (instruction === 'add_product') return this.addProduct(data, done);
    if (isKind(kind)) return this.record(verb, kind, data);
    // What has no rules of its own still leaves a trace on its order.
    return data.orderNumber === undefined
      ? ok(`${instruction} done`)
      : this.record('sync', 'order', data);
  }

  private record(verb: string, kind: Kind, data: JsonObject): Reply {
    const wrong = whatIsWrong(verb, kind, data);
    if (wrong) return { status: 422, sentence: wrong };
    const field = keyFields[kind];
    if (data[field] === undefined) return { status: 422, sentence: `the ${kind} has no ${field}` };
    const key = String(data[field]);
    const records = this.records[kind];
    const known = records.get(key);
    if (verb === 'add' && known)
      return {
        status: 409,
        sentence: `${kind} ${key} is in this ${this.place} already`,
        cause: 'duplicate',
      };
    if ((verb === 'update' || verb === 'delete') && !known) return this.missing(`${kind} ${key}`);
    if (verb === 'delete') records.delete(key);
    else records.set(key, verb === 'add' ? data : { ...known, ...data });
    if (kind === 'product') this.variantsOf(verb, data, known);
    return ok(`${verb} of ${kind} ${key} done`);
  }

  /** The product, then each variant and each image by itself; what is done already is left alone. */
  private addProduct(data: JsonObject, done: readonly Done[]): Reply {
    const isDone = (kind: string, key: string) =>
      done.some((part) => part.kind === kind && part.key === key);
    const sku = String(data.sku);
    const parts: PartOfItem[] = [];
    const attempt = (kind: string, key: string, make: () => Reply): Reply => {
      if (isDone(kind, key)) return ok(`${kind} ${key} was there`);
      const reply = make();
      const failed = reply.status !== 200;
      parts.push({ kind, key, state: failed ? 'failed' : 'done', message: reply.sentence });
      return reply;
    };
    const { variants = [], images = [], ...product } = data;
    const first = attempt('product', sku, () => this.record('add', 'product', product));
    if (first.status !== 200) return { ...first, parts };
    const replies = [
      ...records(variants).map((variant) =>
        attempt('variant', String(variant.sku), () => this.addVariant(sku, variant)),
      ),
      ...records(images).map((image) =>
        attempt('image', String(image.src), () => this.addImage(sku, image)),
      ),
    ];
    this.records.product.set(sku, data);
    const failed = replies.find(({ status }) => status !== 200);
    return { ...(failed ?? ok(`add of product ${sku} done`)), parts };
  }

  private addVariant(product: string, variant: JsonObject): Reply {
    const wrong = whatIsWrongWithVariant(product, variant);
    return wrong ? { status: 422, sentence: wrong } : this.record('sync', 'variant', variant);
  }

  private addImage(sku: string, image: JsonObject): Reply {
    const wrong = whatIsWrongWithImage(image);
    return wrong ? { status: 422, sentence: wrong } : this.image('add', sku, image);
  }

  /** A product brings its variants along, and takes them with it. */
  private variantsOf(verb: string, data: JsonObject, known: JsonObject | undefined): void {
    const variants = (verb === 'delete' ? known : data)?.variants;
    if (!Array.isArray(variants)) return;
    for (const variant of variants) {
      if (!isRecord(variant) || variant.sku === undefined) continue;
      if (verb === 'delete') this.records.variant.delete(String(variant.sku));
      else this.records.variant.set(String(variant.sku), variant);
    }
  }

  private image(verb: string, sku: string, { src = null }: JsonObject): Reply {
    const known = this.images.get(sku) ?? [];
    if (verb === 'delete' && known.length === 0) return this.missing(`image of ${sku}`);
    const rest = src === null ? [] : known.filter((image) => image !== src);
    const images = verb === 'delete' ? rest : [...rest, src];
    if (images.length > 0) this.images.set(sku, images);
    else this.images.delete(sku);
    return ok(`${verb} of image of ${sku} done`);
  }

  private clear(): Reply {
    for (const kept of [this.records.product, this.records.variant, this.images]) kept.clear();
    return ok('cleared');
  }

  private missing(what: string): Reply {
    return { status: 404, sentence: `no ${what} in this ${this.place}` };
  }
}

const pattern = /^(add|update|delete|sync)_(?:product_)?(product|variant|image|order|customer)$/;

const ok = (sentence: string): Reply => ({ status: 200, sentence });

const isKind = (kind: string | undefined): kind is Kind => kind !== undefined && kind in keyFields;

const records = (list: Json): JsonObject[] =>
  Array.isArray(list)
    ? list.filter(isRecord).filter((one) => one.sku !== undefined || one.src !== undefined)
    : [];

const isRecord = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
