import type { Answered } from './history.js';
import { breach, type Delivery, groupBy, type Item, type Rule, succeeded } from './story.js';

/** What an item causes is there once that is done and no sooner, and in its order; `invented` says that it is there once. */
export const caused: Rule = function* ({ items, whole }) {
  const seen = [...whole.values()].flatMap((queue) => queue.items).filter(leftTraces);
  const named = groupBy(seen, (item) => item.name);
  for (const item of items) {
    const [first] = item.deliveries.filter(causes).sort((a, b) => a.end.at - b.end.at);
    const last = new Map<string, Item>();
    for (const child of first?.end.caused ?? []) {
      const [one] = named.get(child.item) ?? [];
      const before = last.get(child.queue);
      const early = one?.deliveries.find(({ at }) => first && at < first.end.at);
      if (early)
        yield breach(one!, `started before ${item.name}, which causes it, was done`, early);
      if (one && before && one.id < before.id)
        yield breach(one, `changed places with ${before.name}, caused before it`, first);
      if (one) last.set(child.queue, one);
      else if (item.ends.at(-1)?.state === 'completed')
        yield breach(
          { ...child, name: child.item },
          `was caused by ${item.name} and is gone`,
          first,
        );
    }
  }
};

const leftTraces = ({ deliveries, ends }: Item): boolean => deliveries.length + ends.length > 0;

const causes = (delivery: Delivery): delivery is Delivery & { end: Answered } =>
  succeeded(delivery) && delivery.end?.did === 'answered' && delivery.end.caused !== undefined;
