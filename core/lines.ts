/**
 * Splits a stream of bytes into lines, without ever holding more than one line of a bounded size.
 *
 * Used for watches and catalogs, both newline-delimited JSON. Splitting bytes, not text, keeps a
 * character that straddles two chunks whole.
 */
import { IsthmusError } from './errors.ts';
import { Gathered } from './gathered.ts';

const NEWLINE = 0x0a;

/** Collects chunks into lines of at most `lineBytesMax` bytes. */
export class LineSplitter {
  readonly #lineBytesMax: number;
  readonly #held: Gathered;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
    this.#held = new Gathered(lineBytesMax);
  }

  /** The lines that `chunk` completes, without their ends; blank ones left out. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#hold(chunk.subarray(start, end));
      const line = this.#held.take().trim();
      if (line !== '') lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
    return lines;
  }

  #hold(part: Uint8Array): void {
    if (this.#held.add(part)) return;
    throw new IsthmusError('BAD_REQUEST', `a line passes ${this.#lineBytesMax} bytes`);
  }
}
