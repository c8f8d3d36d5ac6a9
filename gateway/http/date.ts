/**
 * When an answer that says nothing of it came: its recipient notes that, and says so to whom it hands it on (RFC 9110
 * section 6.6.1).
 */

let second = Number.NaN;
let text = '';

/** The value of `Date` (IMF-fixdate, RFC 9110 section 5.6.7) at `wallMs` since the Unix epoch. Made once a second. */
export function httpDate(wallMs: number): string {
  const now = Math.floor(wallMs / 1_000);
  if (now !== second) {
    second = now;
    text = new Date(now * 1_000).toUTCString();
  }
  return text;
}
