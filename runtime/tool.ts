/**
 * How the tools of the project (`npm run bench`, `soak`, `sim`, `test:contract`, `fuzz`) take their arguments.
 */
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Prints `usage` and exits with 0 if `--help` or `-h` is among the arguments of this process. */
export function helpIfAsked(usage: string): void {
  if (!process.argv.slice(2).some((each) => each === '--help' || each === '-h')) return;
  process.stdout.write(usage);
  process.exit(0);
}

/** `text`, given as `--name`, as a whole number from 1 to `most`. Throws an Error that says so. */
export function wholeNumber(name: string, text: string, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number <= most) return number;
  throw new Error(`--${name} is "${text}": expected a number from 1 to ${most}`);
}

type Parsed<C extends ParseArgsConfig> = ReturnType<typeof parseArgs<C>>;

/**
 * What `read` makes of the arguments of this process, which `config` describes. With `--help` prints `usage` and exits
 * with 0; what cannot be parsed, or makes `read` throw, is said on standard error, and the exit is 2.
 */
export function readToolArguments<C extends ParseArgsConfig, T>(
  usage: string,
  config: C,
  read: (parsed: Parsed<C>) => T,
): T {
  helpIfAsked(usage);
  try {
    return read(parseArgs(config) as Parsed<C>);
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n--help shows what there is\n`);
    return process.exit(2);
  }
}
