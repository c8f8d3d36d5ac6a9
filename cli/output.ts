/**
 * Text for people: tables that fit 80 columns, colour on terminals only, progress on standard error.
 */
import { stringify } from 'yaml';
import { errorDocument } from './exit.ts';
import { Interruption } from './interruption.ts';
import type { Io, OutputFormat } from './io.ts';

const COLOURS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Colour = keyof typeof COLOURS;
/** Width of text where there is no terminal. */
export const COLUMNS = 80;
/** Paints text, or leaves it alone. */
export type Paint = (colour: Colour, text: string) => string;

/** Whether standard output is a terminal that follows escape sequences. */
export function isScreen(io: Io): boolean {
  return io.isTerminal && io.env.TERM !== 'dumb';
}

/** Colour on a terminal unless NO_COLOR is set (https://no-color.org). */
export function paintFor(io: Io): Paint {
  const colourful = isScreen(io) && !io.env.NO_COLOR;
  return colourful ? (colour, text) => `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : (_, text) => text;
}

/** What a terminal acts on and does not show, but for the colours above. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about.
const CONTROL = /\x1b(?!\[(?:[012]|3[1236])m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]/g;

/** `text` that others wrote, without what would clear a screen, move its cursor or set a title. */
export function printable(text: string): string {
  return text.replace(CONTROL, '\ufffd');
}

/** Columns of left-aligned text under upper-case headings, two spaces apart. */
export function table(headings: readonly string[], found: readonly (readonly string[])[]): string {
  const rows = found.map((row) => row.map((cell) => printable(cell).replaceAll('\n', ' ')));
  const widths = headings.map((heading, at) =>
    Math.max(heading.length, ...rows.map((row) => visibleLength(row[at] ?? ''))),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell + ' '.repeat(Math.max(0, (widths[at] ?? 0) - visibleLength(cell))))
      .join('  ')
      .trimEnd();
  return [line(headings), ...rows.map(line)].join('\n');
}

/** The same of rows that begin with a name: where they are wider than 80 columns, all names have lines of their own. */
export function namedTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const whole = table(headings, rows);
  if (whole.split('\n').every((line) => visibleLength(line) <= COLUMNS)) return whole;
  const facts = table(
    headings.slice(1),
    rows.map((row) => row.slice(1)),
  ).split('\n');
  const names = [headings, ...rows].map(([name = '']) => name);
  return facts.map((line, at) => `${names[at]}\n  ${line}`).join('\n');
}

/** Characters that take two columns of a terminal: https://www.unicode.org/reports/tr11/. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/gu;

/** Columns on the screen: colours and combining marks take none. */
export function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ESC begins a colour sequence.
  const shown = text.replace(/\x1b\[\d+m|\p{M}/gu, '');
  return [...shown].length + (shown.match(WIDE)?.length ?? 0);
}

/** One document on standard output. */
export function printDocument(io: Io, format: OutputFormat, value: unknown): void {
  io.out(format === 'yaml' ? stringify(value) : `${JSON.stringify(value, null, 2)}\n`);
}

/** A line of progress, for people who wait. */
export function progress(io: Io, text: string): void {
  io.err(`${text}\n`);
}

/** What went wrong without being the end of it, for people. */
export function warn(io: Io, text: string): void {
  io.err(`${wrap(`warning: ${printable(text)}`, errorColumns(io))}\n`);
}

/** Says what went wrong: for people on standard error, else as a document of `format`. */
export function reportError(
  error: unknown,
  io: Io,
  format: 'json' | 'yaml' | undefined = undefined,
): void {
  const document = errorDocument(error);
  if (format !== undefined) {
    printDocument(io, format, document);
    return;
  }
  const { code, field, next } = document.error;
  const message = printable(document.error.message);
  const where = field === null || message.includes(field) ? '' : ` (${field})`;
  const what = error instanceof Interruption ? message : `error: ${message}`;
  const columns = errorColumns(io);
  io.err(`${wrap(`${what}${where}`, columns)}\n${wrap(`  ${next} [${code}]`, columns)}\n`);
}

function errorColumns(io: Io): number {
  return io.isErrorTerminal ? io.size().columns : COLUMNS;
}

/**
 * Breaks lines of text that are longer than `columns` between words, never inside a quoted value; what goes on is
 * indented by two.
 */
export function wrap(text: string, columns: number): string {
  return text
    .split('\n')
    .map((line) => (line.length <= columns ? line : wrapLine(line, columns)))
    .join('\n');
}

function wrapLine(line: string, columns: number): string {
  const indent = /^ */.exec(line)?.[0] ?? '';
  const lines: string[] = [];
  let current = '';
  // A quote within a word, as in "peer's", begins no value.
  for (const [word] of line.matchAll(/(?:(?<!\w)"[^"]*"|(?<!\w)'[^']*'|\S)+/g)) {
    const before = lines.length === 0 ? indent : '  ';
    if (current === '') current = before + word;
    else if (current.length + 1 + word.length <= columns) current += ` ${word}`;
    else {
      lines.push(current);
      current = `  ${word}`;
    }
  }
  return [...lines, current].join('\n');
}
