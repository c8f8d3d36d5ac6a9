/**
 * When an answer that says nothing of it came: its recipient notes that, and says so to whom it hands it on (RFC 9110
 * section 6.6.1).
 */
import type { Clock } from '#core/clock.ts';

const SECOND_MS = 1_000;
const NO_LINE = Buffer.alloc(0);

/** What `Date` says, made once a second: most answers of a second ask for it. */
export class Dates {
  readonly #clock: Clock;
  #text = '';
  #line = NO_LINE;
  /** When the second ends, by the monotonic clock. */
  #endsMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Its value now (IMF-fixdate, RFC 9110 section 5.6.7). */
  get text(): string {
    this.#renew();
    return this.#text;
  }

  /** The same as a whole line of HTTP/1. */
  get line(): Buffer {
    this.#renew();
    return this.#line;
  }

  #renew(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#endsMs) return;
    const wallMs = this.#clock.wallMs();
    this.#endsMs = nowMs + SECOND_MS - (wallMs % SECOND_MS);
    this.#text = new Date(wallMs).toUTCString();
    this.#line = Buffer.from(`date: ${this.#text}\r\n`, 'latin1');
  }
}
