/**
 * How large a connection's windows should be, from what arrives within a round trip. pure
 *
 * The estimator of gRPC: a PING is sent with the first data, what arrives until its answer is a sample
 * of the bandwidth-delay product. When a sample fills two thirds of the window and the bandwidth is
 * the highest seen, the window doubles the sample (gRFC A9; grpc-go `bdp_estimator.go`), but for what has only waited:
 * the shortest round trip says how much can be on its way.
 */

/** Bounds of the windows. */
export interface WindowBounds {
  readonly streamMinBytes: number;
  readonly streamMaxBytes: number;
  readonly connectionMaxBytes: number;
}

const FILLED = 2 / 3;
/** Samples are pointless once nothing can grow; and one at a time is enough. */
const GROWTH = 2;
/**
 * The window a short path grows to at most: some milliseconds of what two gateways on one machine carry. What is larger
 * would only lie in the buffers of the systems between them, before whatever others send.
 */
export const SHORT_PATH_BYTES = 256 * 1024;
/** What is open of the connection's window while others ask for little: that much stands before each of them at most. */
export const COMPANY_BYTES = 64 * 1024;
/** The round trip up to which that carries tens of megabytes a second; on a longer way it would hold back whoever sends much. */
const COMPANY_WITHIN_MS = 1;
/** Clocks are not finer. */
const SHORTEST_MS = 0.01;
/** Between two samples, so that an idle trickle costs no PINGs. */
const PAUSE_MS = 100;
/** A way may have become longer since: then the next round trip on which little else came says how long it is. */
export const SHORTEST_FOR_MS = 300_000;
/** So little between two signs of life that nothing has waited for it. */
const LITTLE_BYTES = 16 * 1024;

export class WindowEstimator {
  readonly #bounds: WindowBounds;
  #windowBytes: number;
  #sampling = false;
  #sampleBytes = 0;
  #sentMs = 0;
  #pauseUntilMs = 0;
  #bestBytesPerMs = 0;
  #shortestMs = Number.POSITIVE_INFINITY;
  #shortestAtMs = 0;
  /** Came since the last sign of life. */
  #sinceBytes = 0;

  constructor(bounds: WindowBounds) {
    this.#bounds = bounds;
    this.#windowBytes = bounds.streamMinBytes;
  }

  /** What a stream's window should be, in bytes. */
  get streamBytes(): number {
    return Math.min(this.#windowBytes, this.#bounds.streamMaxBytes);
  }

  /** What the connection's should be: the product itself, of which one stream may not get all. */
  get connectionBytes(): number {
    return Math.min(this.#windowBytes * GROWTH, this.#bounds.connectionMaxBytes);
  }

  /** How much of the connection's window should be open while others ask for little, if they are `inCompany`. */
  openBytes(inCompany: boolean): number {
    return inCompany && this.#shortestMs <= COMPANY_WITHIN_MS
      ? COMPANY_BYTES
      : Number.POSITIVE_INFINITY;
  }

  /** `bytes` came at `nowMs`; true when a PING should be sent, whose answer goes to {@link answered}. */
  received(bytes: number, nowMs: number): boolean {
    this.#sinceBytes += bytes;
    if (this.#sampling) {
      this.#sampleBytes += bytes;
      return false;
    }
    if (nowMs < this.#pauseUntilMs || this.#windowBytes >= this.#bounds.connectionMaxBytes)
      return false;
    this.#sampling = true;
    this.#sampleBytes = bytes;
    this.#sentMs = nowMs;
    return true;
  }

  /** The shortest round trip there was lately; infinite before one is known. */
  get shortestMs(): number {
    return this.#shortestMs;
  }

  /** A sign of life that was asked for every now and then came at `nowMs`, `ms` later. */
  tookMs(ms: number, nowMs: number): void {
    const wasQuiet = this.#sinceBytes < LITTLE_BYTES;
    this.#sinceBytes = 0;
    if (wasQuiet && nowMs - this.#shortestAtMs > SHORTEST_FOR_MS) {
      this.#shortestMs = Number.POSITIVE_INFINITY;
      // What was fastest on the shorter way is no measure for the longer one.
      this.#bestBytesPerMs = 0;
    }
    this.#shorten(ms, nowMs);
  }

  #shorten(ms: number, nowMs: number): void {
    if (ms > this.#shortestMs) return;
    this.#shortestMs = Math.max(ms, SHORTEST_MS);
    this.#shortestAtMs = nowMs;
  }

  /** The PING was answered; true when the windows should grow. */
  answered(nowMs: number): boolean {
    if (!this.#sampling) return false;
    this.#sampling = false;
    const roundTripMs = Math.max(nowMs - this.#sentMs, SHORTEST_MS);
    this.#shorten(roundTripMs, nowMs);
    const bytesPerMs = this.#sampleBytes / roundTripMs;
    const fills = this.#sampleBytes >= this.#windowBytes * FILLED;
    if (!fills || bytesPerMs < this.#bestBytesPerMs) {
      this.#pauseUntilMs = nowMs + PAUSE_MS;
      return false;
    }
    this.#bestBytesPerMs = bytesPerMs;
    // A round trip under load is mostly waiting, and waits the longer the larger the window: only the shortest counts.
    const product = Math.max(bytesPerMs * this.#shortestMs * GROWTH, SHORT_PATH_BYTES);
    const bytes = Math.min(this.#sampleBytes * GROWTH, product);
    if (bytes <= this.#windowBytes) {
      this.#pauseUntilMs = nowMs + PAUSE_MS;
      return false;
    }
    this.#windowBytes = Math.min(bytes, this.#bounds.connectionMaxBytes);
    return true;
  }
}
