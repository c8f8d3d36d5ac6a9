/**
 * Where two clusters differ: a clause that one keeps and the other breaks, an answer that is not the same.
 * pure
 */
import { deepEqual, isObject, type Json } from '#devcluster/values/json.ts';
import type { ContractCase, Exemption } from './case.ts';
import type { Outcome } from './run.ts';

/** One difference. */
export interface Difference {
  /** The case in which it was seen. */
  readonly name: string;
  /** What differs: a verdict, or the path of a value in an answer. */
  readonly what: string;
  readonly embedded: string;
  readonly kubernetes: string;
  /** Set where the embedded server differs on purpose. */
  readonly exemption: Exemption | undefined;
}

/** Longest value shown. */
const SHOWN_MAX = 160;

/** Every difference between the outcomes of the same cases on two clusters. */
export function compare(
  cases: readonly Pick<ContractCase, 'name' | 'exemption'>[],
  embedded: readonly Outcome[],
  kubernetes: readonly Outcome[],
): Difference[] {
  return cases.flatMap(({ name, exemption }, at): Difference[] => {
    const [ours, theirs] = [embedded[at], kubernetes[at]];
    if (!ours || !theirs) return [];
    if (exemption !== undefined) {
      const what = 'the embedded server differs on purpose';
      return [{ name, what, embedded: 'accepted', kubernetes: 'refused', exemption }];
    }
    if (ours.verdict === 'skipped' || theirs.verdict === 'skipped') return [];
    if (ours.verdict !== theirs.verdict) {
      const said = ({ verdict, reason }: Outcome) =>
        shown(reason === '' ? verdict : `${verdict}: ${reason.split('\n')[0]}`);
      const verdicts = { embedded: said(ours), kubernetes: said(theirs) };
      return [{ name, what: 'verdict', ...verdicts, exemption }];
    }
    const labels = new Set([...ours.records.keys(), ...theirs.records.keys()]);
    return [...labels].flatMap((label) =>
      unequal(ours.records.get(label), theirs.records.get(label), label).map((each) => ({
        name,
        ...each,
        exemption,
      })),
    );
  });
}

/** The paths at which two values differ, the shortest ones. */
function unequal(
  a: Json | undefined,
  b: Json | undefined,
  path: string,
): Pick<Difference, 'what' | 'embedded' | 'kubernetes'>[] {
  if (deepEqual(a, b)) return [];
  if (isObject(a) && isObject(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].flatMap((key) => unequal(a[key], b[key], `${path}.${key}`));
  }
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    return a.flatMap((each, at) => unequal(each, b[at], `${path}[${at}]`));
  }
  const text = (value: Json | undefined) =>
    value === undefined ? 'absent' : shown(JSON.stringify(value));
  return [{ what: path, embedded: text(a), kubernetes: text(b) }];
}

function shown(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX - 1)}…` : text;
}
