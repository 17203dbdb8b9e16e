/** What every contender carries: the same small product, so that none has less to store. */
export const INSTRUCTION = 'add_product';

export const dataOf = (queue, n) => ({
  sku: `SKU-${queue}-${n}`,
  title: `Product ${n} of queue ${queue}`,
  price: '19.90',
  n,
});

export const numberOf = (data) => data.n;
