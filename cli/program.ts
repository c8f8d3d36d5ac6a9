/**
 * The commands of `isthmus` and what becomes of their errors.
 */
import { Command, CommanderError } from 'commander';
import { IsthmusError } from '#core/errors.ts';
import { packageVersion } from '#runtime/package.ts';
import { completionCommand } from './commands/completion.ts';
import { devCommand } from './commands/dev.ts';
import { drillCommand } from './commands/drill.ts';
import { explainCommand } from './commands/explain.ts';
import { linkCommand } from './commands/link.ts';
import { servicesCommand } from './commands/services.ts';
import { unlinkCommand } from './commands/unlink.ts';
import { EXIT, errorDocument, exitCodeOf } from './exit.ts';
import type { CommandContext, Io } from './io.ts';
import { printDocument } from './output.ts';

/** Runs one command line; resolves with the exit code. Never rejects. */
export async function runProgram(args: readonly string[], io: Io): Promise<number> {
  let exitCode: number = EXIT.ok;
  const context: CommandContext = {
    io,
    failed: () => {
      exitCode = EXIT.failed;
    },
  };
  const program = buildProgram(context);
  if (args.length === 0) {
    io.out(program.helpInformation());
    return EXIT.ok;
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const failure =
      error instanceof CommanderError
        ? new IsthmusError('USAGE', error.message.replace(/^error: /, ''), {
            next: helpFor(program, args[0]),
          })
        : error;
    reportError(failure, args, io);
    return exitCodeOf(failure);
  }
}

function buildProgram(context: CommandContext): Command {
  const { io } = context;
  const program = new Command('isthmus')
    .description(
      'Links Kubernetes clusters: mirrored services, mTLS gateways, latency-aware failover.',
    )
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help')
    .showSuggestionAfterError(true)
    .addHelpText(
      'after',
      '\nExit codes: 0 success, 1 a check failed, 2 usage or invalid file, 3 a cluster cannot be\nreached.',
    );
  const commands = [
    devCommand(context),
    linkCommand(context),
    unlinkCommand(context),
    servicesCommand(context),
    explainCommand(context),
    drillCommand(context),
    completionCommand(context, program),
  ];
  for (const command of commands) program.addCommand(command);
  for (const each of [program, ...program.commands]) {
    each.exitOverride().configureOutput({
      writeOut: (text) => io.out(text),
      // Errors are reported once, by us, in the format that was asked for.
      writeErr: () => undefined,
      getOutHelpWidth: () => Math.min(io.size().columns, 100),
    });
  }
  // Before commander looks at the options: what a command would have taken is not what is wrong here.
  program.on('command:*', ([name]: readonly string[]) => {
    throw new CommanderError(2, 'isthmus.unknownCommand', `unknown command '${name}'`);
  });
  return program;
}

/** Where the usage of `name` is printed: its own help, where there is such a command. */
function helpFor(program: Command, name: string | undefined): string {
  const known = program.commands.some((each) => each.name() === name);
  return known ? `See isthmus ${name} --help.` : 'See isthmus --help.';
}

function reportError(error: unknown, args: readonly string[], io: Io): void {
  const format = outputOf(args);
  const document = errorDocument(error);
  if (format !== undefined) {
    printDocument(io, format, document);
    return;
  }
  const { code, message, field, next } = document.error;
  const where = field === null || message.includes(field) ? '' : ` (${field})`;
  io.err(`error: ${message}${where}\n  ${next} [${code}]\n`);
}

/** The format that was asked for, even when the rest of the line could not be understood. */
function outputOf(args: readonly string[]): 'json' | 'yaml' | undefined {
  for (const [at, arg] of args.entries()) {
    const value = /^(?:--output|-o)(?:=(.*))?$/.exec(arg);
    const named = value ? (value[1] ?? args[at + 1]) : undefined;
    if (named === 'json' || named === 'yaml') return named;
  }
  return undefined;
}
