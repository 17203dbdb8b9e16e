import { z } from 'zod';

/**
 * The least that the data of an instruction must hold. Loose on purpose: fields not named here
 * pass through to the connector untouched.
 */
const text = z.string().trim().min(1, 'must not be empty');
const sku = text.max(255);
const product = z.looseObject({ sku });
const image = z.looseObject({ sku });

export const dataSchemas = {
  anything: z.looseObject({}),
  product,
  new_product: product.extend({ title: text }),
  variant: z.looseObject({ sku }),
  image,
  image_to_add: image.extend({ src: text }),
  order: z.looseObject({ orderNumber: z.union([text.max(255), z.number()]) }),
  customer: z.looseObject({ code: z.union([text.max(255), z.number()]) }),
  email: z
    .looseObject({
      to: z.union([text, z.array(text).min(1)]),
      subject: text,
      text: text.optional(),
      html: text.optional(),
    })
    .refine((mail) => mail.text !== undefined || mail.html !== undefined, {
      error: 'a mail needs text or html',
      path: ['text'],
    }),
  webhook: z.looseObject({ endpoint: text, event: text }),
} satisfies Record<string, z.ZodType>;

export type DataSchemaName = keyof typeof dataSchemas;
