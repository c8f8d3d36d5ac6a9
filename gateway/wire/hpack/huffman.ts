/**
 * The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B).
 *
 * The code is canonical: the lengths alone define it, so the lengths are all that is written down and
 * the codes follow. Decoding takes eight bits a step: a table says for every (node of the code tree,
 * byte) which symbols come out (two at most, for the shortest code has five bits) and which node is next.
 */
import { HpackError } from './error.ts';

/** Code lengths of the symbols 0 to 255 and of EOS: one base-36 digit each, sixteen a line. */
const LENGTHS = [
  'dnsssssssoussuss',
  'ssssssusssssssss',
  '6aacd68baa8b8666',
  '555666666678f6ca',
  'd677777777777777',
  '77777777878djde6',
  'f565656665776665',
  '67655677777fbeds',
  'kmkkmmmnmnnnnnon',
  'oomnonnnnlmnmnno',
  'mlkmmnnlnmmolmnn',
  'llmlnmnnkmmmnmmn',
  'qqkjmnmpqqqrrqop',
  'jlqrrqrollqqsrrr',
  'koklmllnmmppooqn',
  'qrqqrrrrrsrrrrrq',
  'u', // EOS
].join('');
const EOS = 256;

const CODES = new Uint32Array(257);
const BITS = Uint8Array.from(LENGTHS, (digit) => Number.parseInt(digit, 36));

/** An entry of STEPS: bits 0–7 first symbol, 8–15 second, 16–17 their count, 18 EOS met, 24–31 next node. */
const STEPS = new Int32Array(256 * 256);
const COUNT_SHIFT = 16;
const EOS_FLAG = 1 << 18;
const NODE_SHIFT = 24;
/** Nodes in which a string may end: the root, and up to seven ones on the way to EOS. */
const MAY_END = new Uint8Array(256);

buildTables();

/** Bytes that `text` takes in this code; infinite where a character is no byte. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code > 255) throw new HpackError('CHARACTER');
    bits += BITS[code] as number;
  }
  return (bits + 7) >>> 3;
}

/** Writes `text` (bytes as characters) at `at`, padded with ones; the position after it. */
export function huffmanWrite(text: string, out: Buffer, at: number): number {
  let pending = 0;
  let count = 0;
  let to = at;
  for (let index = 0; index < text.length; index += 1) {
    const symbol = text.charCodeAt(index);
    let code = CODES[symbol] as number;
    let bits = BITS[symbol] as number;
    // At most 7 bits are pending, so codes of up to 24 bits fit into 31 together with them.
    if (bits > 24) {
      const low = bits - 24;
      pending = (pending << 24) | (code >>> low);
      count += 24;
      while (count >= 8) {
        count -= 8;
        out[to] = pending >>> count;
        to += 1;
      }
      pending &= (1 << count) - 1;
      code &= (1 << low) - 1;
      bits = low;
    }
    pending = (pending << bits) | code;
    count += bits;
    while (count >= 8) {
      count -= 8;
      out[to] = pending >>> count;
      to += 1;
    }
    pending &= (1 << count) - 1;
  }
  if (count > 0) {
    out[to] = (pending << (8 - count)) | (0xff >>> count);
    to += 1;
  }
  return to;
}

/** Decoded bytes of `bytes[from, to)`, at most 8/5 of them, into `out`; returns how many. */
export function huffmanRead(bytes: Buffer, from: number, to: number, out: Buffer): number {
  let node = 0;
  let length = 0;
  for (let at = from; at < to; at += 1) {
    const step = STEPS[(node << 8) | (bytes[at] as number)] as number;
    const count = (step >>> COUNT_SHIFT) & 3;
    if (count > 0) {
      out[length] = step & 0xff;
      if (count > 1) out[length + 1] = (step >>> 8) & 0xff;
      length += count;
    }
    if ((step & EOS_FLAG) !== 0) throw new HpackError('HUFFMAN_EOS');
    node = step >>> NODE_SHIFT;
  }
  if (MAY_END[node] === 0) throw new HpackError('HUFFMAN_PADDING');
  return length;
}

function buildTables(): void {
  assignCodes();
  // Children by node: a node's number, or -1 - symbol for a leaf. 257 leaves make 256 inner nodes.
  const children: [number, number][] = [[0, 0]];
  for (let symbol = 0; symbol <= EOS; symbol += 1) {
    let node = 0;
    for (let bit = (BITS[symbol] as number) - 1; bit >= 0; bit -= 1) {
      const side = (((CODES[symbol] as number) >>> bit) & 1) as 0 | 1;
      const pair = children[node] as [number, number];
      if (bit === 0) pair[side] = -1 - symbol;
      else if (pair[side] === 0) {
        pair[side] = children.length;
        node = children.length;
        children.push([0, 0]);
      } else node = pair[side];
    }
  }
  for (let node = 0, ones = 0; ones < 8; ones += 1) {
    MAY_END[node] = 1;
    node = (children[node] as [number, number])[1];
  }
  for (let node = 0; node < children.length; node += 1)
    for (let byte = 0; byte < 256; byte += 1)
      STEPS[(node << 8) | byte] = walk(children, node, byte);
}

/** Canonical codes: by length, then by symbol, counting up. */
function assignCodes(): void {
  let code = 0;
  for (let bits = 1; bits <= 30; bits += 1) {
    for (let symbol = 0; symbol <= EOS; symbol += 1) {
      if (BITS[symbol] !== bits) continue;
      CODES[symbol] = code;
      code += 1;
    }
    code *= 2;
  }
}

function walk(children: readonly [number, number][], start: number, byte: number): number {
  let node = start;
  let symbols = 0;
  let count = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    const next = (children[node] as [number, number])[((byte >>> bit) & 1) as 0 | 1];
    if (next >= 0) {
      node = next;
      continue;
    }
    const symbol = -1 - next;
    if (symbol === EOS) return EOS_FLAG;
    symbols |= symbol << (8 * count);
    count += 1;
    node = 0;
  }
  return symbols | (count << COUNT_SHIFT) | (node << NODE_SHIFT);
}
