import { faultsIn } from '../config/faults.js';
import { InvalidInput } from '../errors.js';
import type { Catalogue } from '../instructions/catalogue.js';
import { dataSchemas } from '../instructions/data.js';
import { type Entity, entityOf, entityText, titleOf } from '../instructions/entity.js';
import type { JsonObject } from '../json.js';
import type { Item } from '../queues/item.js';

/**
 * What new data changes in an item: an entity or title that came with the item, not from its data, stays.
 * @throws InvalidInput when the data does not fit the instruction
 */
export function edited(
  catalogue: Catalogue,
  item: Item,
  data: JsonObject,
): { data: JsonObject; title: string; entity: Entity | null } {
  const entry = catalogue.get(item.instruction);
  if (!entry) return { data, title: item.title, entity: item.entity };
  const faults = faultsIn(dataSchemas[entry.data], data, '/data');
  if (faults.length > 0) throw new InvalidInput(faults);
  const [was, is] = [entityOf(entry, item.data), entityOf(entry, data)];
  const given = item.entity && (!was || entityText(was) !== entityText(item.entity));
  const entity = given ? item.entity : (is ?? item.entity);
  const named = item.title !== titleOf(item.entity, item.data);
  return { data, entity, title: named ? item.title : titleOf(entity, data) };
}
