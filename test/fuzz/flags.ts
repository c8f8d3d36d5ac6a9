/**
 * The flags of `npm run fuzz`. Every complaint names the flag, its value and what to do.
 */
import { below, systemRandom } from '#core/random.ts';
import { CODECS, type Codec } from './report.ts';

const INPUTS = 10_000_000;
const INPUTS_MAX = 4_000_000_000;
const SEED_MAX = 0xffff_ffff;

/** What was asked for. */
export interface Flags {
  readonly inputs: number;
  readonly seed: number;
  readonly json: boolean;
  /** One input alone. */
  readonly only:
    | { readonly codec: Codec; readonly range: { from: number; to: number } }
    | undefined;
}

/** The flags in `words`, or why there are none. */
export function parseFlags(words: readonly string[]): Flags | string {
  let inputs = INPUTS;
  let seed = below(systemRandom, SEED_MAX);
  let json = false;
  let only: Flags['only'];
  const rest = words.flatMap((word) => (/^--\w+=/.test(word) ? cutAtEquals(word) : [word]));
  for (let at = 0; at < rest.length; at += 1) {
    const flag = rest[at] as string;
    if (flag === '--json') {
      json = true;
      continue;
    }
    const value = rest[at + 1] ?? '';
    at += 1;
    if (flag === '--inputs') {
      inputs = wholeNumber(value, 1, INPUTS_MAX);
      if (inputs < 0) return `--inputs ${value}: give a whole number from 1 to ${INPUTS_MAX}`;
    } else if (flag === '--seed') {
      seed = wholeNumber(value, 0, SEED_MAX);
      if (seed < 0) return `--seed ${value}: give a whole number from 0 to ${SEED_MAX}`;
    } else if (flag === '--only') {
      only = oneInput(value);
      if (only === undefined)
        return `--only ${value}: give a codec and the number of an input, such as http1:17`;
    } else {
      return `${flag}: no such flag; the flags are --inputs N, --seed S, --json, --only CODEC:N`;
    }
  }
  return { inputs, seed, json, only };
}

function cutAtEquals(word: string): string[] {
  const at = word.indexOf('=');
  return [word.slice(0, at), word.slice(at + 1)];
}

function wholeNumber(text: string, least: number, most: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : -1;
  return number >= least && number <= most ? number : -1;
}

function oneInput(text: string): Flags['only'] {
  const [name, number = ''] = text.split(':');
  const codec = CODECS.find((each) => each === name);
  const from = wholeNumber(number, 0, INPUTS_MAX);
  return codec === undefined || from < 0 ? undefined : { codec, range: { from, to: from + 1 } };
}
