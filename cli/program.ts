/**
 * The commands of `isthmus` and what becomes of their errors.
 */
import { Command, CommanderError } from 'commander';
import { codeOf, IsthmusError } from '#core/errors.ts';
import { packageVersion } from '#runtime/package.ts';
import { completionCommand, contextsCommand } from './commands/completion.ts';
import { devCommand } from './commands/dev.ts';
import { drillCommand } from './commands/drill.ts';
import { explainCommand } from './commands/explain.ts';
import { linkCommand } from './commands/link.ts';
import { servicesCommand } from './commands/services.ts';
import { unlinkCommand } from './commands/unlink.ts';
import { EXIT, exitCodeOf } from './exit.ts';
import type { CommandContext, Io } from './io.ts';
import { reportError } from './output.ts';
import { similarTo } from './similar.ts';

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
    const [first, asked] = args;
    // Commander would print the help of all of it and call that a failure without a word.
    if (first === 'help' && asked !== undefined && !isCommand(program, asked))
      throw unknownCommand(program, asked);
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const failure = error instanceof CommanderError ? usageError(error, program, args[0]) : error;
    // What could not be written is told when all of it was tried.
    if (codeOf(failure) !== 'OUTPUT_FAILED') reportError(failure, io, outputOf(args));
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
    // "[options]" in every line would leave no room for what the commands do.
    .configureHelp({ subcommandTerm: (command) => termOf(command) })
    .addHelpText(
      'after',
      `
Exit codes: 0 success, 1 a check failed, 2 usage or invalid file, 3 a cluster
cannot be reached, 130 interrupted by Ctrl-C, 143 by SIGTERM (isthmus dev ends
with 0: that is how it is meant to end).`,
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
  program.addCommand(contextsCommand(context), { hidden: true });
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
    throw unknownCommand(program, name ?? '');
  });
  return program;
}

function termOf(command: Command): string {
  const usage = command.registeredArguments.map((each) =>
    each.required ? `<${each.name()}>` : `[${each.name()}]`,
  );
  return [command.name(), ...usage].join(' ');
}

function isCommand(program: Command, name: string): boolean {
  return name === 'help' || program.commands.some((each) => each.name() === name);
}

function unknownCommand(program: Command, name: string): IsthmusError {
  const names = [...program.commands.map((each) => each.name()), 'help'];
  const meant = similarTo(name, names);
  const see = 'See isthmus --help.';
  return new IsthmusError('USAGE', `unknown command '${name}'`, {
    next: meant === undefined ? see : `Did you mean isthmus ${meant}? ${see}`,
  });
}

/** What commander found wrong with a command line; what it takes for meant is the next step. */
function usageError(
  { message }: CommanderError,
  program: Command,
  command: string | undefined,
): IsthmusError {
  const [, what, meant] = /^(?:error: )?(.*?)(?:\n\((.*)\))?$/s.exec(message) ?? [];
  const see = helpFor(program, command);
  return new IsthmusError('USAGE', what ?? message, { next: meant ? `${meant} ${see}` : see });
}

/** Where the usage of `name` is printed: its own help, where there is such a command. */
function helpFor(program: Command, name: string | undefined): string {
  return name !== undefined && isCommand(program, name)
    ? `See isthmus ${name} --help.`
    : 'See isthmus --help.';
}

/** The format that was asked for, even when the rest of the line could not be understood. */
function outputOf(args: readonly string[]): 'json' | 'yaml' | undefined {
  for (const [at, arg] of args.entries()) {
    const value = /^(?:--output(?:=(.*))?|-o=?(.+)?)$/.exec(arg);
    const named = value ? (value[1] ?? value[2] ?? args[at + 1]) : undefined;
    if (named === 'json' || named === 'yaml') return named;
  }
  return undefined;
}
