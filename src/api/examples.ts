/** A call as somebody would make it, and what it answers. */
export interface Example {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly answer: object;
}

const at = '2026-11-21T08:15:30.000Z';
const later = '2026-11-21T08:16:02.000Z';

const accepted = {
  queueId: 1042,
  queue: 'channel.12',
  mode: 'blocking',
  state: 'waiting',
  position: 3,
};

const product = {
  instruction: 'add_product',
  channel: '12',
  data: { sku: 'TSH-RED-M', title: 'Red T-shirt', price: '149.00' },
};

const failedItem = {
  queueId: 1042,
  queue: 'channel.12',
  mode: 'blocking',
  state: 'failed',
  instruction: 'add_product',
  description: 'Add product to Cape Shopify',
  title: 'TSH-RED-M',
  client: 'cape-traders',
  source: null,
  channel: '12',
  entity: { kind: 'sku', key: 'TSH-RED-M' },
  data: product.data,
  attempts: 1,
  tries: 1,
  position: 0,
  enqueuedAt: at,
  startedAt: at,
  finishedAt: later,
  error: { message: 'TSH-RED-M has no price', cause: 'data', status: 422, at: later },
  held: null,
  outcome: null,
  parts: [],
  progress: null,
  causedBy: null,
  caused: 0,
  history: [],
  request: null,
  traceId: null,
  recordUrl: 'https://admin.example.com/products?sku=TSH-RED-M',
};
const item = { ...failedItem, logs: [] };
const waitingItem = { ...item, state: 'waiting', finishedAt: null };
const acted = (action: string, more: object = {}) => ({
  history: [{ at: later, actor: 'key 5f2c1e', action, ...more }],
});

const counts = {
  waiting: 311,
  active: 0,
  backingOff: 0,
  failed: 1,
  completed: 8210,
  skipped: 4,
  resolved: 1,
};
const queue = {
  name: 'channel.12',
  kind: 'channel',
  mode: 'blocking',
  description: 'Cape Shopify',
  client: 'cape-traders',
  state: 'blocked',
  blocked: true,
  paused: false,
  pausedBy: null,
  heldUntil: null,
  heldReason: null,
  heldCause: null,
  heldKind: null,
  heldBy: null,
  heldSince: null,
  heldTimes: 0,
  overdue: false,
  blockedBy: {
    queueId: 1042,
    instruction: 'add_product',
    title: 'TSH-RED-M',
    error: 'TSH-RED-M has no price',
    cause: 'data',
    since: later,
  },
  counts,
  oldestWaitingAt: at,
  nextAttemptAt: null,
};
const openQueue = { ...queue, state: 'running', blocked: false, blockedBy: null };

const list = (...items: object[]) => ({ items, nextCursor: null });
const queueId = { queueId: '1042' };

const webhook = {
  id: 'ops',
  url: 'https://hooks.example.com/andon',
  description: 'Operations',
  client: null,
  events: ['order.created'],
  disabled: null,
};
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw5ZV7bWm0vLo=';

const key = {
  id: '5f2c1e8a90b4',
  description: 'the shop of Cape Traders',
  scopes: ['enqueue', 'read'],
  client: 'cape-traders',
  channels: null,
  sources: null,
  createdAt: at,
  lastUsedAt: null,
};

const user = {
  name: 'ann@cape.example',
  fullName: 'Ann Adams',
  role: 'operator',
  clients: ['cape-traders'],
  disabled: false,
  hasPassword: true,
  provider: null,
  createdAt: at,
  lastLoginAt: null,
};
const userName = { name: 'ann@cape.example' };

const recipient = { address: 'ann@cape.example', name: 'Ann' };
const alertList = {
  client: 'cape-traders',
  recipients: [recipient],
  successes: true,
  escalation: { afterMs: 7_200_000, recipients: [{ address: 'boss@cape.example', name: '' }] },
};
const override = {
  id: 'o5f2c1e8a',
  client: 'cape-traders',
  types: ['addSourceOrderError'],
  channels: [],
  sources: [],
  recipients: [{ address: 'sales@cape.example', name: '' }],
};
const newOverride = {
  client: 'cape-traders',
  types: ['addSourceOrderError'],
  recipients: ['sales@cape.example'],
};

const incident = {
  id: 7,
  state: 'open',
  error: 'TSH-RED-M has no price',
  cause: 'data',
  farSide: 'channel.12',
  away: false,
  since: later,
  lastFailureAt: later,
  overAt: null,
  failures: 1,
  open: 1,
  queues: ['channel.12'],
  clients: ['cape-traders'],
  claimedBy: null,
  claimedAt: null,
  snoozedUntil: null,
  snoozedBy: null,
  told: [
    {
      address: 'ann@cape.example',
      name: 'Ann',
      mails: [{ stage: 'first', at: later, queueId: 1043 }],
    },
  ],
};
const oneIncident = {
  ...incident,
  items: [
    {
      queueId: 1042,
      queue: 'channel.12',
      kind: 'failed',
      since: later,
      error: 'TSH-RED-M has no price',
    },
  ],
};
const incidentId = { id: '7' };

