import type { Catalogue, CatalogueEntry } from '../instructions/catalogue.js';

/** What one can be told of: the name that recipients route by, and by what that can be narrowed. */
export interface NotificationType {
  readonly name: string;
  readonly kind: 'error' | 'success';
  /** An override of this type may name channels, sources, both or neither. */
  readonly narrowedBy: readonly ('channel' | 'source')[];
  /** Whose failure or success it tells; null for `queueError`, which concerns all that block. */
  readonly instruction: string | null;
  readonly description: string;
}

/** A queue stands: its head failed, or its far side has been away for long. */
export const QUEUE_ERROR = 'queueError';

/** Names that customers know from before; every other failing instruction is `<instruction>Error`. */
const knownErrors: Readonly<Record<string, string>> = {
  add_product: 'addChannelProductError',
  add_image: 'addChannelImageError',
  add_variant: 'addChannelVariantError',
  add_order: 'addSourceOrderError',
  sync_products: 'getSourceProductsError',
  sync_order: 'syncOrderError',
};

const successes: Readonly<Record<string, { name: string; description: string }>> = {
  add_order: { name: 'addSourceOrder', description: 'An order was created at its source' },
  sync_products: { name: 'getSourceProducts', description: 'Products were fetched from a source' },
  sync_order: { name: 'queueOrder', description: 'An order of a channel was taken over' },
  send_email: {
    name: 'emailPricelist',
    description: 'A price list was mailed: a send_email with an entity of kind "pricelist"',
  },
};

/** `update_product` → `updateProductError`, where there is no name from before. */
export const errorTypeOf = (instruction: string): string =>
  knownErrors[instruction] ??
  `${instruction.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())}Error`;

/** Instructions whose success may be told. */
export const toldSuccesses: readonly string[] = Object.keys(successes);

/** The type that tells of an item's success, or null where nobody is told. */
export function successTypeOf(instruction: string, entity: string): string | null {
  if (instruction === 'send_email' && !entity.startsWith('pricelist:')) return null;
  return successes[instruction]?.name ?? null;
}

export const isSuccess = (type: string): boolean =>
  Object.values(successes).some(({ name }) => name === type);

/** Every type there is, derived from the catalogue. */
export function notificationTypes(catalogue: Catalogue): ReadonlyMap<string, NotificationType> {
  const types: NotificationType[] = [
    {
      name: QUEUE_ERROR,
      kind: 'error',
      narrowedBy: ['channel', 'source'],
      instruction: null,
      description: 'A queue stands: its head failed, or its far side has been away for long',
    },
  ];
  for (const name of catalogue.names) {
    const entry = catalogue.get(name);
    if (!entry) continue;
    const common = { narrowedBy: narrowing(entry), instruction: name };
    types.push({
      ...common,
      name: errorTypeOf(name),
      kind: 'error',
      description: `"${plain(entry)}" failed`,
    });
    const success = successes[name];
    if (success) types.push({ ...common, ...success, kind: 'success' });
  }
  return new Map(types.map((type) => [type.name, type]));
}

/** An order comes from a channel and goes to a source, whoever carries it out. */
function narrowing(entry: CatalogueEntry): NotificationType['narrowedBy'] {
  if (entry.entity === 'order') return ['channel', 'source'];
  return entry.target ? [entry.target] : [];
}

const plain = (entry: CatalogueEntry): string =>
  entry.description
    .replaceAll('{{channel_description}}', '…')
    .replaceAll('{{source_description}}', '…');
