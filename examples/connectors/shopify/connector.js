/**
 * A channel that speaks GraphQL as Shopify does: copy it to ./connectors and change it.
 *
 * What it shows: a cost bucket (THROTTLED becomes a hold of the right length), `userErrors` as failures
 * that a person understands, a look-up by handle (nothing is made twice), variants and images as parts.
 */
import {
  alreadyDone,
  defineConnector,
  fail,
  hold,
  notThere,
  retry,
  unknown,
  z,
} from 'andon/connector';

const product = z.looseObject({
  sku: z.string(),
  title: z.string(),
  handle: z.string().optional(),
  variants: z.array(z.looseObject({ sku: z.string(), price: z.coerce.string() })).default([]),
  images: z.array(z.object({ src: z.url() })).default([]),
});

const FIND = `query find($handle: String!) {
  productByIdentifier(identifier: { handle: $handle }) {
    id
    variants(first: 250) { nodes { sku } }
    media(first: 250) { nodes { alt } }
  }
}`;
const CREATE = `mutation create($product: ProductCreateInput!) {
  productCreate(product: $product) { product { id } userErrors { field message code } }
}`;
const ADD_VARIANT = `mutation addVariant($id: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkCreate(productId: $id, variants: $variants) { userErrors { field message code } }
}`;
const ADD_IMAGE = `mutation addImage($product: ProductUpdateInput!, $media: [CreateMediaInput!]) {
  productUpdate(product: $product, media: $media) { userErrors { field message code } }
}`;
const DELETE = `mutation delete($input: ProductDeleteInput!) {
  productDelete(input: $input) { deletedProductId userErrors { field message code } }
}`;

/** The shop finds products by handle, so the handle has to follow from the SKU alone. */
const handleOf = ({ handle, sku }) => handle ?? sku.toLowerCase().replace(/[^a-z0-9]+/g, '-');

/** One call. `reads`: it changes nothing, so it may be sent again at any time. */
async function graphql(ctx, query, variables, { reads = false } = {}) {
  const response = await ctx.fetch(`${ctx.options.shop}/admin/api/2026-10/graphql.json`, {
    method: 'POST',
    reads,
    headers: {
      'content-type': 'application/json',
      'x-shopify-access-token': ctx.secrets.accessToken,
    },
    body: JSON.stringify({ query, variables }),
  });
  const { status } = response;
  if (status === 401 || status === 403)
    throw fail('the shop refuses the access token', { cause: 'credentials', status });
  if (status === 429) {
    const seconds = Number(response.headers.get('retry-after')) || 2;
    throw hold('the shop asks for fewer calls', { forMs: seconds * 1000, status });
  }
  if (status >= 500) {
    // Of a change that ended in an error of the server nobody knows whether it was made.
    throw (reads ? retry : unknown)(`the shop answered ${status}`, { status });
  }
  const answer = await response.json().catch(() => {
    throw fail('the shop answered a page instead of JSON: is options.shop right?', {
      cause: 'bug',
      status,
    });
  });
  const [error] = answer.errors ?? [];
  if (error?.extensions?.code === 'THROTTLED') throw throttled(answer.extensions?.cost);
  if (error) throw fail(`the shop: ${error.message}`, { cause: causeOf(error.extensions?.code) });
  return answer.data;
}

/** The bucket fills by `restoreRate` points a second: so long until this call fits in. */
function throttled(cost) {
  const { requestedQueryCost = 100, throttleStatus = {} } = cost ?? {};
  const { currentlyAvailable = 0, restoreRate = 100 } = throttleStatus;
  const missing = Math.max(1, requestedQueryCost - currentlyAvailable);
  const forMs = Math.ceil((missing / restoreRate) * 1000);
  return hold(`the shop throttles: ${missing} points missing`, { forMs });
}

const causeOf = (code = '') => {
  if (code === 'ACCESS_DENIED') return 'credentials';
  if (/NOT_UNIQUE|TAKEN|DUPLICATED/.test(code)) return 'duplicate';
  return 'data';
};

