import type { Json } from '../../json.js';
import { BadLine } from './bad-line.js';

export type CellKind = 'text' | 'code' | 'number' | 'whole' | 'yes-no' | 'list';
/** Column → field of ours, and what its cells hold. */
export type Columns = Readonly<Record<string, readonly [field: string, kind: CellKind]>>;

/** Stand in a product's first row. */
export const productColumns: Columns = {
  'Body (HTML)': ['bodyHtml', 'text'],
  Vendor: ['vendor', 'text'],
  Type: ['type', 'text'],
  Tags: ['tags', 'list'],
  Published: ['published', 'yes-no'],
  Status: ['status', 'text'],
  'Gift Card': ['giftCard', 'yes-no'],
  'SEO Title': ['seoTitle', 'text'],
  'SEO Description': ['seoDescription', 'text'],
};

export const variantColumns: Columns = {
  'Variant SKU': ['sku', 'code'],
  'Variant Price': ['price', 'number'],
  'Variant Compare At Price': ['compareAtPrice', 'number'],
  'Cost per item': ['costPerItem', 'number'],
  'Variant Grams': ['grams', 'number'],
  'Variant Weight Unit': ['weightUnit', 'code'],
  'Variant Inventory Tracker': ['inventoryTracker', 'code'],
  'Variant Inventory Qty': ['inventoryQty', 'whole'],
  'Variant Inventory Policy': ['inventoryPolicy', 'code'],
  'Variant Fulfillment Service': ['fulfillmentService', 'code'],
  'Variant Requires Shipping': ['requiresShipping', 'yes-no'],
  'Variant Taxable': ['taxable', 'yes-no'],
  'Variant Tax Code': ['taxCode', 'code'],
  'Variant Barcode': ['barcode', 'code'],
  'Variant Image': ['image', 'code'],
};

export const imageColumns: Columns = {
  'Image Src': ['src', 'code'],
  'Image Position': ['position', 'whole'],
  'Image Alt Text': ['alt', 'text'],
};

/** What a cell holds, as JSON; texts keep their blanks, codes do not. */
export function readCell(line: number, column: string, cell: string, kind: CellKind): Json {
  const text = cell.trim();
  const wrong = (what: string) =>
    new BadLine(line, column, `${JSON.stringify(text)} is not ${what}`);
  switch (kind) {
    case 'text':
      return cell;
    case 'code':
      return text;
    case 'list':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean);
    case 'yes-no':
      if (!/^(true|false)$/i.test(text)) throw wrong('true or false');
      return text.toLowerCase() === 'true';
    case 'number':
      if (!/^-?\d{1,15}(\.\d+)?$/.test(text)) throw wrong('a number such as 1299.50');
      return Number(text);
    case 'whole':
      if (!/^-?\d{1,15}(\.0+)?$/.test(text)) throw wrong('a whole number');
      return Number(text);
  }
}
