import { z } from 'zod';
import { addressesSchema } from './address.js';

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
      to: addressesSchema,
      cc: addressesSchema.optional(),
      bcc: addressesSchema.optional(),
      replyTo: addressesSchema.optional(),
      subject: text.max(500),
      text: text.optional(),
      html: text.optional(),
      /** One of the templates in config/mail, in place of text and html; `values` fill it in. */
      template: text.max(64).optional(),
      values: z.record(z.string(), z.json()).optional(),
      /** Mails of one thread are shown together: an order number, an incident. */
      thread: text.max(200).optional(),
      attachments: z
        .array(
          z.strictObject({
            filename: text.max(200),
            contentType: text.max(100).optional(),
            content: z.base64('must be base64'),
          }),
        )
        .max(20)
        .optional(),
    })
    .refine((mail) => [mail.text, mail.html, mail.template].some((each) => each !== undefined), {
      error: 'a mail needs text, html or a template',
      path: ['text'],
    }),
  webhook: z.looseObject({ endpoint: text, event: text }),
} satisfies Record<string, z.ZodType>;

export type DataSchemaName = keyof typeof dataSchemas;
