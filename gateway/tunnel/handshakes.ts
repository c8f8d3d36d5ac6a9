/**
 * Who may begin a TLS handshake on port 4143: whoever connects is a stranger until it is over, and each
 * costs a signature. pure
 */
import { Bucket, type Rate } from '#core/bucket.ts';

/** Bounds of the handshakes a gateway begins. */
export const HANDSHAKES = {
  /** Connections that may be between accept and admission at once. */
  underWayMax: 256,
  /** How long one may take. */
  timeoutMs: 5_000,
  /** From one source; a peer's gateways behind one address share it. */
  perSource: { burst: 128, perSecond: 16 },
  /** From all sources. */
  overall: { burst: 1_024, perSecond: 256 },
  /** Sources remembered; the one not seen for longest goes first. */
  sourcesMax: 4_096,
} as const satisfies Record<string, Rate | number>;

/** Why a handshake is not begun. */
export type HandshakeRefusal =
  | 'HANDSHAKES_UNDER_WAY'
  | 'HANDSHAKES_OF_SOURCE'
  | 'HANDSHAKES_OVERALL';

export class HandshakeGate {
  readonly #overall = new Bucket(HANDSHAKES.overall);
  readonly #sources = new Map<string, Bucket>();
  #underWay = 0;

  /** Whether a handshake with `address` may begin; each that may must {@link leave} once. */
  enter(address: string, nowMs: number): HandshakeRefusal | undefined {
    if (this.#underWay >= HANDSHAKES.underWayMax) return 'HANDSHAKES_UNDER_WAY';
    // The source first: one that floods must not use up what is there for all.
    if (!this.#bucketOf(sourceOf(address)).take(nowMs)) return 'HANDSHAKES_OF_SOURCE';
    if (!this.#overall.take(nowMs)) return 'HANDSHAKES_OVERALL';
    this.#underWay += 1;
    return undefined;
  }

  leave(): void {
    this.#underWay -= 1;
  }

  #bucketOf(source: string): Bucket {
    let bucket = this.#sources.get(source);
    if (bucket === undefined) {
      bucket = new Bucket(HANDSHAKES.perSource);
      if (this.#sources.size >= HANDSHAKES.sourcesMax) {
        const oldest = this.#sources.keys().next().value;
        if (oldest !== undefined) this.#sources.delete(oldest);
      }
    } else this.#sources.delete(source);
    this.#sources.set(source, bucket);
    return bucket;
  }
}

/** An IPv6 host has a whole /64 to call from (RFC 4291 section 2.5.4). */
function sourceOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail = ''] = address.split('%')[0]?.split('::') ?? [];
  const before = head.split(':').filter(Boolean);
  const after = tail.split(':').filter(Boolean);
  const zeros = address.includes('::') ? Array(8 - before.length - after.length).fill('0') : [];
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}
