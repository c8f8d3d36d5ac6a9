/**
 * How the tools of the project (`npm run bench`, `soak`, `sim`, `test:contract`, `fuzz`) take their arguments.
 */
import { type ParseArgsConfig, parseArgs } from 'node:util';

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
  try {
    if (process.argv.slice(2).some((each) => each === '--help' || each === '-h')) {
      process.stdout.write(usage);
      return process.exit(0);
    }
    return read(parseArgs(config) as Parsed<C>);
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n--help shows what there is\n`);
    return process.exit(2);
  }
}
