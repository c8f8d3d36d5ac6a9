/**
 * Settings from the environment, with every problem reported at once.
 *
 * A component reads what it needs through an {@link EnvironmentReader} and then calls `check()`: one
 * `INVALID_CONFIG` names each wrong variable, its value and what was expected, so that nobody fixes
 * one variable only to learn of the next.
 */
import { IsthmusError } from '#core/errors.ts';
import { isLabelName } from '#core/names.ts';
import { type Address, parseAddress } from '#core/network.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Longest value shown in a message. */
const SHOWN_CHARS_MAX = 80;

/** Reads variables of one environment. Wrong ones yield a placeholder until `check()` throws. */
export class EnvironmentReader {
  readonly #env: Environment;
  readonly #problems: { readonly name: string; readonly text: string }[] = [];

  constructor(env: Environment) {
    this.#env = env;
  }

  /** Any non-empty text. */
  text(name: string, fallback?: string): string {
    return this.#read(name, 'a text', (raw) => raw, fallback) ?? '';
  }

  /** Any non-empty text, or `undefined` when the variable is absent or empty. */
  optionalText(name: string): string | undefined {
    return this.#env[name] || undefined;
  }

  /** An integer in [min, max]. */
  integer(name: string, bounds: { readonly min: number; readonly max: number }, fallback?: number) {
    const expected = `an integer from ${bounds.min} to ${bounds.max}`;
    const parse = (raw: string) => {
      const value = /^-?\d{1,15}$/.test(raw) ? Number(raw) : Number.NaN;
      return value >= bounds.min && value <= bounds.max ? value : undefined;
    };
    return this.#read(name, expected, parse, fallback) ?? bounds.min;
  }

  /** `host:port`. */
  address(name: string, fallback?: Address): Address {
    const expected = 'an address such as 10.0.0.1:4143 or host.example:8443';
    return this.#read(name, expected, parseAddress, fallback) ?? { host: '0.0.0.0', port: 1 };
  }

  /** A cluster, pod or namespace name: an RFC 1123 label. */
  label(name: string, fallback?: string): string {
    const expected = 'an RFC 1123 label: lower-case letters, digits and dashes, at most 63';
    return (
      this.#read(name, expected, (raw) => (isLabelName(raw) ? raw : undefined), fallback) ?? ''
    );
  }

  /** One of `choices`. */
  choice<const T extends string>(name: string, choices: readonly T[], fallback?: T): T {
    const parse = (raw: string) => choices.find((each) => each === raw);
    const found = this.#read(name, `one of ${choices.join(', ')}`, parse, fallback);
    return found ?? (choices[0] as T);
  }

  /** `true` or `false`. */
  flag(name: string, fallback: boolean): boolean {
    return this.choice(name, ['true', 'false'], fallback ? 'true' : 'false') === 'true';
  }

  /** Throws one `INVALID_CONFIG` that lists every problem met so far. */
  check(): void {
    const [first] = this.#problems;
    if (!first) return;
    const message = this.#problems.map((each) => each.text).join('; ');
    throw new IsthmusError('INVALID_CONFIG', message, { field: first.name });
  }

  #read<T>(
    name: string,
    expected: string,
    parse: (raw: string) => T | undefined,
    fallback: T | undefined,
  ): T | undefined {
    const raw = this.#env[name];
    if (raw === undefined || raw === '') {
      if (fallback !== undefined) return fallback;
      this.#problems.push({ name, text: `${name} is not set: expected ${expected}` });
      return undefined;
    }
    const value = parse(raw);
    if (value === undefined) {
      const shown = raw.length > SHOWN_CHARS_MAX ? `${raw.slice(0, SHOWN_CHARS_MAX)}…` : raw;
      this.#problems.push({ name, text: `${name} is "${shown}": expected ${expected}` });
    }
    return value;
  }
}
