/**
 * How large a connection's windows should be, from what arrives within a round trip. pure
 *
 * The estimator of gRPC: a PING is sent with the first data, what arrives until its answer is a sample
 * of the bandwidth-delay product. When a sample fills two thirds of the window and the bandwidth is
 * the highest seen, the window doubles the sample (gRFC A9; grpc-go `bdp_estimator.go`).
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
/** Between two samples, so that an idle trickle costs no PINGs. */
const PAUSE_MS = 100;

export class WindowEstimator {
  readonly #bounds: WindowBounds;
  #windowBytes: number;
  #sampling = false;
  #sampleBytes = 0;
  #sentMs = 0;
  #pauseUntilMs = 0;
  #bestBytesPerMs = 0;

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

  /** `bytes` came at `nowMs`; true when a PING should be sent, whose answer goes to {@link answered}. */
  received(bytes: number, nowMs: number): boolean {
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

  /** The PING was answered; true when the windows should grow. */
  answered(nowMs: number): boolean {
    if (!this.#sampling) return false;
    this.#sampling = false;
    const roundTripMs = Math.max(nowMs - this.#sentMs, 0.01);
    const bytesPerMs = this.#sampleBytes / roundTripMs;
    const fills = this.#sampleBytes >= this.#windowBytes * FILLED;
    if (!fills || bytesPerMs < this.#bestBytesPerMs) {
      this.#pauseUntilMs = nowMs + PAUSE_MS;
      return false;
    }
    this.#bestBytesPerMs = bytesPerMs;
    this.#windowBytes = Math.min(this.#sampleBytes * GROWTH, this.#bounds.connectionMaxBytes);
    return true;
  }
}
