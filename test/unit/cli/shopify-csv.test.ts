import { createReadStream, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { shopifyProducts } from '../../../src/cli/import/shopify-csv.js';
import type { Product } from '../../../src/cli/import/shopify-product.js';
import { wholeLines } from '../../../src/cli/import/whole-lines.js';
import { chunksOf } from './fake-andon.js';

async function read(csv: string | Buffer, size?: number): Promise<Product[]> {
  const products: Product[] = [];
  for await (const { product } of shopifyProducts(wholeLines(chunksOf(csv, size))))
    products.push(product);
  return products;
}

async function first(csv: string | Buffer): Promise<Product> {
  const [product] = await read(csv);
  if (!product) throw new Error('no product');
  return product;
}

const head = 'Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src';

describe('real Shopify exports', () => {
  test.each(['apparel', 'home-and-garden'])(
    '%s: every handle, variant and image is there',
    async (name) => {
      const file = `examples/${name}.csv`;
      const rows = parse(readFileSync(file), { columns: true, bom: true }) as Record<
        string,
        string
      >[];
      const products: Product[] = [];
      for await (const { product } of shopifyProducts(wholeLines(createReadStream(file))))
        products.push(product);

      expect(products.map((p) => p.handle)).toEqual([...new Set(rows.map((row) => row['Handle']))]);
      expect(products.flatMap((p) => p.variants)).toHaveLength(
        rows.filter((row) => row['Option1 Value']).length,
      );
      expect(products.flatMap((p) => p.images).map((image) => image.src)).toEqual(
        rows.map((row) => row['Image Src']).filter(Boolean),
      );
      const skus = products.flatMap((p) => p.variants).map((variant) => variant.sku);
      expect(new Set(skus).size).toBe(skus.length);
      expect(products.flatMap((p) => p.variants).map((v) => v['price'])).toEqual(
        rows.map((row) => Number(row['Variant Price'])),
      );
    },
  );

  test('several rows of one handle are one product, numbers are numbers', async () => {
    const products = await read(readFileSync('examples/apparel.csv'), 1000);
    const top = products.find((p) => p.handle === 'classic-varsity-top');
    expect(top).toMatchObject({
      sku: 'classic-varsity-top',
      title: 'Classic Varsity Top',
      vendor: 'partners-demo',
      tags: ['women'],
      published: true,
      options: [{ name: 'Size', values: ['Small', 'Medium', 'Large'] }],
    });
    expect(top?.variants).toHaveLength(3);
    expect(top?.variants[1]).toMatchObject({
      sku: 'classic-varsity-top-medium',
      options: { Size: 'Medium' },
      price: 60,
      grams: 0,
      inventoryQty: 1,
      taxable: true,
    });
  });
});

describe('rows that make a product', () => {
  test('a product has the SKU of its first variant, or its handle', async () => {
    expect(await first(`${head}\ntee,Tee,Size,S,TEE-S,10,\ntee,,,M,TEE-M,10,\n`)).toMatchObject({
      sku: 'TEE-S',
      variants: [{ sku: 'TEE-S' }, { sku: 'TEE-M' }],
    });
    expect((await first(`${head}\ntee,Tee,Size,S,,10,\n`)).sku).toBe('tee');
  });

  test('a product without options has one variant, with the SKU of the handle', async () => {
    expect(await first(`${head}\ntee,Tee,Title,Default Title,,10,\n`)).toMatchObject({
      options: [],
      variants: [{ sku: 'tee', options: {}, price: 10 }],
    });
  });

  test('made-up SKUs keep letters of every script and never collide', async () => {
    const rows = 'tee,Tee,Size,Größe 1/2,,1,\ntee,,,Größe 1 2,,1,\ntee,,,红,,1,\n';
    const skus = (await first(`${head}\n${rows}`)).variants.map((v) => v.sku);
    expect(skus).toEqual(['tee-größe-1-2', 'tee-größe-1-2-2', 'tee-红']);
  });

  test('a row with only an image adds an image and no variant; a repeated image counts once', async () => {
    const rows = 'tee,Tee,Size,S,,1,http://i/1\ntee,,,,,,http://i/2\ntee,,,M,,1,http://i/1\n';
    const product = await first(`${head}\n${rows}`);
    expect(product.variants).toHaveLength(2);
    expect(product.images).toEqual([
      { src: 'http://i/1', position: 1 },
      { src: 'http://i/2', position: 2 },
    ]);
  });

  test('columns that nobody knows are kept under extra, with what their row made', async () => {
    const rows = 'tee,Tee,Size,S,,1,,wool,\ntee,,,M,,1,,linen,x\n';
    const product = await first(`${head},Fabric,Blank\n${rows}`);
    expect(product['extra']).toEqual({ Fabric: 'wool' });
    expect(product.variants[1]?.['extra']).toEqual({ Fabric: 'linen', Blank: 'x' });
  });

  test('quoted line breaks, doubled quotes, a byte order mark and CRLF are read', async () => {
    const csv =
      '\uFEFFHandle,Title,Body (HTML)\r\ntee,"Tee ""One""","<p>a\r\nb,c</p>"\r\ncap,Cap,\r\n';
    for (const size of [1, 2, 3, 1000]) {
      const products = await read(csv, size);
      expect(products).toHaveLength(2);
      expect(products[0]).toMatchObject({ title: 'Tee "One"', bodyHtml: '<p>a\nb,c</p>' });
      expect(products[1]).not.toHaveProperty('bodyHtml');
    }
  });

  test('blank rows and a missing last line break do no harm', async () => {
    expect(await read('Handle,Title\n\ntee,Tee\n,\n\ncap,Cap')).toHaveLength(2);
  });

  test('products are given out before the file has ended', async () => {
    async function* endless() {
      yield 'Handle,Title\n';
      for (let n = 0; ; n += 1) yield `h${n},T${n}\n`;
    }
    let read = 0;
    for await (const _ of shopifyProducts(endless())) {
      read += 1;
      if (read === 500) break;
    }
    expect(read).toBe(500);
  });
});

describe('what is wrong is named by line and column', () => {
  const cases: [string, string, RegExp][] = [
    ['an empty file', '', /^line 1: the file is empty/],
    [
      'missing columns',
      'Name,Price\nx,1\n',
      /^line 1: the header has no column "Handle", "Title"$/,
    ],
    ['another separator', 'Handle;Title\nx;y\n', /separated by ";", not by commas/],
    [
      'a doubled column',
      'Handle,Title,Title\nx,y,z\n',
      /^line 1, column "Title": stands in the header twice/,
    ],
    [
      'a price in words',
      `${head}\na,A,Size,S,,1,\nb,B,Size,S,,ten,\n`,
      /^line 3, column "Variant Price": "ten" is not a number/,
    ],
    [
      'a price with thousands',
      `${head}\na,A,Size,S,,"1,299.00",\n`,
      /^line 2, column "Variant Price": "1,299.00"/,
    ],
    [
      'half a piece',
      'Handle,Title,Variant Inventory Qty\na,A,1.5\n',
      /column "Variant Inventory Qty": "1.5" is not a whole/,
    ],
    [
      'a yes that is none',
      'Handle,Title,Published\na,A,maybe\n',
      /^line 2, column "Published": "maybe" is not true or false/,
    ],
    ['no handle', 'Handle,Title\n,A\n', /^line 2, column "Handle": is empty/],
    ['no title', 'Handle,Title,Vendor\na,,V\n', /^line 2, column "Title": is empty/],
    [
      'another title',
      'Handle,Title,Option1 Name,Option1 Value\na,A,S,1\na,B,S,2\n',
      /^line 3, column "Title": differs/,
    ],
    [
      'a handle that comes back',
      'Handle,Title\na,A\nb,B\na,A\n',
      /^line 4, column "Handle": "a" was on line 2 already/,
    ],
    [
      'the same variant twice',
      `${head}\na,A,Size,S,X,1,\na,,,S,Y,1,\n`,
      /^line 3, column "Option1 Value": is the variant of line 2 again/,
    ],
    [
      'an option without a name',
      'Handle,Title,Option1 Value\na,A,Red\n',
      /^line 2, column "Option1 Name": is empty/,
    ],
    ['a cell too many', 'Handle,Title\na,A,x\n', /^line 2: has 3 cells where the header has 2/],
    [
      'an open quote',
      'Handle,Title\na,A\nb,"B\nc,C\n',
      /^line 3: a quote that opens here is never closed/,
    ],
    [
      'a quote within a cell',
      'Handle,Title\na,A\nb,B"b\n',
      /^line 3: a quote stands within a cell/,
    ],
    [
      'a line behind quoted breaks',
      'Handle,Title,Published\r\na,"A\r\nA\r\nA",true\r\nb,B,no\r\n',
      /^line 5, column "Published"/,
    ],
  ];
  test.each(cases)('%s', async (_, csv, message) => {
    await expect(read(csv)).rejects.toThrow(message);
  });

  test('bytes that are not UTF-8, such as an Excel file of Windows-1252', async () => {
    const csv = Buffer.concat([Buffer.from('Handle,Title\na,Ä\nb,'), Buffer.from([0xc4, 0x0a])]);
    await expect(read(csv)).rejects.toThrow('line 3: is not UTF-8');
  });
});
