import { parser } from '@prometheus-io/lezer-promql';

/** What a query names: a metric, the labels it is asked by, and what it is aggregated with, innermost first. */
export interface Named {
  readonly metric: string;
  /** Label → the value it must equal; null where it is grouped by, or matched otherwise. */
  readonly labels: ReadonlyMap<string, string | null>;
  readonly aggregations: readonly string[];
}

type Node = ReturnType<ReturnType<typeof parser.parse>['resolve']>;

const children = (node: Node): Node[] => {
  const found: Node[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) found.push(child);
  return found;
};

/** @throws when it is no PromQL, with the place */
export function namedIn(query: string): Named[] {
  const text = (node: Node) => query.slice(node.from, node.to);
  const found: Named[] = [];
  const visit = (node: Node, above: readonly string[], grouped: readonly string[]): void => {
    if (node.type.isError) throw new Error(`no PromQL at ${node.from}: ${query}`);
    if (node.name === 'VectorSelector') {
      const metric = node.getChild('Identifier');
      if (!metric) throw new Error(`a selector without a metric: ${query}`);
      const labels = new Map<string, string | null>(grouped.map((label) => [label, null]));
      for (const matcher of node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ??
        []) {
        const [name, operator, value] = children(matcher).map(text);
        labels.set(name ?? '', operator === '=' ? JSON.parse(value ?? '""') : null);
      }
      found.push({ metric: text(metric), labels, aggregations: above });
      return;
    }
    let [aggregations, labels] = [above, grouped];
    if (node.name === 'AggregateExpr') {
      const by = node.getChild('AggregateModifier')?.getChild('GroupingLabels');
      aggregations = [text(node.getChild('AggregateOp')!), ...above];
      labels = [...grouped, ...(by?.getChildren('LabelName') ?? []).map(text)];
    }
    for (const child of children(node)) visit(child, aggregations, labels);
  };
  visit(parser.parse(query).topNode, [], []);
  return found;
}

/** The text that Prometheus gets, as metric → label → values; histograms as `_bucket`, `_sum` and `_count`. */
export function readScrape(text: string): Map<string, Map<string, Set<string>>> {
  const metrics = new Map<string, Map<string, Set<string>>>();
  for (const line of text.split('\n')) {
    const [, name, inner = ''] = /^([a-z_0-9]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (!name) continue;
    const labels = metrics.get(name) ?? new Map<string, Set<string>>();
    metrics.set(name, labels);
    for (const [, label = '', value = ''] of inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
      labels.set(label, (labels.get(label) ?? new Set()).add(value));
  }
  return metrics;
}

/** One figure of a scrape; undefined where there is none. */
export function figureIn(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}
