import { BadLine } from './bad-line.js';
import { csvRows } from './csv-rows.js';
import { type Product, ProductRows } from './shopify-product.js';

/** A product is named by its handle and nothing goes without a title; the rest may be missing. */
const needed = ['Handle', 'Title'];

/**
 * Products of a Shopify product CSV. A product is given out as soon as another handle begins, so
 * only one is held at a time; of the others no more than handle and line are remembered, to refuse
 * a handle that comes back: its product would have been sent without these rows.
 * @throws BadLine
 */
export async function* shopifyProducts(
  text: AsyncIterable<string>,
): AsyncGenerator<{ line: number; product: Product }> {
  const seen = new Map<string, number>();
  let rows: ProductRows | undefined;
  let line = 0;
  for await (const row of csvRows(text, needed)) {
    const handle = row.take('Handle').trim();
    if (handle === '') throw new BadLine(row.line, 'Handle', 'is empty');
    if (rows?.handle === handle) {
      rows.add(row);
      continue;
    }
    if (rows) yield { line, product: rows.finish() };
    const before = seen.get(handle);
    if (before !== undefined) {
      const detail = `"${handle}" was on line ${before} already: put all its rows one after another`;
      throw new BadLine(row.line, 'Handle', detail);
    }
    seen.set(handle, row.line);
    rows = new ProductRows(handle, row);
    line = row.line;
  }
  if (rows) yield { line, product: rows.finish() };
}
