import { z } from 'zod';
import { json, named, page, queueId, time } from './shape.js';

export const auditLine = named(
  'AuditLine',
  z
    .object({
      id: z.string(),
      at: time,
      actor: z.string(),
      action: z.string(),
      queue: z.string().nullable(),
      queueId: queueId.nullable(),
    })
    .catchall(json),
);
export const auditPage = page('AuditPage', auditLine);
