import type { Json, JsonObject } from '../../json.js';
import { BadLine } from './bad-line.js';
import type { Row } from './csv-rows.js';
import { imageColumns, productColumns, variantColumns } from './shopify-columns.js';

export type Variant = JsonObject & { sku: string; options: Record<string, string> };
export type Image = JsonObject & { src: string; position: number };
export type Product = JsonObject & {
  sku: string;
  title: string;
  handle: string;
  tags: string[];
  options: { name: string; values: string[] }[];
  variants: Variant[];
  images: Image[];
};

/** Shopify takes 2,048 variants and 250 images; more rows of one handle are a broken file. */
const MOST_ROWS = 5_000;
const OPTIONS = [1, 2, 3];

/** Gathers the rows of one handle: the first makes the product, each a variant, an image, or both. */
export class ProductRows {
  readonly handle: string;
  private readonly fields: JsonObject;
  private readonly title: string;
  private readonly repeated = new Map<string, string>();
  private readonly extra: Record<string, string>;
  private readonly optionNames = new Map<number, string>();
  private readonly options = new Map<string, Set<string>>();
  private readonly variants = new Map<
    string,
    { line: number; fields: JsonObject; options: Record<string, string> }
  >();
  private readonly images = new Map<string, Image>();
  private rows = 0;

  constructor(handle: string, first: Row) {
    this.handle = handle;
    for (const column of ['Title', ...Object.keys(productColumns)])
      this.repeated.set(column, first.peek(column));
    this.title = first.take('Title');
    if (this.title === '')
      throw new BadLine(first.line, 'Title', `is empty in the first row of "${handle}"`);
    this.fields = first.takeAll(productColumns);
    this.addVariant(first);
    this.addImage(first);
    this.extra = first.rest();
  }

  /** A later row; what it says about the whole product must not differ from the first. */
  add(row: Row): void {
    this.rows += 1;
    if (this.rows > MOST_ROWS)
      throw new BadLine(row.line, 'Handle', `"${this.handle}" has more than ${MOST_ROWS} rows`);
    if (row.peek('Title') !== '' && row.peek('Title') !== this.title)
      throw new BadLine(row.line, 'Title', `differs from the first row of "${this.handle}"`);
    for (const [column, text] of this.repeated) if (row.peek(column) === text) row.take(column);
    const isVariant = ['Option1 Value', 'Variant SKU', 'Variant Price'].some(
      (c) => row.peek(c) !== '',
    );
    const variant = isVariant ? this.addVariant(row) : undefined;
    const image = this.addImage(row);
    const rest = row.rest();
    if (Object.keys(rest).length === 0) return;
    // Kept with what the row made, so that nothing that the file says is dropped.
    const owner = variant ?? image;
    if (owner) owner['extra'] = rest;
    else throw new BadLine(row.line, Object.keys(rest)[0], 'belongs to no variant and no image');
  }

  finish(): Product {
    const variants = this.namedVariants();
    const given = [...this.variants.values()][0]?.fields['sku'];
    return {
      sku: typeof given === 'string' ? given : this.handle,
      title: this.title,
      handle: this.handle,
      tags: [],
      ...this.fields,
      options: [...this.options].map(([name, values]) => ({ name, values: [...values] })),
      variants,
      images: [...this.images.values()],
      ...(Object.keys(this.extra).length > 0 && { extra: this.extra }),
    };
  }

  private addVariant(row: Row): JsonObject {
    const options = this.takeOptions(row);
    const fields = row.takeAll(variantColumns);
    const same = JSON.stringify(options);
    const twin = this.variants.get(same);
    if (twin) {
      const values = Object.values(options).join(' / ') || 'no options';
      throw new BadLine(
        row.line,
        'Option1 Value',
        `is the variant of line ${twin.line} again (${values})`,
      );
    }
    this.variants.set(same, { line: row.line, fields, options });
    return fields;
  }

  private takeOptions(row: Row): Record<string, string> {
    const options: Record<string, string> = {};
    for (const n of OPTIONS) {
      const name = row.take(`Option${n} Name`).trim() || this.optionNames.get(n) || '';
      const value = row.take(`Option${n} Value`).trim();
      if (name) this.optionNames.set(n, name);
      // Shopify's way of saying that the product has no options.
      if (value === '' || (n === 1 && value === 'Default Title')) continue;
      if (name === '')
        throw new BadLine(row.line, `Option${n} Name`, `is empty, but has the value "${value}"`);
      if (name === '__proto__') throw new BadLine(row.line, `Option${n} Name`, 'cannot be used');
      options[name] = value;
      this.options.set(name, (this.options.get(name) ?? new Set()).add(value));
    }
    return options;
  }

  private addImage(row: Row): JsonObject | undefined {
    if (row.peek('Image Src') === '') return undefined;
    const fields = row.takeAll(imageColumns);
    const src = String(fields['src']);
    // Some exports repeat the picture in the row of every variant.
    const known = this.images.get(src);
    if (known) return known;
    const image: Image = { position: this.images.size + 1, ...fields, src };
    this.images.set(src, image);
    return image;
  }

  /** A variant without a SKU gets one of the handle and its options, different from its neighbours'. */
  private namedVariants(): Variant[] {
    const rows = [...this.variants.values()];
    const taken = new Set<Json | undefined>(rows.map(({ fields }) => fields['sku']));
    return rows.map(({ fields, options }) => {
      if (typeof fields['sku'] === 'string') return { ...fields, sku: fields['sku'], options };
      const base = [this.handle, ...Object.values(options).map(slug)].filter(Boolean).join('-');
      let sku = base;
      for (let n = 2; taken.has(sku); n += 1) sku = `${base}-${n}`;
      taken.add(sku);
      return { sku, ...fields, options };
    });
  }
}

/** `Navy / XL` → `navy-xl`; letters of any script stay. */
export const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}]+/gu, '-')
    .replaceAll(/^-|-$/g, '');
