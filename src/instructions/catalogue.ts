import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type DataSchemaName, dataSchemas } from './data.js';

const entrySchema = z.strictObject({
  instruction: z.string().regex(/^[a-z][a-z_]*$/),
  /** What operators read; `{{channel_description}}` and `{{source_description}}` are filled in. */
  description: z.string(),
  /** Decides alone where the item queues: its channel's or source's queue, or the parallel one. */
  mode: z.enum(['blocking', 'non-blocking']),
  target: z.enum(['channel', 'source']).nullable(),
  /** Who carries it out when it has no target. */
  service: z.string().optional(),
  entity: z.enum(['product', 'variant', 'image', 'order', 'customer']).nullable(),
  /**
   * What it does to its entity; `add` ends a "skip until the next add", nothing is superseded across
   * add and delete. An image belongs to the SKU of its product, so adding one is an update of that.
   */
  barrier: z.enum(['add', 'update', 'delete', 'other']),
  /**
   * What follows when nobody knows whether it was carried out. `safe`: sent again, since twice comes to the
   * same as once. `verify`: only after a look, or a person's word: twice would be a second order.
   */
  resend: z.enum(['safe', 'verify']).default('safe'),
  data: z.enum(Object.keys(dataSchemas) as [DataSchemaName, ...DataSchemaName[]]),
});

export type CatalogueEntry = Readonly<z.infer<typeof entrySchema>>;
export type Mode = CatalogueEntry['mode'];

/** Every instruction that Andon knows, by name. */
export class Catalogue {
  private readonly entries: ReadonlyMap<string, CatalogueEntry>;

  constructor(entries: readonly CatalogueEntry[]) {
    this.entries = new Map(entries.map((entry) => [entry.instruction, Object.freeze(entry)]));
  }

  get(instruction: string): CatalogueEntry | undefined {
    return this.entries.get(instruction);
  }

  get names(): string[] {
    return [...this.entries.keys()];
  }

  /** Sentences about names that are no instructions; `where` they stand. */
  strangers(names: readonly string[], where: string): string[] {
    return names
      .filter((name) => !this.entries.has(name))
      .map((name) => `${where} names the instruction "${name}", which there is not.`);
  }

  /** Names of the instructions that add an entity. */
  get adds(): string[] {
    return this.names.filter((name) => this.get(name)?.barrier === 'add');
  }

  /** Names of those that only somebody who says why leaves undone. */
  get grave(): string[] {
    return this.names.filter((name) => this.isGrave(name));
  }

  /** Whether leaving it undone sets two systems apart for good: an add, a delete, a clear, an order. */
  isGrave(instruction: string): boolean {
    const barrier = this.get(instruction)?.barrier;
    return barrier === 'add' || barrier === 'delete';
  }
}

/** Reads `config/instructions.json`, which ships with the program. Throws when it is not well-formed. */
export function loadCatalogue(
  file: URL = new URL('../../config/instructions.json', import.meta.url),
): Catalogue {
  return new Catalogue(z.array(entrySchema).parse(JSON.parse(readFileSync(file, 'utf8'))));
}

/** Fills the template of an entry with the words of its channel or source. */
export function describe(
  entry: CatalogueEntry,
  names: { channel?: string | null; source?: string | null },
): string {
  return entry.description
    .replaceAll('{{channel_description}}', names.channel ?? 'an unknown channel')
    .replaceAll('{{source_description}}', names.source ?? 'an unknown source');
}
