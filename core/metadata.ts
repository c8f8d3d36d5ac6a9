/**
 * Labels and annotations of an export: what of them travels to peers, and onto mirrors. pure
 *
 * One rule for whoever tells, hears and merges, so that all of them see the same. What Kubernetes would refuse on a
 * mirror is left out, not the export that has it.
 */
import { isLabelValue, isQualifiedName, quotable } from './names.ts';

/** Bounds on the labels of one export, and on its annotations. */
export const METADATA_LIMITS = {
  entriesMax: 64,
  annotationCharactersMax: 4_096,
  /** Keys and values together, in UTF-8. Kubernetes allows 256 KiB an object, and a catalog has 10,000. */
  metadataBytesMax: 16 * 1024,
} as const;

/** Prefixes whose labels and annotations never travel (DESIGN: resources). */
const PRIVATE_PREFIX = /^([^/]*\.)?(kubernetes\.io|k8s\.io|isthmus\.dev)\//;
/** A key in a message is cut here. */
const SHOWN_MAX = 80;

type Entries = Readonly<Record<string, string>>;

/** What travels, and what does not though it was meant to, each with the reason. */
export interface Travelling {
  readonly kept: Record<string, string>;
  readonly leftOut: readonly string[];
}

/** The labels of an export that travel. */
export function travellingLabels(labels: Entries | undefined): Travelling {
  return travelling('exportedLabels', labels, (value) =>
    isLabelValue(value) ? undefined : 'is not the value of a label',
  );
}

/** The annotations of an export that travel. */
export function travellingAnnotations(annotations: Entries | undefined): Travelling {
  const max = METADATA_LIMITS.annotationCharactersMax;
  return travelling('exportedAnnotations', annotations, (value) => {
    const { length } = value;
    if (length > max) return `has ${length} characters, at most ${max} are told`;
    // JSON in Go turns half a surrogate pair into U+FFFD: what is stored would never be what was applied.
    return value.isWellFormed() ? undefined : 'is not well-formed Unicode';
  });
}

function travelling(
  field: string,
  entries: Entries | undefined,
  problemOf: (value: string) => string | undefined,
): Travelling {
  const kept: [string, string][] = [];
  const leftOut: string[] = [];
  let bytes = 0;
  const { entriesMax, metadataBytesMax } = METADATA_LIMITS;
  // In one order, so that everybody keeps the same of what is too much.
  for (const [key, value] of Object.entries(entries ?? {}).sort(byKey)) {
    if (PRIVATE_PREFIX.test(key)) continue;
    const size = Buffer.byteLength(key) + Buffer.byteLength(value);
    const problem = !isQualifiedName(key)
      ? 'is not a qualified name'
      : (problemOf(value) ??
        (kept.length >= entriesMax
          ? `comes after ${entriesMax} others`
          : bytes + size > metadataBytesMax
            ? `makes them more than ${metadataBytesMax} bytes`
            : undefined));
    if (problem === undefined) {
      kept.push([key, value]);
      bytes += size;
    } else {
      leftOut.push(`${field}["${quotable(key, SHOWN_MAX)}"] ${problem}`);
    }
  }
  return { kept: Object.fromEntries(kept), leftOut };
}

function byKey([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
