/**
 * Which of the known words somebody may have meant. pure
 */

/** More typing errors than this are another word. */
const EDITS_MAX = 2;
/** More names than this nobody reads. */
const LISTED_MAX = 12;

/** `names` for a message: the first few, and how many more there are. */
export function listed(names: readonly string[]): string {
  const more = names.length - LISTED_MAX;
  return `${names.slice(0, LISTED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** The word of `known` that is closest to `word`; `undefined` where none is close. */
export function similarTo(word: string, known: readonly string[]): string | undefined {
  const limit = Math.min(EDITS_MAX, word.length - 1);
  const scored = known.map((each) => ({ each, edits: editsBetween(word, each) }));
  const [best] = scored.sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits <= limit ? best.each : undefined;
}

/** Letters added, taken away, replaced or swapped with their neighbour (optimal string alignment). */
function editsBetween(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swaps = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = swaps ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced, swapped);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
