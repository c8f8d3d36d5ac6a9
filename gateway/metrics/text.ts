/**
 * Prometheus' text format, for metrics with so many series that a registry of prom-client would take long over them. pure
 */

/** One metric of a page: its head, then its series in the order in which they are added. */
export class Family {
  readonly #name: string;
  readonly #lines: string[];

  constructor(name: string, type: 'counter' | 'gauge' | 'histogram', help: string) {
    this.#name = name;
    this.#lines = [`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`];
  }

  /** A series; `labels` is what {@link labelled} makes, `suffix` what a part of a histogram has. */
  add(labels: string, value: number, suffix = ''): void {
    this.#lines.push(`${this.#name}${suffix}{${labels}} ${value}\n`);
  }

  /** Whole lines; also where there is no series. */
  get text(): string {
    return this.#lines.join('');
  }
}

/** Labels as they stand between the braces of a series. */
export function labelled(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/["\\\n]/g, escaped)}"`)
    .join(',');
}

function escaped(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}
