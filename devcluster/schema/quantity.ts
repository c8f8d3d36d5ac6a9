/**
 * Quantities: `500m`, `1Gi`. pure
 *
 * After staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go: whatever way a quantity is written, the server keeps
 * and shows one form of it.
 */

const FORM = /^([+-]?)(\d+\.?\d*|\.\d+)((?:[eE][+-]?\d+)|[KMGTPE]i|[numkMGTPE]?)$/;
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
/** Quantities are whole numbers of billionths; what is finer is rounded up. */
const NANO = 1_000_000_000n;
/** Characters of a quantity; a real one has a few. */
const LENGTH_MAX = 64;
/** Powers of ten beyond which nothing is a quantity. */
const EXPONENT_MAX = 30;

/** The canonical form of `text`; `undefined` when it is no quantity. */
export function canonicalQuantity(text: string): string | undefined {
  const read = readQuantity(text);
  if (!read) return undefined;
  const { sign, value, isBinary, isExponent } = read;
  if (value === 0n) return '0';
  const whole = value % NANO === 0n && value / NANO >= 1_024n;
  return sign + (isBinary && whole ? inBinary(value / NANO) : inDecimal(value, isExponent));
}

/** Whether quantity `a` is more than quantity `b`; false where one of them is none. */
export function isMore(a: string, b: string): boolean {
  const [left, right] = [readQuantity(a), readQuantity(b)];
  if (!left || !right) return false;
  const signed = ({ sign, value }: Quantity) => (sign === '-' ? -value : value);
  return signed(left) > signed(right);
}

interface Quantity {
  readonly sign: string;
  /** Billionths. */
  readonly value: bigint;
  readonly isBinary: boolean;
  readonly isExponent: boolean;
}

function readQuantity(text: string): Quantity | undefined {
  const match = text.length > LENGTH_MAX ? null : FORM.exec(text.trim());
  if (!match) return undefined;
  const [, sign = '', number = '', suffix = ''] = match;
  const isExponent = /^[eE][+-]?\d/.test(suffix);
  const power = isExponent ? Number(suffix.slice(1)) : (DECIMAL.indexOf(suffix) - 3) * 3;
  const binary = BINARY.indexOf(suffix);
  const isBinary = binary > 0;
  if (!isBinary && Math.abs(power) > EXPONENT_MAX) return undefined;
  const nano = isBinary ? scaled(number, 0) * 1_024n ** BigInt(binary) : scaled(number, power);
  return { sign: sign.replace('+', ''), value: roundedUp(nano), isBinary, isExponent };
}

/** Digits kept below a billionth until they are rounded. */
const SPARE = 64;

/** `number` × 10^`power`, in units of 10^-(9 + {@link SPARE}). */
function scaled(number: string, power: number): bigint {
  const [whole = '', fraction = ''] = number.split('.');
  const zeros = SPARE + 9 + power - fraction.length;
  const digits = BigInt(`${whole}${fraction}`);
  return zeros >= 0 ? digits * 10n ** BigInt(zeros) : digits / 10n ** BigInt(-zeros);
}

function roundedUp(value: bigint): bigint {
  const unit = 10n ** BigInt(SPARE);
  return (value + unit - 1n) / unit;
}

function inDecimal(nano: bigint, isExponent: boolean): string {
  let [value, step] = [nano, 0];
  while (value % 1_000n === 0n && step < DECIMAL.length - 1)
    [value, step] = [value / 1_000n, step + 1];
  const power = (step - 3) * 3;
  return `${value}${isExponent ? (power === 0 ? '' : `e${power}`) : DECIMAL[step]}`;
}

function inBinary(whole: bigint): string {
  let [value, step] = [whole, 0];
  while (value % 1_024n === 0n && step < BINARY.length - 1)
    [value, step] = [value / 1_024n, step + 1];
  return `${value}${BINARY[step]}`;
}
