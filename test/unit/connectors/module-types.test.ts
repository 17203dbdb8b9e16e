import { expect, it } from '@jest/globals';
import { alreadyDone, defineConnector, z } from '../../../src/connectors/module/author.js';

/** Checked by `npm run types`: each @ts-expect-error is an error that an author would be shown. */
const typed = defineConnector({
  options: z.object({ shop: z.url(), page: z.coerce.number() }),
  secrets: z.object({ token: z.string() }),
  ping(ctx) {
    ctx.options.page.toFixed();
    // @ts-expect-error there is no item in a ping
    ctx.item;
  },
  instructions: {
    add_product: {
      data: z.object({ sku: z.string(), price: z.coerce.number() }),
      async run(ctx) {
        const price: number = ctx.data.price;
        const token: string = ctx.secrets.token;
        // @ts-expect-error the schema has no title
        ctx.data.title;
        // @ts-expect-error the secrets have no password
        ctx.secrets.password;
        // @ts-expect-error a part is done or failed
        await ctx.report({ kind: 'image', key: 'a', state: 'half' });
        // @ts-expect-error a follow-up has data
        ctx.enqueue({ instruction: 'add_image' });
        return { price, token, key: ctx.idempotencyKey.length, attempt: ctx.attempt.toFixed() };
      },
      // @ts-expect-error verify must say what it found
      verify: async () => undefined,
    },
    add_order: {
      data: z.object({ orderNumber: z.string() }),
      run: (ctx) => ctx.data.orderNumber.length,
      verify: (ctx) => alreadyDone(ctx.data.orderNumber),
    },
  },
});

it('a connector is typed from its schemas to its handlers', () => {
  expect(Object.keys(typed.instructions)).toEqual(['add_product', 'add_order']);
});
