/**
 * The protobuf wire format: reading and writing fields. pure
 *
 * After "Encoding" of the Protocol Buffers documentation; groups, which nobody sends, are refused.
 */
import { badRequest } from '../values/status.ts';

/** One field of a message. */
export interface WireField {
  readonly number: number;
  /** A varint or fixed value, or the bytes of a string or message. */
  readonly value: bigint | Buffer;
}

/** The fields of `message` in their order; throws 400 when it is cut short or malformed. */
export function* readFields(message: Buffer): Generator<WireField> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw malformed();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw malformed();
  };
  const bytes = (count: number): Buffer => {
    if (count < 0 || at + count > message.length) throw malformed();
    at += count;
    return message.subarray(at - count, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: bytes(8).readBigInt64LE() };
        break;
      case 2:
        yield { number, value: bytes(Number(varint())) };
        break;
      case 5:
        yield { number, value: BigInt(bytes(4).readInt32LE()) };
        break;
      default:
        throw malformed();
    }
  }
}

function malformed(): Error {
  return badRequest('the protobuf body is malformed');
}

/** A field with a text or a message as its value. */
export function writeField(number: number, value: string | Buffer): Buffer {
  const body = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([writeVarint(number * 8 + 2), writeVarint(body.length), body]);
}

/** A field with a number that is not negative as its value. */
export function writeNumber(number: number, value: number): Buffer {
  return Buffer.concat([writeVarint(number * 8), writeVarint(value)]);
}

function writeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 0x80) | 0x80);
    left = Math.floor(left / 0x80);
  }
  bytes.push(left);
  return Buffer.from(bytes);
}
