/**
 * Label selectors (metav1.LabelSelector). pure
 */

/** A requirement on one label. */
export interface SelectorRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[] | undefined;
}

export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined;
  readonly matchExpressions?: readonly SelectorRequirement[] | undefined;
}

type Labels = Readonly<Record<string, string>>;

/**
 * Whether `labels` satisfy `selector`. DESIGN, "Resources": an absent selector selects everything, a
 * present and empty one nothing.
 */
export function selects(selector: Selector | undefined, labels: Labels): boolean {
  if (selector === undefined) return true;
  const equal = Object.entries(selector.matchLabels ?? {});
  const expressions = selector.matchExpressions ?? [];
  if (equal.length === 0 && expressions.length === 0) return false;
  return (
    equal.every(([key, value]) => labels[key] === value) &&
    expressions.every((each) => holds(each, labels[each.key]))
  );
}

function holds(requirement: SelectorRequirement, value: string | undefined): boolean {
  const { operator, values = [] } = requirement;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
