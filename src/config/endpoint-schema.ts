import { z } from 'zod';

/** Ids of channels, sources, services and clients. */
export const idSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "_" or "-"');

/** Automatic retries of an item within one run, as far as somebody sets them. */
export const retrySettingsSchema = z
  .strictObject({
    /** Starts in one run, the first included. */
    attempts: z.int().min(1).max(1_000),
    /** Wait after the first failed attempt; doubles each time. Milliseconds. */
    firstDelayMs: z.int().min(0).max(86_400_000),
    /** No wait is longer. Milliseconds. */
    maxDelayMs: z.int().min(0).max(86_400_000),
  })
  .partial()
  .meta({ description: 'Automatic retries; the default is 5 attempts over about 2 minutes.' });
export type RetrySettings = Readonly<z.infer<typeof retrySettingsSchema>>;
export type RetryPolicy = Required<RetrySettings>;

/** What nobody has set: 8 + 16 + 32 + 64 seconds of waiting between 5 attempts. */
export const standardRetry: RetryPolicy = {
  attempts: 5,
  firstDelayMs: 8_000,
  maxDelayMs: 64_000,
};

/**
 * Mails and webhooks wait for servers that may be away for a weekend: 3 days at the least, first after
 * 10 seconds, then at most 15 minutes apart, so that they leave soon after such a server is back.
 */
export const patientRetry: RetryPolicy = {
  attempts: 368,
  firstDelayMs: 10_000,
  maxDelayMs: 900_000,
};

/** Periods of rate limits, in milliseconds. */
export const ratePeriods = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
} as const;

/** At most `max` items start in any span of a `per`, over all worker processes. */
export const rateLimitSchema = z
  .strictObject({
    max: z.int().min(1).max(10_000),
    per: z.enum(Object.keys(ratePeriods) as (keyof typeof ratePeriods)[]),
  })
  .meta({ description: 'how many items may start, as {"max": 100, "per": "minute"}' });
export type RateLimit = Readonly<z.infer<typeof rateLimitSchema>>;

/**
 * A channel, source or service as a user writes it, whole; its connector's settings are checked by the connector's
 * type. What is null or not there is not set.
 */
export const endpointSchema = z.strictObject({
  description: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .meta({ description: 'what people read, as Cape Shopify' }),
  client: idSchema.nullish().meta({ description: 'whose it is' }),
  connector: z
    .looseObject({ type: z.string().meta({ description: 'http, module, demo …' }) })
    .meta({ description: 'how it is reached; the settings depend on the type' }),
  retry: retrySettingsSchema.nullish(),
  rateLimit: rateLimitSchema.nullish(),
  /** Orders too are sent again when nobody knows whether they arrived: the far side knows the idempotency key. */
  resendUnknown: z.boolean().optional().meta({
    description:
      'send orders too again when nobody knows whether they arrived: the far side knows the idempotency key',
  }),
  /** Where the record can be seen: `{key}` and `{sku}`, `{orderNumber}` … are filled in from the item. */
  recordUrl: z
    .url({ protocol: /^https?$/ })
    .nullish()
    .meta({ description: 'where the record can be seen; {key}, {sku} … are filled in' }),
});
export type EndpointInput = z.infer<typeof endpointSchema>;