/** What the shop has against it, in its own words; null when it has nothing. */
function complaint({ userErrors }) {
  if (userErrors.length === 0) return null;
  const message = userErrors.map((one) => one.message).join('; ');
  return { message, cause: causeOf(userErrors[0].code) };
}

const find = async (ctx) =>
  (await graphql(ctx, FIND, { handle: handleOf(ctx.data) }, { reads: true })).productByIdentifier;

async function create(ctx) {
  const { sku, title } = ctx.data;
  const product = { handle: handleOf(ctx.data), title };
  const { productCreate } = await graphql(ctx, CREATE, { product });
  const wrong = complaint(productCreate);
  if (wrong) throw fail(wrong.message, wrong);
  await ctx.report({ kind: 'product', key: sku, state: 'done', message: productCreate.product.id });
  return { id: productCreate.product.id, variants: { nodes: [] }, media: { nodes: [] } };
}

/** Variants and images, each by itself: what one of them lacks does not keep the others out. */
const partsOf = ({ variants, images }, id) => [
  ...variants.map(({ sku, price }) => ({
    kind: 'variant',
    key: sku,
    has: (there) => there.variants.nodes.some((one) => one.sku === sku),
    query: ADD_VARIANT,
    variables: { id, variants: [{ price, inventoryItem: { sku } }] },
    answer: 'productVariantsBulkCreate',
  })),
  ...images.map(({ src }) => ({
    kind: 'image',
    key: src,
    has: (there) => there.media.nodes.some((one) => one.alt === src),
    query: ADD_IMAGE,
    variables: {
      product: { id },
      media: [{ originalSource: src, alt: src, mediaContentType: 'IMAGE' }],
    },
    answer: 'productUpdate',
  })),
];

async function addProduct(ctx) {
  const found = await find(ctx);
  const there = found ?? (await create(ctx));
  const parts = partsOf(ctx.data, there.id);
  const left = parts.filter((part) => !ctx.isDone(part.kind, part.key) && !part.has(there));
  if (found && left.length === 0) return alreadyDone({ id: there.id });

  const failed = [];
  for (const [n, part] of left.entries()) {
    const data = await graphql(ctx, part.query, part.variables);
    const wrong = complaint(data[part.answer]);
    const { kind, key } = part;
    await ctx.report(
      wrong ? { kind, key, state: 'failed', message: wrong.message } : { kind, key, state: 'done' },
    );
    if (wrong) failed.push({ ...wrong, message: `${kind} ${key}: ${wrong.message}` });
    ctx.progress(Math.round(((n + 1) / left.length) * 100));
  }
  if (failed.length > 0) throw fail(failed.map((one) => one.message).join('; '), failed[0]);
  ctx.log(`${parts.length} variants and images of ${ctx.data.sku} are in the shop`);
  return { id: there.id };
}

async function deleteProduct(ctx) {
  const there = await find(ctx);
  if (!there) return alreadyDone();
  const { productDelete } = await graphql(ctx, DELETE, { input: { id: there.id } });
  const wrong = complaint(productDelete);
  if (wrong) throw fail(wrong.message, wrong);
  return { deleted: there.id };
}

export default defineConnector({
  options: z.object({ shop: z.url() }),
  secrets: z.object({ accessToken: z.string() }),
  async ping(ctx) {
    await graphql(ctx, '{ shop { name } }', {}, { reads: true });
  },
  instructions: {
    add_product: {
      data: product,
      run: addProduct,
      async verify(ctx) {
        const there = await find(ctx);
        const whole = there && partsOf(ctx.data, there.id).every((part) => part.has(there));
        return whole ? alreadyDone({ id: there.id }) : notThere();
      },
    },
    delete_product: {
      data: z.looseObject({ sku: z.string() }),
      run: deleteProduct,
      verify: async (ctx) => ((await find(ctx)) ? notThere() : alreadyDone()),
    },
  },
});
