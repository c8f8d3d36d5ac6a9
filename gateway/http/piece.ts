/**
 * Content that waits, piece by piece. Small pieces are put together: else a byte each would cost fifty. pure
 */

/** `bytes[from, to)`. */
export interface Piece {
  readonly bytes: Buffer;
  from: number;
  to: number;
}

/** Pieces up to this length are copied behind the one before. */
const COPY_BYTES_MAX = 1_024;
const GATHERED_BYTES = 8 * 1_024;

/** Buffers of ours, which have room behind their piece. */
const ours = new WeakSet<Buffer>();

/** Adds `bytes[from, to)` to `pieces`. */
export function addPiece(pieces: Piece[], bytes: Buffer, from: number, to: number): void {
  const size = to - from;
  const last = pieces.at(-1);
  if (size > COPY_BYTES_MAX || last === undefined) {
    pieces.push({ bytes, from, to });
    return;
  }
  if (last.bytes.length - last.to >= size && ours.has(last.bytes)) {
    bytes.copy(last.bytes, last.to, from, to);
    last.to += size;
    return;
  }
  const gathered = Buffer.allocUnsafeSlow(GATHERED_BYTES);
  ours.add(gathered);
  bytes.copy(gathered, 0, from, to);
  pieces.push({ bytes: gathered, from: 0, to: size });
}
