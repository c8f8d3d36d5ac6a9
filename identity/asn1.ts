/**
 * DER, built and read with node-forge's ASN.1 module. pure
 *
 * node-forge knows ASN.1 well and elliptic curves not at all, so its certificate functions are of no
 * use here; keys and signatures are node:crypto's. Bytes travel as Buffers outside this file and as
 * latin1 strings inside, which is what node-forge speaks.
 */
import forge from 'node-forge';

export type Asn1 = forge.asn1.Asn1;

const { asn1 } = forge;
const { Class, Type } = asn1;

/** The options of `fromDer` that @types/node-forge does not know. */
type StrictFromDer = (
  bytes: string,
  options: {
    readonly strict: boolean;
    readonly parseAllBytes: boolean;
    readonly decodeBitStrings: boolean;
  },
) => Asn1;

/** SEQUENCE of `children`. */
export function sequence(...children: Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, children);
}

/** SET of `children`. */
export function set(...children: Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SET, true, children);
}

/** OBJECT IDENTIFIER in dotted form. */
export function oid(dotted: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(dotted).getBytes());
}

/** INTEGER of the given big-endian bytes, which must already be minimal and positive. */
export function integer(bytes: Buffer): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.INTEGER, false, bytes.toString('latin1'));
}

/** BOOLEAN. */
export function boolean(value: boolean): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.BOOLEAN, false, value ? '\xff' : '\x00');
}

/** NULL. */
export function nothing(): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.NULL, false, '');
}

/** UTF8String. */
export function utf8(text: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.UTF8, false, Buffer.from(text).toString('latin1'));
}

/** OCTET STRING. */
export function octets(bytes: Buffer): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.OCTETSTRING, false, bytes.toString('latin1'));
}

/** BIT STRING; `unused` counts the bits of the last byte that mean nothing. */
export function bits(bytes: Buffer, unused = 0): Asn1 {
  const value = String.fromCharCode(unused) + bytes.toString('latin1');
  return asn1.create(Class.UNIVERSAL, Type.BITSTRING, false, value);
}

/** A constructed value below the context tag `[tag]`. */
export function tagged(tag: number, ...children: Asn1[]): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag, true, children);
}

/** A primitive value below the context tag `[tag]`. */
export function taggedBytes(tag: number, bytes: Buffer): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag, false, bytes.toString('latin1'));
}

/** UTCTime until 2049 and GeneralizedTime from 2050, as RFC 5280 section 4.1.2.5 demands. */
export function time(ms: number): Asn1 {
  const date = new Date(ms);
  return date.getUTCFullYear() < 2050
    ? asn1.create(Class.UNIVERSAL, Type.UTCTIME, false, asn1.dateToUtcTime(date))
    : asn1.create(Class.UNIVERSAL, Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date));
}

/** The DER encoding of a node. */
export function toDer(value: Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
}

/** Throws for anything that is not exactly one DER value. Bit strings are left as they are. */
export function fromDer(der: Buffer): Asn1 {
  const parse = asn1.fromDer as unknown as StrictFromDer;
  return parse(der.toString('latin1'), {
    strict: true,
    parseAllBytes: true,
    decodeBitStrings: false,
  });
}

/** The children of a SEQUENCE, a SET or a constructed context tag; an Error for anything else. */
export function childrenOf(
  value: Asn1 | undefined,
  what: string,
  kind: 'sequence' | 'set' | number = 'sequence',
): readonly Asn1[] {
  const expected =
    typeof kind === 'number' ? kind : kind === 'set' ? Type.SET : (Type.SEQUENCE as number);
  const tagClass = typeof kind === 'number' ? Class.CONTEXT_SPECIFIC : Class.UNIVERSAL;
  if (value?.tagClass !== tagClass || Number(value.type) !== expected) {
    throw new Error(`${what} is missing`);
  }
  if (!value.constructed || typeof value.value === 'string') throw new Error(`${what} is broken`);
  return value.value;
}

/** The content of an OCTET STRING, or an Error. */
export function octetsOf(value: Asn1 | undefined, what: string): Buffer {
  return primitive(value, Type.OCTETSTRING, what);
}

/** The content of a BIT STRING of whole bytes, or an Error. */
export function bitsOf(value: Asn1 | undefined, what: string): Buffer {
  const content = primitive(value, Type.BITSTRING, what);
  if (content[0] !== 0) throw new Error(`${what} has unused bits`);
  return content.subarray(1);
}

/** The content of an INTEGER, or an Error. */
export function integerOf(value: Asn1 | undefined, what: string): Buffer {
  return primitive(value, Type.INTEGER, what);
}

/** The content of a primitive context tag, or an Error. */
export function taggedBytesOf(value: Asn1 | undefined, tag: number, what: string): Buffer {
  if (!value || !isTagged(value, tag)) throw new Error(`${what} is missing`);
  return contentOf(value, what);
}

function primitive(value: Asn1 | undefined, type: forge.asn1.Type, what: string): Buffer {
  if (value?.tagClass !== Class.UNIVERSAL || value.type !== type) {
    throw new Error(`${what} is missing`);
  }
  return contentOf(value, what);
}

function contentOf(value: Asn1, what: string): Buffer {
  if (value.constructed || typeof value.value !== 'string') throw new Error(`${what} is broken`);
  return Buffer.from(value.value, 'latin1');
}

/** The dotted form of an OBJECT IDENTIFIER, or an Error. */
export function oidOf(value: Asn1 | undefined, what: string): string {
  return asn1.derToOid(primitive(value, Type.OID, what).toString('latin1'));
}

/** Whether `value` stands below the context tag `[tag]`. */
export function isTagged(value: Asn1, tag: number): boolean {
  return value.tagClass === Class.CONTEXT_SPECIFIC && Number(value.type) === tag;
}