const connector = { type: 'http', url: 'https://connect.example.com/andon' };
const endpoint = (kind: string, id: string, description: string) => ({
  kind,
  id,
  description,
  client: null,
  connector: { ...connector, timeoutMs: 30_000 },
  retry: null,
  rateLimit: null,
  resendUnknown: false,
  recordUrl: null,
  queue: kind === 'service' ? null : `${kind}.${id}`,
});

/** The calls of one kind of endpoint are the same for each. */
function endpointExamples(
  kind: string,
  id: string,
  description: string,
  put: object = {},
): Record<string, Example> {
  const one = { ...endpoint(kind, id, description), ...put };
  const Kind = kind.replace(/^./, (letter) => letter.toUpperCase());
  return {
    [`${kind}s`]: { query: { limit: '50' }, answer: list(one) },
    [kind]: { path: { id }, answer: one },
    [`put${Kind}`]: {
      path: { id },
      body: { description, connector, ...put },
      answer: { ...one, secret },
    },
    [`delete${Kind}`]: { path: { id }, answer: one },
  };
}

/** One for each call, by its name. A test makes every one of them at a running Andon. */
export const examples: Readonly<Record<string, Example>> = {
  enqueue: { body: product, answer: accepted },
  enqueueBatch: {
    body: {
      items: [
        product,
        {
          ...product,
          instruction: 'add_image',
          data: { sku: 'TSH-RED-M', src: 'https://…/m.jpg' },
        },
      ],
    },
    answer: {
      items: [
        { ...accepted, replayed: false },
        { ...accepted, queueId: 1043, position: 4, replayed: false },
      ],
    },
  },
  search: { query: { state: 'failed', queue: 'channel.12' }, answer: list(failedItem) },
  item: { path: queueId, answer: item },
  edit: {
    path: queueId,
    body: { data: { sku: 'TSH-RED-M', title: 'Red T-shirt', price: '159.00' } },
    answer: {
      ...item,
      data: { ...product.data, price: '159.00' },
      ...acted('edit', { before: product.data }),
    },
  },
  retry: { path: queueId, answer: { ...waitingItem, ...acted('retry') } },
  skip: {
    path: queueId,
    body: { reason: 'discontinued', scope: 'entity' },
    answer: {
      ...item,
      state: 'skipped',
      position: null,
      outcome: { by: 'key 5f2c1e', at: later, reason: 'discontinued' },
      ...acted('skip', { reason: 'discontinued', scope: 'entity' }),
      skippedIds: [1042],
    },
  },
  undoSkip: {
    path: queueId,
    body: { reason: 'it is sold after all' },
    answer: { ...waitingItem, ...acted('undo-skip', { reason: 'it is sold after all' }) },
  },
  resolve: {
    path: queueId,
    body: { reference: 'INV-77', reason: 'entered by hand' },
    answer: {
      ...item,
      state: 'resolved',
      position: null,
      outcome: { by: 'key 5f2c1e', at: later, reason: 'entered by hand', reference: 'INV-77' },
      ...acted('resolve', { reference: 'INV-77' }),
    },
  },
  retryMany: {
    body: { queue: 'channel.12', error: 'has no price', canary: 1 },
    answer: {
      dryRun: false,
      matched: 12,
      remaining: 11,
      items: [{ ...failedItem, state: 'waiting', ...acted('retry') }],
    },
  },
  skipMany: {
    body: { queue: 'channel.12', error: 'has no price', dryRun: true },
    answer: { dryRun: true, matched: 1, remaining: 0, items: [failedItem] },
  },

  queues: { query: { limit: '50' }, answer: list(queue) },
  queue: { path: { name: 'channel.12' }, answer: queue },
  pause: {
    path: { name: 'channel.12' },
    body: { reason: 'stocktaking' },
    answer: {
      ...openQueue,
      state: 'paused',
      paused: true,
      pausedBy: { actor: 'key 5f2c1e', at: later, reason: 'stocktaking' },
    },
  },
  resume: { path: { name: 'channel.12' }, answer: openQueue },
  clear: {
    path: { name: 'channel.12' },
    body: { reason: 'the shop is rebuilt from a full export' },
    answer: { ...openQueue, counts: { ...counts, waiting: 0, skipped: 315 }, cleared: 311 },
  },
  fleet: { answer: { paused: null, running: 12 } },
  pauseFleet: {
    body: { reason: 'new Redis' },
    answer: { paused: { at: later, by: 'key 5f2c1e', reason: 'new Redis' }, running: 3 },
  },
  resumeFleet: { answer: { paused: null, running: 0 } },
  summary: {
    answer: {
      items: [
        {
          client: 'cape-traders',
          queue: 'channel.12',
          description: 'Cape Shopify',
          state: 'blocked',
          waiting: 311,
          failed: 1,
          blocked: true,
          cause: 'data',
          overdue: false,
          oldestWaitingAt: at,
        },
      ],
      totals: {
        queues: 1,
        blocked: 1,
        held: 0,
        overdue: 0,
        waiting: 311,
        failed: 1,
        oldestWaitingAt: at,
      },
    },
  },

  ...endpointExamples('channel', '12', 'Cape Shopify', {
    client: 'cape-traders',
    retry: { attempts: 3 },
    rateLimit: { max: 100, per: 'minute' },
    recordUrl: 'https://admin.example.com/products?sku={sku}',
  }),
  ...endpointExamples('source', 'sage', 'Sage of Cape Traders', { client: 'cape-traders' }),
  ...endpointExamples('service', 'fulfillment', 'Warehouse'),

  incidents: { query: { state: 'open' }, answer: list(incident) },
  incident: { path: incidentId, answer: oneIncident },
  claimIncident: {
    path: incidentId,
    answer: { ...oneIncident, claimedBy: 'key 5f2c1e', claimedAt: later },
  },
  releaseIncident: { path: incidentId, answer: oneIncident },
  snoozeIncident: {
    path: incidentId,
    body: { until: '2099-11-21T12:00:00Z' },
    answer: { ...oneIncident, snoozedUntil: '2099-11-21T12:00:00.000Z', snoozedBy: 'key 5f2c1e' },
  },
  notificationTypes: {
    answer: list({
      name: 'addChannelProductError',
      kind: 'error',
      narrowedBy: ['channel'],
      instruction: 'add_product',
      description: '"Add product to …" failed',
    }),
  },
  alertLists: { answer: list(alertList) },
  putAlertList: {
    body: {
      client: 'cape-traders',
      recipients: [{ address: 'ann@cape.example', name: 'Ann' }],
      escalation: { afterMs: 7_200_000, recipients: ['boss@cape.example'] },
    },
    answer: alertList,
  },
  overrides: { answer: list(override) },
  createOverride: { body: newOverride, answer: override },
  changeOverride: { path: { id: override.id }, body: newOverride, answer: override },
  deleteOverride: { path: { id: override.id }, answer: override },
  alertRoute: {
    query: { type: 'addSourceOrderError', client: 'cape-traders' },
    answer: {
      type: 'addSourceOrderError',
      client: 'cape-traders',
      channel: null,
      source: null,
      told: [
        {
          address: 'sales@cape.example',
          name: '',
          because: [{ type: 'addSourceOrderError', through: override.id }],
        },
      ],
      lost: [{ address: 'ann@cape.example', type: 'addSourceOrderError', override: override.id }],
      standIn: false,
    },
  },
  alertWarnings: {
    answer: list({
      type: 'no-recipients',
      client: 'dune',
      detail: 'nobody is told of what fails at the client "dune"',
    }),
  },

  webhooks: { query: { limit: '50' }, answer: list(webhook) },
  webhook: { path: { id: 'ops' }, answer: webhook },
  putWebhook: {
    path: { id: 'ops' },
    body: { url: webhook.url, description: 'Operations', events: ['order.created'] },
    answer: { ...webhook, secret },
  },
  rotateWebhook: {
    path: { id: 'ops' },
    body: { overlapHours: 24 },
    answer: { ...webhook, secret, formerSignsUntil: '2026-11-22T08:15:30.000Z' },
  },
  enableWebhook: { path: { id: 'ops' }, answer: webhook },
  deleteWebhook: { path: { id: 'ops' }, answer: webhook },

  createKey: {
    body: {
      scopes: ['enqueue', 'read'],
      description: 'the shop of Cape Traders',
      client: 'cape-traders',
    },
    answer: { ...key, key: '5f2c1e8a90b4.3kq0…' },
  },
  keys: { answer: list(key) },
  revokeKey: { path: { id: key.id }, answer: { id: key.id, revoked: true } },
  audit: {
    query: { limit: '50' },
    answer: list({
      id: '1795248962000-0',
      at: later,
      actor: 'user ann@cape.example',
      action: 'retry',
      queue: 'channel.12',
      queueId: 1042,
    }),
  },

  addUser: {
    body: {
      name: 'ann@cape.example',
      fullName: 'Ann Adams',
      role: 'operator',
      clients: ['cape-traders'],
    },
    answer: { ...user, password: 'Rk7…' },
  },
  users: { answer: list(user) },
  changeUser: {
    path: userName,
    body: { role: 'viewer' },
    answer: { ...user, role: 'viewer' },
  },
  newPassword: { path: userName, answer: { name: 'ann@cape.example', password: 'Rk7…' } },
  endSessions: { path: userName, answer: { ended: 2 } },
};
