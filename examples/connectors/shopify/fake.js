/** A shop that answers the few GraphQL calls of connector.js as Shopify does, with its faults. */
import { listen, readBody } from '../far-side.js';

export const TOKEN = 'shpat_5ca1ab1e';
const COST = 10;

export async function startFake() {
  const shop = {
    products: new Map(),
    /** Changes that arrived: {part} for variants and images. */
    arrivals: [],
    /** down, error, silent, refuse, throttle: what is the matter with it. */
    fault: null,
    /** Points in the bucket, as Shopify counts them. */
    bucket: { maximumAvailable: 2000, currentlyAvailable: 2000, restoreRate: 100 },
    /** Addresses that no image can be fetched from. */
    badImages: new Set(),
  };
  const server = await listen(async (request, response) => {
    const { query, variables = {} } = JSON.parse(await readBody(request));
    if (shop.fault === 'silent') return;
    const send = (status, body) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (shop.fault === 'error') return send(500, { errors: 'Internal Server Error' });
    if (request.headers['x-shopify-access-token'] !== TOKEN)
      return send(401, { errors: 'Invalid API key' });
    const cost = { requestedQueryCost: COST, throttleStatus: shop.bucket };
    if (shop.bucket.currentlyAvailable < COST)
      return send(200, {
        errors: [{ message: 'Throttled', extensions: { code: 'THROTTLED' } }],
        extensions: { cost },
      });
    send(200, { data: answer(shop, query, variables), extensions: { cost } });
  });
  return { ...server, shop };
}

function answer(shop, query, variables) {
  if (query.includes('productByIdentifier(')) {
    const found = shop.products.get(variables.handle);
    return { productByIdentifier: found ? view(found) : null };
  }
  if (query.includes('productCreate(')) {
    const { handle, title } = variables.product;
    shop.arrivals.push({});
    if (shop.fault === 'refuse' || /too long/.test(title))
      return {
        productCreate: {
          product: null,
          userErrors: [error('title', 'Title is too long', 'INVALID')],
        },
      };
    if (shop.products.has(handle))
      return {
        productCreate: {
          product: null,
          userErrors: [error('handle', 'Handle has already been taken', 'TAKEN')],
        },
      };
    const id = `gid://shopify/Product/${shop.products.size + 1}`;
    shop.products.set(handle, { id, title, variants: [], images: [] });
    return { productCreate: { product: { id }, userErrors: [] } };
  }
  if (query.includes('productVariantsBulkCreate(')) {
    const product = byId(shop, variables.id);
    for (const { inventoryItem, price } of variables.variants) {
      shop.arrivals.push({ part: { kind: 'variant', key: inventoryItem.sku } });
      if (Number(price) < 0)
        return {
          productVariantsBulkCreate: {
            userErrors: [error('price', 'Price must be 0 or more', 'INVALID')],
          },
        };
      product.variants.push(inventoryItem.sku);
    }
    return { productVariantsBulkCreate: { userErrors: [] } };
  }
  if (query.includes('productUpdate(')) {
    const [{ originalSource }] = variables.media;
    shop.arrivals.push({ part: { kind: 'image', key: originalSource } });
    if (shop.badImages.has(originalSource))
      return {
        productUpdate: { userErrors: [error('media', 'Image cannot be downloaded', 'INVALID')] },
      };
    byId(shop, variables.product.id).images.push(originalSource);
    return { productUpdate: { userErrors: [] } };
  }
  if (query.includes('productDelete(')) {
    for (const [handle, { id }] of shop.products)
      if (id === variables.input.id) shop.products.delete(handle);
    return { productDelete: { deletedProductId: variables.input.id, userErrors: [] } };
  }
  return { shop: { name: 'Cape Shop' } };
}

const byId = (shop, id) => [...shop.products.values()].find((one) => one.id === id);

const error = (field, message, code) => ({ field: [field], message, code });

const view = ({ id, variants, images }) => ({
  id,
  variants: { nodes: variants.map((sku) => ({ sku })) },
  media: { nodes: images.map((alt) => ({ alt })) },
});
